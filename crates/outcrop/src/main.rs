//! `outcrop`: one binary that lets any client use any Bedrock model.
//!
//! Results go to stdout, everything else to stderr; how a command ends is in [`exit`].

// They panic where nobody reads; `print` has what does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

#[macro_use]
mod print;

mod access_log;
mod admin;
mod admission;
mod ask;
mod chat;
mod check;
mod cli;
mod completion;
mod configuration;
mod connect;
mod counters;
mod demo;
mod doctor;
mod dollars;
mod embed;
mod emulate;
mod engine;
mod exit;
mod explain;
mod history;
mod home;
mod iam_policy;
mod init;
mod keys;
mod listen;
mod logs;
mod mcp;
mod models;
mod open_files;
mod query;
mod render;
mod roles;
mod running;
mod secrets;
mod serve;
mod sessions;
mod settings;
mod sources;
mod stop;
mod table;
mod tokens;
mod watch;

use std::process::ExitCode;

use crate::cli::Command;

/// Gives the memory of large bodies back. glibc's allocator kept 2.5 GB after 200 requests of 20 MB at
/// once, since it stops asking the system for large blocks after the first.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    completion::answer_shell();
    let outcome = settings::parse().and_then(|cli| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(run(cli.command))
    });
    match outcome {
        Ok(code) => code,
        Err(error) => {
            // It may repeat what a server said.
            note!("error: {}", render::neutral(&format!("{error:#}")));
            ExitCode::from(exit::code_of(&error))
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let outcome = match command {
        Command::Doctor(args) => return doctor::run(*args).await,
        Command::Serve(args) => serve::run(*args).await,
        Command::Emulate(args) => emulate::run(args).await,
        Command::Check(args) => unless_left(check::run(args)),
        Command::Explain(args) => unless_left(explain::run(args).await),
        Command::Demo(args) => unless_left(demo::run(args).await),
        Command::Models(args) => unless_left(models::run(*args).await),
        Command::Tokens(args) => unless_left(tokens::run(*args).await),
        Command::Embed(args) => unless_left(embed::run(*args).await),
        Command::Mcp(args) => unless_left(mcp::run(*args).await),
        Command::Query(args) => return query::run(*args).await,
        Command::Chat(args) => return with_code(chat::run(*args).await),
        Command::Logs(args) => unless_left(logs::run(&args)),
        Command::Sessions(args) => return with_code(sessions::run(args).await),
        Command::Roles(args) => unless_left(roles::run(args)),
        Command::Usage(args) => unless_left(logs::usage(&args)),
        Command::Init(args) => unless_left(init::run(*args).await),
        Command::Config(args) => unless_left(settings::verbs::run(args)),
        Command::Connect(args) => unless_left(connect::run(&args)),
        Command::Completion(args) => unless_left(completion::run(&args)),
        Command::Man(args) => unless_left(completion::man(&args)),
        Command::Version => {
            unless_left(print::print_line(&format!("outcrop {}", env!("CARGO_PKG_VERSION"))))
        }
        Command::Keys(args) => keys::run(args.verb),
        Command::IamPolicy(args) => unless_left(iam_policy::run(args)),
    };
    outcome.map(|()| ExitCode::SUCCESS)
}

/// As [`unless_left`], for commands that choose their code.
fn with_code(outcome: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    match outcome {
        Err(error) => unless_left(Err(error)).map(|()| ExitCode::SUCCESS),
        outcome => outcome,
    }
}

/// A reader that has what it wanted is no failure.
fn unless_left(outcome: anyhow::Result<()>) -> anyhow::Result<()> {
    match outcome {
        Err(error) if print::reader_left(&error) => Ok(()),
        outcome => outcome,
    }
}
