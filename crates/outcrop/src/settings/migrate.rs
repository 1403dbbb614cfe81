//! `outcrop config migrate`: mcp-cli's configuration, made into one of ours.
//!
//! 1. A `config.yaml` that has everything in it becomes a tree of files; a tree stays as it is.
//! 2. Secrets in plain text go into `.env`, and the files name them.
//! 3. Nothing that is there is lost: former texts are kept beside, other files are never replaced, and what
//!    comes to nothing here is told with its place.

use std::path::{Path, PathBuf};

use outcrop_config::Diagnostic;
use outcrop_config::document::{self, Document, Node};

use super::secrets::{exposed, is_plain_secret};
use super::tree::{File, Part};
use super::{Settings, carve, edit, find, keys, one_line};
use crate::exit::{Exit, Failure};
use crate::init::ROOT;
use crate::init::files::{self, Change, with_variables};
use crate::print::print_text;

/// What is made of the configuration.
struct Made {
    /// By their names below the folder.
    files: Vec<(PathBuf, Part, String)>,
    /// For `.env`.
    variables: Vec<(String, String)>,
}

pub fn run(file: &Path, to: Option<&Path>, dry_run: bool) -> anyhow::Result<()> {
    // So that what it includes is below its folder by name too.
    let file = &std::fs::canonicalize(file)?;
    let to = to.map(|to| std::fs::canonicalize(to).unwrap_or_else(|_| to.to_owned()));
    let to = to.as_deref();
    let Some(settings) = Settings::load(Some(file), None)? else {
        return Err(Failure::new(Exit::ConfigMissing, "There is no configuration.").into());
    };
    let from = file.parent().unwrap_or(Path::new("."));
    let mut made = Made::of(&settings, from)?;
    made.move_secrets()?;
    let plain: Vec<String> = made.plain(to.unwrap_or(from)).iter().map(one_line).collect();
    let changes = made.changes(from, to.unwrap_or(from))?;
    let mut text = String::new();
    if changes.iter().all(Change::is_idle) {
        text.push_str(&format!("{} is as it should be\n", file.display()));
    } else if dry_run {
        text.extend(changes.iter().map(Change::diff));
    } else {
        let done = files::write_all(&changes)?;
        text.extend(done.iter().zip(&changes).map(|(done, change)| done.line(&change.path)));
        let new = to.unwrap_or(from).join(find::FILE);
        Settings::load(Some(&new), None).map_err(|error| {
            let what = format!("What was written is wrong: {error}");
            Failure::new(Exit::Other, what).mend("The files of before are beside it.")
        })?;
    }
    let notes = settings.notes.iter().map(one_line).chain(unused(&settings));
    let notes: Vec<String> = notes.chain(plain).collect();
    if !notes.is_empty() {
        text.push_str("\nWorth knowing:\n");
        text.extend(notes.iter().map(|note| format!("  {note}\n")));
    }
    print_text(&text)
}

/// Keys of servers that nothing here reads.
fn unused(settings: &Settings) -> Vec<String> {
    const READ: [&str; 9] =
        ["command", "args", "env", "cwd", "url", "headers", "type", "disabled", "enabled"];
    let mut notes = Vec::new();
    let mut look = |server: &Node| {
        for entry in server.entries().iter().filter(|entry| !READ.contains(&entry.key.as_str())) {
            notes.push(format!("{}: `{}` of a server", entry.origin(), entry.key));
        }
    };
    for file in settings.tree.servers() {
        for document in documents(file) {
            let root = &document.root;
            match root.peek("server_name") {
                Some(_) => root.peek("config").into_iter().for_each(&mut look),
                None => {
                    let servers = root.peek("servers").map(Node::entries).unwrap_or_default();
                    servers.iter().for_each(|server| look(&server.value));
                }
            }
        }
    }
    notes
}

fn documents(file: &File) -> Vec<Document> {
    document::parse(&file.path.display().to_string(), file.text()).0
}

// === impl Made ===

impl Made {
    fn of(settings: &Settings, from: &Path) -> anyhow::Result<Self> {
        let tree = &settings.tree;
        let mut made = Self { files: Vec::new(), variables: Vec::new() };
        for file in tree.all() {
            let whole = documents(file).into_iter().next();
            match whole.filter(|_| file.part == Part::Root && tree.is_whole()) {
                Some(document) => made.split(file.text(), &document.root),
                None => {
                    let name = file.path.strip_prefix(from).map_err(|_| outside(&file.path))?;
                    if made.files.iter().any(|(made, ..)| made == name) {
                        return Err(there(&file.path).into());
                    }
                    made.files.push((name.to_owned(), file.part, file.text().to_owned()));
                }
            }
        }
        Ok(made)
    }

    /// The files of a configuration that has everything in it.
    fn split(&mut self, text: &str, root: &Node) {
        self.files.push((find::FILE.into(), Part::Root, ROOT.to_owned()));
        for (section, folder, part) in
            [("ai", "providers", Part::Providers), ("embeddings", "embeddings", Part::Embeddings)]
        {
            for (path, entry) in keys::providers_of(root, section) {
                let [.., interface, _, name] = path.as_slice() else { continue };
                let head = format!("interface_type: {interface}\nprovider_name: {name}\n");
                let file = match (interface.as_str(), name.as_str()) {
                    // As `init` and `config set` call it.
                    ("aws_bedrock", "bedrock") => "aws-bedrock".to_owned(),
                    (_, name) => file_name(name),
                };
                let file = Path::new("config").join(folder).join(format!("{file}.yaml"));
                self.files.push((file, part, carve::part(text, entry, &head, "config")));
            }
        }
        for server in root.peek("servers").map(Node::entries).unwrap_or_default() {
            let file = format!("config/servers/{}.yaml", file_name(&server.key));
            let head = format!("server_name: {}\n", serde_json::Value::from(server.key.as_str()));
            let text = carve::part(text, server, &head, "config");
            self.files.push((file.into(), Part::Servers, text));
        }
        let gone: [&[&str]; 3] =
            [&["ai", "interfaces"], &["embeddings", "interfaces"], &["servers"]];
        let settings = carve::without(text, root, &gone);
        self.files.push(("config/settings.yaml".into(), Part::Settings, settings));
    }

    /// Puts variables in the place of secrets.
    fn move_secrets(&mut self) -> anyhow::Result<()> {
        let Self { files, variables } = self;
        for (path, part, text) in files {
            if !matches!(part, Part::Providers | Part::Embeddings) {
                continue;
            }
            let (documents, _) = document::parse("", text);
            let Some(root) = documents.first().map(|document| &document.root) else { continue };
            let provider = root.peek("provider_name").and_then(Node::text).unwrap_or_default();
            for entry in root.peek("config").map(Node::entries).unwrap_or_default() {
                let Some(value) = entry.value.text() else { continue };
                if !is_plain_secret(&entry.key, value) || value.contains(['\'', '\n']) {
                    continue;
                }
                let name = variable(provider, &entry.key, value, variables);
                *text = edit::set(text, &["config", &entry.key], &format!("${{{name}}}")).map_err(
                    |why| {
                        let what = format!("{}: `{}`: {why}.", path.display(), entry.key);
                        let mend = format!("Put it into .env, and ${{{name}}} there.");
                        Failure::new(Exit::Other, what).mend(mend)
                    },
                )?;
                let known = variables.iter().any(|(one, _)| *one == name);
                variables.extend((!known).then(|| (name, value.to_owned())));
            }
        }
        Ok(())
    }

    /// Secrets that stay where they are: of servers, or with characters that `.env` does not hold.
    fn plain(&self, to: &Path) -> Vec<Diagnostic> {
        let exposed = |(name, _, text): &(PathBuf, Part, String)| exposed(&to.join(name), text);
        self.files.iter().flat_map(exposed).collect()
    }

    fn changes(self, from: &Path, to: &Path) -> anyhow::Result<Vec<Change>> {
        let Self { files, variables } = self;
        let mut changes = Vec::new();
        for (name, _, text) in files {
            let (_, wrong) = document::parse(&name.display().to_string(), &text);
            if let Some(wrong) = wrong.first() {
                let what = format!("{} cannot be made: {}.", name.display(), one_line(wrong));
                return Err(Failure::new(Exit::Other, what).mend("Nothing was changed.").into());
            }
            let change = Change::of_text(to.join(&name), text)?;
            if change.replaces() && from != to {
                return Err(there(&change.path).into());
            }
            changes.push(change);
        }
        let old = from.join(".env");
        if from == to {
            if old.exists() || !variables.is_empty() {
                changes.push(Change::of_variables(old, &variables)?);
            }
        } else {
            let text = std::fs::read_to_string(&old).unwrap_or_default();
            let text = with_variables(&text, &variables);
            if !text.is_empty() {
                let change = Change::of_secrets(to.join(".env"), text)?;
                changes.push(change);
            }
        }
        Ok(changes)
    }
}

/// The variable for a secret: the usual one, but where it has another value already.
fn variable(provider: &str, key: &str, value: &str, known: &[(String, String)]) -> String {
    let usual = match key {
        "api_key" if provider == super::account::BEDROCK => "AWS_BEARER_TOKEN_BEDROCK".to_owned(),
        key if key.starts_with("aws_") => key.to_ascii_uppercase(),
        key => own(provider, key),
    };
    let is_taken = known.iter().any(|(name, other)| *name == usual && other != value);
    if is_taken { own(provider, key) } else { usual }
}

fn own(provider: &str, key: &str) -> String {
    let is_plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("{provider}_{key}").chars().map(is_plain).collect()
}

/// The name as that of a file.
fn file_name(name: &str) -> String {
    let is_plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = name.chars().map(is_plain).collect();
    name.trim_start_matches('.').to_owned()
}

fn there(path: &Path) -> Failure {
    let what = format!("{} is there already.", path.display());
    Failure::new(Exit::OutputWrite, what).mend("Move it, or name another folder with --dir.")
}

fn outside(path: &Path) -> Failure {
    let what = format!("{} is not below the folder of config.yaml.", path.display());
    Failure::new(Exit::Other, what).mend("Move it there first.")
}
