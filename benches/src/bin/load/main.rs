//! The load test: the gateway against the floor, on loopback, process against process.
//!
//! 1. What is compared is measured in turns within the same second or two. Of the rounds the least
//!    disturbed one counts: whatever else the machine does can only add to CPU time.
//! 2. CPU time is that of the process under test alone, read from the kernel; the upstream is a stub
//!    and the driver is this process, so neither is counted.
//! 3. Numbers of requests are fixed, and no load takes longer than ten seconds; a run takes about three
//!    minutes.
//!
//! With `--pair NAME` a gateway stands in the floor's place, and beside it one that differs in one thing.
//! With `--reloads N` nothing is measured: the configuration changes under load, and no request may fail.

mod args;
mod cases;
mod drive;
mod measure;
mod pairs;
mod process;
mod reloads;
mod report;

use std::process::ExitCode;

use anyhow::Result;

use crate::args::Args;
use crate::measure::Bench;
use crate::pairs::Sides;
use crate::process::{Build, Launch};
use crate::report::Report;

/// Commands that ask nobody: what they take is the start of the program.
const COMMANDS: [&str; 3] = ["--version", "--help", "query --help"];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let args = Args::parse(std::env::args().skip(1))?;
    let build = Build::make()?;
    let stub = Launch::stub(&build).start()?;
    if let Some(count) = args.reloads {
        return reloads::run(count, &build, &stub.address, &args);
    }
    let idle = measure::idle(|| Launch::gateway(&build, &stub.address, &args).start())?;
    let (sides, cases) = match args.pair {
        None => (Sides::against_floor(&build, &stub.address, &args)?, cases::all()),
        Some(pair) => (pair.start(&build, &stub.address, &args)?, cases::pair()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bench = Bench { floor: &sides.floor, gateway: &sides.gateway, rounds: args.rounds };
    let mut report = Report::new(&build, idle);
    for words in COMMANDS {
        report.add_command(words, measure::run(|| Launch::command(&build, words))?);
    }
    for case in cases.iter().filter(|case| case.name.contains(&*args.only)) {
        for load in &case.loads {
            eprintln!("{}, {} at a time", case.name, load.concurrency);
            report.add(case, runtime.block_on(bench.run(case, *load))?);
        }
    }
    report.loaded_rss = sides.gateway.resident()?;
    let text = report.markdown();
    print!("{text}");
    if let Some(file) = &args.write {
        std::fs::write(file, text)?;
    }
    Ok(())
}
