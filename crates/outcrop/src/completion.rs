//! `outcrop completion` and `outcrop man`: what shells and `man` know of the command line.
//!
//! Names of models, sessions and roles are completed by the binary itself, when a shell asks it.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::Shells;
use outcrop_model::Catalog;

use crate::cli::{Cli, CompletionArgs, ManArgs};
use crate::exit::{Exit, Failure};
use crate::history::Store;
use crate::print::print_text;
use crate::roles;

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
    with_candidates(Cli::command())
}

fn with_candidates(command: Command) -> Command {
    command
        .mut_args(|arg| match arg.get_id().as_str() {
            "model" | "embed_model" => arg.add(ArgValueCandidates::new(models)),
            "session" => arg.add(ArgValueCandidates::new(sessions)),
            "role" => arg.add(ArgValueCandidates::new(role_names)),
            _other => arg,
        })
        .mut_subcommands(with_candidates)
}

fn models() -> Vec<CompletionCandidate> {
    Catalog::built_in().listed().iter().map(|model| CompletionCandidate::new(&model.id)).collect()
}

/// Where nothing is remembered there is nothing to complete.
fn sessions() -> Vec<CompletionCandidate> {
    let sessions = Store::open().and_then(|store| store.sessions(None)).unwrap_or_default();
    sessions.into_iter().map(|session| CompletionCandidate::new(session.name)).collect()
}

fn role_names() -> Vec<CompletionCandidate> {
    roles::names().unwrap_or_default().into_iter().map(CompletionCandidate::new).collect()
}
