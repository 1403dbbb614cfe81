//! The keys of `config.yaml` and `config/settings.yaml`: what they come to, and which nobody knows.
//!
//! A section that is called as a command sets defaults of its flags: `query: {max_tokens: 500}`.

use clap::CommandFactory;
use outcrop_config::document::{Entry, Node};
use outcrop_config::words::nearest;
use outcrop_config::{Diagnostic, Severity};

use super::tree::Of;
use crate::cli::Cli;

/// Keys of mcp-cli's settings that set a flag of commands.
const FLAGS: [(&str, &str, &[&str], &str); 6] = [
    ("ai", "default_system_prompt", &["query", "chat"], "system"),
    ("ai", "max_tool_follow_up", &["query", "chat"], "max_turns"),
    ("chat", "default_temperature", &["chat"], "temperature"),
    ("embeddings", "default_chunk_strategy", &["embed"], "chunk_strategy"),
    ("embeddings", "default_max_chunk_size", &["embed"], "max_chunk_size"),
    ("embeddings", "default_overlap", &["embed"], "overlap"),
];
/// Keys that are read elsewhere.
const READ: [(&str, &str); 5] = [
    ("ai", "default_provider"),
    ("includes", "providers"),
    ("includes", "embeddings"),
    ("includes", "servers"),
    ("includes", "settings"),
];
/// Keys of mcp-cli's that come to nothing here, sections or members.
const IDLE: [(&str, &str); 19] = [
    ("ai", "providers"),
    ("chat", "max_history_size"),
    ("chat", "chat_logs_location"),
    ("embeddings", "output_precision"),
    ("embeddings", "default_provider"),
    ("embeddings", "providers"),
    ("includes", "runas"),
    ("includes", "templates"),
    ("includes", "workflows"),
    ("includes", "rag"),
    ("includes", "skills"),
    ("skills", ""),
    ("rag", ""),
    ("output", ""),
    ("logging", ""),
    ("performance", ""),
    ("templates", ""),
    ("workflows", ""),
    ("runas", ""),
];
/// Keys that have everything in them where nothing is included, and come to nothing elsewhere.
const WHOLE: [(&str, &str); 3] =
    [("ai", "interfaces"), ("embeddings", "interfaces"), ("servers", "")];
/// Keys of a provider's `config` that set the flag of the same name.
pub const ASKED: [&str; 2] = ["temperature", "max_tokens"];
/// Keys of a provider's `config` that are read by the front end of mcp-cli's files, or idle.
const PROVIDER: [&str; 16] = [
    "aws_region",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "default_model",
    "timeout_seconds",
    "max_retries",
    "api_key",
    "api_endpoint",
    "available_models",
    "embedding_models",
    "default_embedding_model",
    "profile",
    "region",
    "role",
    "external_id",
];
const PROVIDER_IDLE: [&str; 2] = ["context_window", "reserve_tokens"];

/// Whether the providers are in this file itself, under their types.
pub fn is_whole(root: &Node) -> bool {
    let has = |(section, key): &(&str, &str)| {
        root.peek(section).is_some_and(|section| section.peek(key).is_some())
    };
    root.peek("includes").is_none() && WHOLE.iter().any(has)
}

/// The providers of a section, each with its path: `ai.interfaces.TYPE.providers.NAME`.
pub fn providers_of<'n>(root: &'n Node, section: &str) -> Vec<(Vec<String>, &'n Entry)> {
    let mut found = Vec::new();
    let interfaces = root.peek(section).and_then(|section| section.peek("interfaces"));
    for interface in interfaces.map(Node::entries).unwrap_or_default() {
        for provider in interface.value.peek("providers").map(Node::entries).unwrap_or_default() {
            let path = [section, "interfaces", &interface.key, "providers", &provider.key];
            found.push((path.map(str::to_owned).to_vec(), provider));
        }
    }
    found
}

/// Each value that is to be a flag's default, with the commands and the flag.
pub fn presets(root: &Node) -> Vec<(&Node, Of, String)> {
    let mut presets = Vec::new();
    for (section, key, commands, flag) in FLAGS {
        if let Some(node) = root.peek(section).and_then(|section| section.peek(key)) {
            presets.push((node, Of::Commands(commands), flag.to_owned()));
        }
    }
    for command in commands() {
        for entry in root.peek(&command.name).map(Node::entries).unwrap_or_default() {
            if command.flags.contains(&entry.key) {
                presets.push((&entry.value, Of::Section(command.name.clone()), entry.key.clone()));
            }
        }
    }
    presets
}

/// What is to be said of keys: those that nobody knows, and those that come to nothing.
pub fn strange(root: &Node) -> Vec<Diagnostic> {
    let commands = commands();
    let mut notes = Vec::new();
    let is_idle = |name: &str, key: &str| {
        IDLE.contains(&(name, key)) || WHOLE.contains(&(name, key)) && !is_whole(root)
    };
    for section in root.entries() {
        let name = section.key.as_str();
        if WHOLE.contains(&(name, "")) && is_whole(root) {
            continue;
        }
        let flags = commands.iter().find(|command| command.name == name);
        let mut known = members(name);
        known.extend(flags.iter().flat_map(|command| command.flags.iter().map(String::as_str)));
        if is_idle(name, "") {
            notes.push(idle(section, name));
        } else if known.is_empty() {
            let sections = FLAGS.iter().map(|row| row.0).chain(IDLE.iter().map(|row| row.0));
            let sections = sections.chain(["includes"]);
            let sections = sections.chain(commands.iter().map(|one| one.name.as_str()));
            notes.push(unknown(section, name, sections));
        } else {
            for member in section.value.entries() {
                let key = member.key.as_str();
                let path = format!("{name}.{key}");
                match known.contains(&key) {
                    true if is_idle(name, key) => notes.push(idle(member, &path)),
                    true => {}
                    false => notes.push(unknown(member, &path, known.iter().copied())),
                }
            }
        }
    }
    notes
}

/// What the front end says of a provider's keys, in this command line's terms; `None` for what is used here.
pub fn of_provider(note: Diagnostic) -> Option<Diagnostic> {
    let path = note.origin.path.clone();
    // Of a whole configuration the front end reads the providers alone; the rest is for `strange`.
    let in_whole = path.split_once(".interfaces.").and_then(|(_, path)| path.splitn(4, '.').nth(3));
    let Some(key) = path.strip_prefix("config.").or(in_whole) else {
        let is_ours =
            path.is_empty() || path.starts_with("config") || path.contains(".interfaces.");
        return Some(note).filter(|note| is_ours || note.severity != Severity::Notice);
    };
    if note.severity != Severity::Notice || PROVIDER_IDLE.contains(&key) {
        return Some(note);
    }
    if ASKED.contains(&key) {
        return None;
    }
    let known = PROVIDER.iter().chain(&PROVIDER_IDLE).chain(&ASKED).copied();
    Some(Diagnostic {
        hint: nearest(key, known).map(|near| format!("did you mean `{near}`?")),
        ..Diagnostic::warning(note.origin.clone(), format!("`{key}` is not known and not used"))
    })
}

/// A command and its long flags, as keys.
struct Flags {
    name: String,
    flags: Vec<String>,
}

/// The commands that take a configuration, themselves or with one of their verbs.
fn commands() -> Vec<Flags> {
    let cli = Cli::command();
    let named = |command: &clap::Command| {
        let flags = flags(command);
        (!flags.is_empty()).then(|| Flags { name: command.get_name().to_owned(), flags })
    };
    cli.get_subcommands().filter_map(named).collect()
}

/// The long flags of a command and its verbs, of those that take a configuration.
fn flags(command: &clap::Command) -> Vec<String> {
    let long = command.get_arguments().filter(|arg| arg.get_long().is_some());
    let own: Vec<String> = long.map(|arg| arg.get_id().to_string()).collect();
    let takes_one = own.iter().any(|flag| flag == super::defaults::CONFIG);
    let own = own.into_iter().filter(|_| takes_one);
    own.chain(command.get_subcommands().flat_map(flags)).collect()
}

/// The commands that take a configuration and this flag.
pub fn commands_with(flag: &str) -> Vec<String> {
    let has = |command: &Flags| command.flags.iter().any(|one| one == flag);
    commands().into_iter().filter(has).map(|command| command.name).collect()
}

/// All sections with their members.
pub fn all() -> Vec<(String, Vec<String>)> {
    let commands = commands();
    let mut sections: Vec<&str> = FLAGS.iter().map(|row| row.0).collect();
    sections.extend(READ.iter().map(|row| row.0));
    sections.extend(commands.iter().map(|command| command.name.as_str()));
    sections.sort_unstable();
    sections.dedup();
    let whole = |section: &str| {
        let mut names: Vec<String> = members(section).into_iter().map(str::to_owned).collect();
        let own = commands.iter().filter(|command| command.name == section);
        names.extend(own.flat_map(|command| command.flags.iter().cloned()));
        (section.to_owned(), names)
    };
    sections.into_iter().map(whole).collect()
}

/// The keys of a provider's `config`.
pub fn of_providers() -> impl Iterator<Item = &'static str> {
    PROVIDER.into_iter().chain(PROVIDER_IDLE).chain(ASKED)
}

/// The key that may have been meant, where there is none of this name.
pub fn near(key: &str) -> Option<String> {
    let (section, name) = key.split_once('.')?;
    let sections = all();
    let known: Vec<&str> = match section {
        "provider" | "embedding" => of_providers().collect(),
        _other => match sections.iter().find(|(one, _)| one == section) {
            Some((_, members)) => members.iter().map(String::as_str).collect(),
            None => {
                let near = nearest(section, sections.iter().map(|(one, _)| one.as_str()))?;
                return Some(format!("{near}.{name}"));
            }
        },
    };
    let near = nearest(name, known.iter().copied()).filter(|_| !known.contains(&name))?;
    Some(format!("{section}.{near}"))
}

/// The members of mcp-cli's section.
fn members(section: &str) -> Vec<&str> {
    let flags = FLAGS.iter().map(|(section, key, ..)| (*section, *key));
    let all = flags.chain(READ).chain(IDLE).chain(WHOLE);
    all.filter(|(of, key)| *of == section && !key.is_empty()).map(|(_, key)| key).collect()
}

fn idle(entry: &Entry, path: &str) -> Diagnostic {
    Diagnostic::notice(entry.origin(), format!("`{path}` means nothing here"))
}

fn unknown<'a>(entry: &Entry, path: &str, known: impl Iterator<Item = &'a str>) -> Diagnostic {
    let near = nearest(&entry.key, known).map(|near| format!("did you mean `{near}`?"));
    let what = format!("`{path}` is not known and not used");
    Diagnostic { hint: near, ..Diagnostic::warning(entry.origin(), what) }
}
