//! `outcrop init`: finds out who is calling, where, and which models answer, and writes it down.
//!
//! 1. A model is chosen once it has answered.
//! 2. Files that are there are changed in place; their former text is kept beside them.
//! 3. Who is calling, the region and a model that answers stay as they are unless others are named or chosen.
//! 4. Keys are written only if they were typed or asked for, and where their owner alone reads them.

mod account;
mod asker;
mod earlier;
pub mod files;
mod write;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use outcrop_config::Backend;
use serde::Deserialize;
use serde_json::json;

use self::account::Account;
use self::asker::Asker;
use self::earlier::Earlier;
use self::files::Change;
pub use self::write::ROOT;
use crate::cli::InitArgs;
use crate::doctor::call;
use crate::doctor::finding::{Finding, Status};
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::print::{self, print_text};
use crate::settings::{Settings, edit};

/// What is offered where the account does not say.
#[derive(Debug, Deserialize)]
struct Choices {
    chat: Vec<String>,
    embed: Vec<String>,
    regions: Vec<String>,
}

/// What a model is wanted for.
#[derive(Clone, Copy)]
enum Use {
    Chat,
    Vectors,
}

/// How models are tried.
struct Trial<'t> {
    of: Use,
    /// Without one nothing is called.
    backend: Option<&'t Backend>,
    /// What became of calls.
    tried: &'t mut Vec<Finding>,
}

/// The models that are to be used.
struct Models {
    chat: String,
    embed: String,
    /// What became of calls.
    tried: Vec<Finding>,
}

pub async fn run(args: InitArgs) -> anyhow::Result<()> {
    let choices: Choices = toml::from_str(include_str!("init/choices.toml"))?;
    let asks = !args.non_interactive && std::io::stdin().is_terminal();
    let asker = if asks { Asker::Person } else { Asker::Nobody };
    let folder = folder(&args)?;
    let earlier = Earlier::of(&folder);
    let account = Account::find(&args, asker, (&choices.regions, earlier)).await?;
    tell(&format!("Account: {}", account.told));
    let models = models(&args, (asker, &account), (&choices, &folder)).await?;
    let changes = write::changes(&folder, &args, asker, (&account, &models))?;
    if !agreed(&changes, args.force, asker)? {
        return Err(Failure::new(Exit::Init, "Nothing was written.").into());
    }
    let done = files::write_all(&changes)?;
    let done: Vec<_> = changes.iter().map(|change| &change.path).zip(&done).collect();
    let file = folder.join("config.yaml");
    Settings::load(Some(&file), None)
        .map_err(|error| Failure::new(Exit::Init, format!("What was written is wrong: {error}")))?;
    if args.json {
        let files: Vec<_> = done.iter().map(|(path, done)| done.to_json(path)).collect();
        let calls: Vec<_> = models.tried.iter().map(Finding::to_json).collect();
        let told = json!({
            "dir": folder.display().to_string(),
            "files": files,
            "provider": "bedrock",
            "auth": account.word,
            "region": account.region,
            "model": models.chat,
            "embed_model": models.embed,
            "calls": calls,
            "verified": !args.no_verify,
        });
        return print_text(&format!("{told:#}\n"));
    }
    let mut text: String = done.iter().map(|(path, done)| done.line(path)).collect();
    if args.no_verify {
        text.push_str(
            "\nNo model was called: whether this works is not known (`outcrop doctor` looks).\n",
        );
    }
    text.push_str(&next_steps(&file));
    print_text(&text)
}

/// Where the configuration is, or is to be.
fn folder(args: &InitArgs) -> anyhow::Result<PathBuf> {
    if let Some(folder) = &args.dir {
        return Ok(folder.clone());
    }
    let found = Settings::place(None)?.map(|(file, _)| file);
    match found.as_deref().and_then(Path::parent) {
        Some(folder) if folder.as_os_str().is_empty() => Ok(PathBuf::from(".")),
        Some(folder) => Ok(folder.to_owned()),
        None => Ok(Home::find()?.config),
    }
}

fn next_steps(file: &Path) -> String {
    let found = Settings::place(None).ok().flatten();
    let same =
        found.is_some_and(|(found, _)| found.canonicalize().ok() == file.canonicalize().ok());
    let flag = if same { String::new() } else { format!(" --config {}", file.display()) };
    format!(
        "\nNext:\n  outcrop query \"Hello from Bedrock!\"{flag}\n  outcrop embed \"Some text\"{flag}\n  outcrop models{flag}\n"
    )
}

/// Whether what is there may be changed.
fn agreed(changes: &[Change], force: bool, asker: Asker) -> anyhow::Result<bool> {
    let replaced: Vec<&Change> = changes.iter().filter(|change| change.replaces()).collect();
    if replaced.is_empty() || force {
        return Ok(true);
    }
    let diffs: String = replaced.iter().map(|change| change.diff()).collect();
    print::tell(&diffs);
    if !asker.is_person() {
        let what = "There is a configuration, and this would change it; nothing was written.";
        let mend = "Run with --force: what is replaced is kept beside it.";
        return Err(Failure::new(Exit::Init, what).mend(mend).into());
    }
    asker.confirm("Change these files? What they are now is kept beside them.", true)
}

async fn models(
    args: &InitArgs,
    (asker, account): (Asker, &Account),
    (choices, folder): (&Choices, &Path),
) -> anyhow::Result<Models> {
    let mut tried = Vec::new();
    let offers = [
        (Use::Chat, &args.model, &choices.chat, &account.offer.chat),
        (Use::Vectors, &args.embed_model, &choices.embed, &account.offer.embed),
    ];
    let mut chosen = Vec::new();
    for (of, named, usual, listed) in offers {
        let asks = if args.quick { Asker::Nobody } else { asker };
        let backend = (!args.no_verify).then_some(&account.backend);
        let mut trial = Trial { of, backend, tried: &mut tried };
        let now = of.configured(folder);
        let others = usual.iter().filter(|model| Some(*model) != now.as_ref());
        let usual: Vec<String> = now.iter().chain(others).cloned().collect();
        let model = match named {
            Some(named) => trial.one(named).await?,
            None if asks.is_person() => trial.by_hand(&usual, listed).await?,
            None => trial.first(&usual).await?,
        };
        chosen.push(model);
    }
    let embed = chosen.pop().unwrap_or_default();
    Ok(Models { chat: chosen.pop().unwrap_or_default(), embed, tried })
}

// === impl Use ===

impl Use {
    /// The file that names the model.
    fn file(self) -> &'static str {
        match self {
            Self::Chat => write::PROVIDER,
            Self::Vectors => write::EMBEDDINGS,
        }
    }

    fn question(self) -> &'static str {
        match self {
            Self::Chat => "Model for chats:",
            Self::Vectors => "Model for vectors:",
        }
    }

    /// The model that the folder's configuration has.
    fn configured(self, folder: &Path) -> Option<String> {
        let text = std::fs::read_to_string(folder.join(self.file())).ok()?;
        edit::get(&text, &["config", "default_model"]).filter(|model| !model.is_empty())
    }
}

// === impl Trial ===

impl Trial<'_> {
    /// The model, if it answers.
    async fn one(&mut self, model: &str) -> anyhow::Result<String> {
        self.answers(model).await?;
        Ok(model.to_owned())
    }

    /// The first that answers.
    async fn first(&mut self, models: &[String]) -> anyhow::Result<String> {
        let mut why = None;
        for model in models {
            match self.answers(model).await {
                Ok(()) => return Ok(model.clone()),
                Err(failure) => why = why.or(Some(failure)),
            }
        }
        Err(why.unwrap_or_else(|| Failure::new(Exit::Init, "There is no model to try.")).into())
    }

    /// Asks until one answers, or is to be kept nevertheless.
    async fn by_hand(&mut self, usual: &[String], listed: &[String]) -> anyhow::Result<String> {
        let mut options = usual.to_vec();
        options.extend(listed.iter().filter(|model| !usual.contains(model)).cloned());
        const OTHER: &str = "another";
        options.push(OTHER.to_owned());
        loop {
            let at = Asker::Person.choose(self.of.question(), &options)?;
            let mut model = options[at].clone();
            if model == OTHER {
                model = Asker::Person.text("Its id:", &usual[0])?;
            }
            match self.answers(&model).await {
                Ok(()) => return Ok(model),
                Err(failure) => {
                    tell(&failure.to_string());
                    if Asker::Person.confirm("Take it nevertheless?", false)? {
                        return Ok(model);
                    }
                }
            }
        }
    }

    /// Calls the model for one token, or for one vector.
    async fn answers(&mut self, model: &str) -> Result<(), Failure> {
        let Some(backend) = self.backend else { return Ok(()) };
        // Which model a variable names is another's to say, any time.
        if write::is_variable(model) {
            return Ok(());
        }
        tell(&format!("Calling {model}…"));
        let finding = match self.of {
            Use::Chat => call::chat(model, backend).await,
            Use::Vectors => call::vectors(model, backend).await,
        };
        let outcome = match finding.status {
            Status::Failure => Err(failure(&finding)),
            Status::Fine | Status::Note | Status::Warning => Ok(()),
        };
        self.tried.push(finding);
        outcome
    }
}

fn failure(finding: &Finding) -> Failure {
    let Finding { subject, said, ailment, .. } = finding;
    let failure = Failure::new(Exit::Init, format!("{subject}: {}.", said.trim_end_matches('.')));
    match ailment {
        Some(ailment) => failure.mend(format!("Mend: {}.", ailment.mend)),
        None => failure,
    }
}

/// How it goes, for whoever waits.
fn tell(text: &str) {
    note!("{text}");
}
