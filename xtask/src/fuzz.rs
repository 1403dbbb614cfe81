//! `cargo xtask fuzz [TARGET] [--seconds N] [ARGS of libFuzzer]`: runs one fuzz target, or each in turn.
//!
//! 1. What it needs is installed under `target/`: the stable toolchain is enough.
//! 2. New inputs are kept in `target/fuzz/corpus/TARGET`; the committed corpus is only read.
//! 3. A finding stops it and is left in `target/fuzz/findings/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::run;
use crate::workspace::Workspace;

const CARGO_FUZZ: &str = "cargo-fuzz@0.13.2";
/// Seconds for each target when nothing else is said.
const SECONDS: &str = "60";
/// Longest input: long enough for every golden but the recorded agents' requests, which are cut.
const MAX_LEN: &str = "16384";

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let Asked { targets, seconds, more } = asked(args)?;
    let work = workspace.target.join("fuzz");
    let tool = install(&workspace.target)?;
    let runner = workspace.root.join("fuzz/runner");
    // What is fuzzed is what is shipped: the same versions, plus libFuzzer.
    fs::copy(workspace.root.join("Cargo.lock"), runner.join("Cargo.lock"))?;
    for target in targets {
        let folder = |kind: &str| -> Result<PathBuf> {
            let folder = work.join(kind).join(&target);
            fs::create_dir_all(&folder)?;
            Ok(folder)
        };
        let (seeds, corpus, findings) = (folder("seeds")?, folder("corpus")?, folder("findings")?);
        let mut write = run::cargo_command();
        write.args(["run", "--quiet", "-p", "fuzz", "--bin", "seeds", "--", &target]).arg(&seeds);
        run::run(&mut write)?;
        let mut fuzz = Command::new(&tool);
        fuzz.args(["fuzz", "run", "--sanitizer", "none", "--fuzz-dir"]).arg(&runner);
        fuzz.arg("--target-dir").arg(work.join("build"));
        fuzz.arg("any").args([&corpus, &seeds]).arg("--");
        fuzz.arg(format!("-artifact_prefix={}/", findings.display()));
        fuzz.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={MAX_LEN}"));
        fuzz.arg("-print_final_stats=1").args(&more);
        // Instrumentation is an unstable option of a stable compiler.
        fuzz.env("RUSTC_BOOTSTRAP", "1").env("OUTCROP_FUZZ", &target);
        run::run(&mut fuzz).with_context(|| format!("the target `{target}` has a finding"))?;
    }
    Ok(())
}

struct Asked {
    targets: Vec<String>,
    seconds: String,
    more: Vec<String>,
}

fn asked(args: &[String]) -> Result<Asked> {
    let (mut targets, mut seconds, mut more) = (Vec::new(), SECONDS.to_owned(), Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seconds" => seconds = args.next().context("--seconds takes a number")?.clone(),
            flag if flag.starts_with('-') => more.push(flag.to_owned()),
            target => targets.push(target.to_owned()),
        }
    }
    if targets.is_empty() {
        targets = all()?;
    }
    Ok(Asked { targets, seconds, more })
}

/// The names of all targets, as the crate lists them.
fn all() -> Result<Vec<String>> {
    let mut list = run::cargo_command();
    let listed = run::output(list.args(["run", "--quiet", "-p", "fuzz", "--bin", "seeds"]))?;
    let listed = String::from_utf8(listed)?;
    Ok(listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect())
}

fn install(target: &Path) -> Result<PathBuf> {
    let root = target.join("tools");
    let tool = root.join("bin/cargo-fuzz");
    if !tool.exists() {
        let mut install = run::cargo_command();
        run::run(install.args(["install", "--locked", CARGO_FUZZ, "--root"]).arg(&root))?;
    }
    Ok(tool)
}
