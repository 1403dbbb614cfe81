//! The project's own commands: `cargo xtask check | test | agents | bless | bench | bench-load | fuzz | ci`.
//!
//! Guarantees: (1) a command is a list of steps, run in order, stopped at the first failure;
//! (2) every step is also a command of its own, and a failure names it;
//! (3) exit code 0 means every step passed, 1 that one failed, 2 that the command line was wrong.

use std::process::ExitCode;

use anyhow::Result;

use crate::step::Step;
use crate::workspace::Workspace;

mod agents;
mod clients;
mod debian;
mod edges;
mod fuzz;
mod run;
mod step;
mod tree;
mod workspace;

const FMT: Step = Step { name: "fmt", what: "formatting", run: fmt };
const CLIPPY: Step = Step { name: "clippy", what: "clippy, warnings denied", run: clippy };
const EDGES: Step = Step { name: "edges", what: "dependency edges", run: edges::check };
const TREE: Step =
    Step { name: "tree", what: "no machine paths or registry hosts", run: tree::check };
const REDIS: Step =
    Step { name: "redis", what: "Redis and Valkey servers for the tests", run: debian::redis };
const TMUX: Step = Step { name: "tmux", what: "a terminal for the tests", run: debian::tmux };
const RUST: Step = Step { name: "rust", what: "Rust tests", run: rust };
const CLIENTS: Step =
    Step { name: "clients", what: "official clients, Python and Node", run: clients::run };
const AGENTS: Step =
    Step { name: "agents", what: "coding agents and frameworks", run: agents::run };
const BENCH_ONCE: Step = Step { name: "bench-once", what: "each benchmark once", run: bench_once };
const BLESS: Step = Step { name: "bless", what: "rewrite the goldens", run: bless };
const BENCH: Step = Step { name: "bench", what: "measured benchmarks", run: bench };
const BENCH_LOAD: Step =
    Step { name: "bench-load", what: "load test against the floor", run: bench_load };
const FUZZ: Step = Step { name: "fuzz", what: "look for findings", run: fuzz::run };

/// A command, the steps it runs, and one line of help.
const COMMANDS: &[(&str, &[Step], &str)] = &[
    ("check", &[FMT, CLIPPY, EDGES, TREE], "formatting, lints, dependency edges, clean tree"),
    ("test", &[REDIS, TMUX, RUST, CLIENTS], "Rust tests, then the official clients end to end"),
    ("bless", &[BLESS], "accept what the code now says as the goldens [ARGS of cargo test]"),
    ("agents", &[AGENTS], "coding agents, large installs [NAME…] [-- ARGS of pytest]"),
    ("bench", &[BENCH], "measure [ARGS of cargo bench]"),
    ("bench-load", &[BENCH_LOAD], "gateway against the pass-through floor [ARGS]"),
    ("fuzz", &[FUZZ], "fuzz one target or each [TARGET] [--seconds N] [ARGS of libFuzzer]"),
    (
        "ci",
        &[FMT, CLIPPY, EDGES, TREE, REDIS, TMUX, RUST, CLIENTS, BENCH_ONCE],
        "check, test, each benchmark once",
    ),
];

/// The steps that are commands only when asked for by name.
const SINGLE: &[(Step, &str)] = &[
    (FMT, ""),
    (CLIPPY, ""),
    (EDGES, ""),
    (TREE, ""),
    (REDIS, ""),
    (TMUX, ""),
    (RUST, "[ARGS of cargo test]"),
    (CLIENTS, "[python|js] [ARGS of pytest or node --test]"),
    (BENCH_ONCE, ""),
];

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let Some(name) = args.next() else {
        print!("{}", usage());
        return ExitCode::from(2);
    };
    if ["help", "-h", "--help"].contains(&name.as_str()) {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    let rest: Vec<String> = args.collect();
    let Some(steps) = steps_of(&name) else {
        eprintln!("unknown command `{name}`\n\n{}", usage());
        return ExitCode::from(2);
    };
    if steps.len() > 1 && !rest.is_empty() {
        eprintln!("`{name}` takes no arguments; give them to one of its steps");
        return ExitCode::from(2);
    }
    match step::run_all(&steps, &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(step::Failed) => ExitCode::FAILURE,
    }
}

fn steps_of(name: &str) -> Option<Vec<Step>> {
    let command =
        COMMANDS.iter().find(|command| command.0 == name).map(|command| command.1.to_vec());
    command
        .or_else(|| SINGLE.iter().find(|single| single.0.name == name).map(|single| vec![single.0]))
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask COMMAND\n\ncommands\n");
    for (name, _, help) in COMMANDS {
        text += &format!("  {name:<12}{help}\n");
    }
    text += "\nsingle steps\n";
    for (step, args) in SINGLE {
        text += format!("  {:<12}{} {args}", step.name, step.what).trim_end();
        text += "\n";
    }
    text
}

// === the steps that are one cargo call ===

fn fmt(_: &Workspace, _: &[String]) -> Result<()> {
    run::cargo(&["fmt", "--all", "--check"])
}

fn clippy(_: &Workspace, _: &[String]) -> Result<()> {
    run::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

fn rust(_: &Workspace, args: &[String]) -> Result<()> {
    run::cargo_with(if args.is_empty() { &["test", "--workspace"] } else { &["test"] }, args, &[])
}

fn bless(_: &Workspace, args: &[String]) -> Result<()> {
    let command: &[&str] = if args.is_empty() { &["test", "--workspace"] } else { &["test"] };
    run::cargo_with(command, args, &[("OUTCROP_BLESS", "1")])?;
    println!("read the difference before you commit it: git diff --stat");
    Ok(())
}

fn bench(_: &Workspace, args: &[String]) -> Result<()> {
    run::cargo_with(&["bench", "-p", "benches"], args, &[])
}

fn bench_once(_: &Workspace, _: &[String]) -> Result<()> {
    run::cargo(&["bench", "-p", "benches", "--", "--test"])
}

fn bench_load(_: &Workspace, args: &[String]) -> Result<()> {
    run::cargo_with(
        &["run", "--profile", "release", "-p", "benches", "--bin", "load", "--"],
        args,
        &[],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_of_every_command_can_be_run_alone() {
        for step in COMMANDS.iter().flat_map(|command| command.1) {
            assert!(steps_of(step.name).is_some(), "{} is no command", step.name);
        }
    }

    #[test]
    fn ci_is_check_then_test_then_the_benches() {
        let names = |name| steps_of(name).unwrap().iter().map(|step| step.name).collect::<Vec<_>>();
        let expected: Vec<_> =
            names("check").into_iter().chain(names("test")).chain(["bench-once"]).collect();
        assert_eq!(names("ci"), expected);
    }
}
