//! The command line's configuration: a tree of files in mcp-cli's layout, and a `.env` beside it.
//!
//! 1. Flags win over the environment, the environment over the tree, the tree over `.env`'s accounts.
//! 2. What is not understood is told, with the nearest name that there is; it never stops a command.
//! 3. A file that nobody named and that is not the user's own cannot say where requests go: whoever
//!    enters a foreign folder would send prompts and keys there. It sees nothing of the environment but the
//!    account. One in `.outcrop`, which need not even be seen, brings no account either.

pub mod account;
mod carve;
mod defaults;
pub mod dotenv;
pub mod edit;
mod find;
pub mod keys;
pub mod known;
mod migrate;
pub mod secrets;
mod tree;
pub mod verbs;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use outcrop_config::{Backend, Config, Diagnostic, Severity};

pub use self::defaults::parse;
use self::dotenv::{Asked, DotEnv};
pub use self::find::Place;
use self::tree::Tree;
use crate::exit::{Exit, Failure};

/// Read once, by [`parse`].
static CURRENT: OnceLock<Settings> = OnceLock::new();
/// Flags that have their value from environment variables.
static OF_VARIABLES: OnceLock<Vec<String>> = OnceLock::new();

/// A configuration that was found.
#[derive(Debug)]
pub struct Settings {
    /// `config.yaml`.
    pub file: PathBuf,
    pub place: Place,
    variables: DotEnv,
    tree: Tree,
    /// The name of the provider in use.
    provider: String,
    /// What the provider's files mean.
    config: Config,
    /// Flags that have their value from the files.
    preset: Vec<String>,
    /// All that is to be said of the files.
    pub notes: Vec<Diagnostic>,
}

// === impl Settings ===

impl Settings {
    /// Those of this process; `None` where no file was found, or the command takes none.
    pub fn current() -> Option<&'static Self> {
        CURRENT.get()
    }

    /// The configuration that is named, or found where it may lie.
    ///
    /// # Errors
    /// [`Exit::ConfigMissing`] when the named one is not there; [`Exit::Other`] when one cannot be read.
    pub fn load(named: Option<&Path>, provider: Option<&str>) -> anyhow::Result<Option<Self>> {
        let Some((file, place)) = find::find(named)? else { return Ok(None) };
        let folder = file.parent().unwrap_or(Path::new("."));
        let mut notes = Vec::new();
        let variables = DotEnv::read(&folder.join(".env"), place, &mut notes)?;
        let tree = Tree::read(&file, &Asked(&variables), &mut notes)?;
        notes.extend(defaults::wrong_values(&tree));
        let (config, found) = account::read(&tree, provider, &variables)?;
        let provider = tree.chosen(provider);
        notes.extend(found);
        let settings =
            Self { file, place, variables, tree, provider, config, preset: Vec::new(), notes };
        settings.stay_at_aws()?;
        Ok(Some(settings))
    }

    /// The backend of the provider in use.
    pub fn chosen(&self) -> Option<&Backend> {
        self.config.backends.get(&self.provider)
    }

    /// Where the configuration lies.
    ///
    /// # Errors
    /// When the named one is not there.
    pub fn place(named: Option<&Path>) -> anyhow::Result<Option<(PathBuf, Place)>> {
        find::find(named)
    }

    /// What `name` stands for to a server, which is started only where its user wants it: in the environment, else
    /// in `.env`.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).or_else(|| std::env::var(name).ok())
    }

    /// The files of MCP servers (`config/servers/*.yaml`, or the whole `config.yaml`), as they are.
    pub fn servers(&self) -> Vec<PathBuf> {
        self.tree.servers().map(|file| file.path.clone()).collect()
    }

    /// Tells on stderr what may not have been meant.
    fn warn(&self) {
        for note in self.notes.iter().filter(|note| note.severity == Severity::Warning) {
            note!("warning: {}", one_line(note));
        }
    }
}

/// Whether the flag's value was not given by hand but is the files' or a variable's.
pub fn is_preset(flag: &str) -> bool {
    let of_files = Settings::current().map(|settings| &settings.preset);
    of_files.into_iter().chain(OF_VARIABLES.get()).flatten().any(|set| set == flag)
}

/// What is wrong, where, and the mend.
fn one_line(note: &Diagnostic) -> String {
    let Diagnostic { severity: _, origin, what, hint } = note;
    let hint = hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{origin}: {what}{hint}")
}

/// The failure that the errors among `notes` make.
fn wrong(notes: &[Diagnostic]) -> anyhow::Error {
    let errors = notes.iter().filter(|note| note.severity == Severity::Error);
    let lines: Vec<String> = errors.map(one_line).collect();
    Failure::new(Exit::Other, lines.join("\n")).into()
}
