//! `outcrop completion` and `outcrop man`: what shells and `man` know of the command line.
//!
//! Names of models, sessions, roles and servers are completed by the binary itself, when a shell asks it.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::Shells;

use crate::cli::{Cli, CompletionArgs, Kind, ManArgs};
use crate::engine::names;
use crate::exit::{Exit, Failure};
use crate::history::Store;
use crate::models::kind_of;
use crate::print::print_text;
use crate::{mcp, roles};

/// The variable by which a shell asks for completions.
const VARIABLE: &str = "COMPLETE";
const NAME: &str = "outcrop";

/// Answers a shell that asks for completions, and ends; does nothing for anyone else.
pub fn answer_shell() {
    CompleteEnv::with_factory(known).bin(NAME).complete();
}

pub fn run(args: &CompletionArgs) -> anyhow::Result<()> {
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(&args.shell) else {
        let names: Vec<&str> = shells.names().collect();
        let what = format!("There is no completion for `{}`.", args.shell);
        let mend = format!("There is for: {}.", names.join(", "));
        return Err(Failure::new(Exit::InvalidArgument, what).mend(mend).into());
    };
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, NAME, NAME, NAME, &mut script)?;
    print_text(&String::from_utf8_lossy(&script))
}

/// One page, or a file for each command.
pub fn man(args: &ManArgs) -> anyhow::Result<()> {
    match &args.dir {
        Some(folder) => pages(folder),
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            print_text(&String::from_utf8_lossy(&page))
        }
    }
}

fn pages(folder: &Path) -> anyhow::Result<()> {
    let failed = |error: std::io::Error| {
        let what = format!("Cannot write the pages to {}: {error}.", folder.display());
        Failure::new(Exit::OutputWrite, what)
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?;
    Ok(())
}

/// The command line, with candidates for what it cannot know itself.
fn known() -> Command {
    Cli::command().mut_subcommands(|command| {
        let of = command.get_name().to_owned();
        with_candidates(command, &of)
    })
}

/// `of` is the first word of the command: the same argument is another thing elsewhere.
fn with_candidates(command: Command, of: &str) -> Command {
    let is_new = command.get_name() == "new" || command.get_name() == "add";
    let command = command.mut_args(|arg| match (of, arg.get_id().as_str()) {
        ("embed", "model") | (_, "embed_model") => arg.add(ArgValueCandidates::new(embed_models)),
        ("models", "model" | "models" | "chosen") => arg.add(ArgValueCandidates::new(all_models)),
        (_, "model" | "fallback" | "compare") => arg.add(ArgValueCandidates::new(chat_models)),
        (_, "session") | ("sessions", "name" | "names") => {
            arg.add(ArgValueCandidates::new(sessions))
        }
        (_, "role") => arg.add(ArgValueCandidates::new(role_names)),
        ("roles", "name") if !is_new => arg.add(ArgValueCandidates::new(role_names)),
        ("mcp", "name") if !is_new => arg.add(ArgValueCandidates::new(servers)),
        ("query" | "chat" | "sessions" | "mcp", "server") => {
            arg.add(ArgValueCandidates::new(servers))
        }
        _other => arg,
    });
    command.mut_subcommands(|inner| with_candidates(inner, of))
}

fn all_models() -> Vec<CompletionCandidate> {
    candidates(names())
}

fn chat_models() -> Vec<CompletionCandidate> {
    candidates(names().into_iter().filter(|name| kind_of(name) == Kind::Chat))
}

fn embed_models() -> Vec<CompletionCandidate> {
    candidates(names().into_iter().filter(|name| kind_of(name) == Kind::Embeddings))
}

/// Where nothing is remembered there is nothing to complete.
fn sessions() -> Vec<CompletionCandidate> {
    let sessions = Store::open().and_then(|store| store.sessions(None)).unwrap_or_default();
    candidates(sessions.into_iter().map(|session| session.name))
}

fn role_names() -> Vec<CompletionCandidate> {
    candidates(roles::names().unwrap_or_default())
}

fn servers() -> Vec<CompletionCandidate> {
    candidates(mcp::server_names())
}

/// Names may be anybody's, and a shell shows them as they are.
fn candidates(names: impl IntoIterator<Item = impl Into<String>>) -> Vec<CompletionCandidate> {
    let names = names.into_iter().map(Into::into);
    let harmless = names.filter(|name| !name.contains(char::is_control));
    harmless.map(CompletionCandidate::new).collect()
}
