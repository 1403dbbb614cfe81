//! The Node suite: its own `node_modules` from the lock file, `node --test`.
//!
//! The tests are copied next to `node_modules`: imports are resolved from where a file lies, and
//! nothing is written to the sources.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::stack::Stack;
use super::{Place, install_once, isolated, version_of};
use crate::run::run as run_command;

pub(super) fn set_up(place: &Place) -> Result<()> {
    install(&place.source.join("js"), &place.work.join("js"))
}

/// Installs in `work` what the lock file in `source` says; the stamp lies beside `work`.
pub(crate) fn install(source: &Path, work: &Path) -> Result<()> {
    fs::create_dir_all(work)?;
    let mut inputs = version_of("node")?;
    version_of("npm")?;
    for file in ["package.json", "package-lock.json"] {
        inputs += &fs::read_to_string(source.join(file))?;
        fs::copy(source.join(file), work.join(file))?;
    }
    install_once(&work.with_extension("stamp"), &inputs, || {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
        run_command(npm.current_dir(work))
    })
}

pub(super) fn run(place: &Place, stack: &Stack, more: &[String]) -> Result<()> {
    let work = place.work.join("js");
    for stale in modules(&work)? {
        fs::remove_file(stale)?;
    }
    let mut tests = Vec::new();
    for module in modules(&place.source.join("js"))? {
        let name = module.file_name().unwrap_or_default().to_owned();
        fs::copy(&module, work.join(&name))?;
        if name.to_string_lossy().ends_with(".test.mjs") {
            tests.push(name);
        }
    }
    if tests.is_empty() {
        bail!("conformance/js has no tests");
    }
    tests.sort();
    let mut node = isolated("node", &place.work);
    node.envs(stack.env()).current_dir(&work);
    // One file at a time: the emulator's faults are shared by all of them.
    node.args(["--test", "--test-concurrency=1", "--test-reporter=spec"]).args(more).args(tests);
    run_command(&mut node)
}

fn modules(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let paths = entries.into_iter().map(|entry| entry.path());
    Ok(paths.filter(|path| path.extension() == Some(OsStr::new("mjs"))).collect())
}
