//! The official clients, end to end: emulator and gateway as child processes, then pytest and node.
//!
//! Guarantees: (1) nothing is installed outside the target directory; (2) every child ends with
//! the step, whatever its outcome; (3) clients see no AWS, OpenAI or Anthropic settings of the
//! caller and no proxy but one that refuses, so that no test can leave loopback;
//! (4) a missing Python or Node is a failure, never a silent skip.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::clients::stack::Stack;
use crate::run;
use crate::workspace::Workspace;

pub(crate) mod node;
pub(crate) mod python;
pub(crate) mod stack;

/// Where the suites are, and where they run.
pub(crate) struct Place {
    /// In the sources, e.g. `conformance/`.
    pub(crate) source: PathBuf,
    /// In the target directory: environments, logs, the emulator's authority.
    pub(crate) work: PathBuf,
}

/// The step. `args`: nothing for both suites, or `python` or `js` and arguments for its runner.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let (python, js, more) = match args.split_first() {
        None => (true, true, args),
        Some((suite, more)) if suite == "python" => (true, false, more),
        Some((suite, more)) if suite == "js" => (false, true, more),
        Some((suite, _)) => bail!("`{suite}` is no suite: python or js"),
    };
    let place = Place {
        source: workspace.root.join("conformance"),
        work: workspace.target.join("conformance"),
    };
    std::fs::create_dir_all(&place.work)?;
    if python {
        python::set_up(&place)?;
    }
    if js {
        node::set_up(&place)?;
    }
    let binary = build()?;
    let stack = Stack::start(&binary, &place.work)?;
    let outcome = run_suites(&place, &stack, python, js, more);
    if outcome.is_err() {
        stack.show_logs();
    }
    outcome
}

fn run_suites(place: &Place, stack: &Stack, python: bool, js: bool, more: &[String]) -> Result<()> {
    if python {
        println!("\n─ Python");
        python::run(place, stack, more)?;
    }
    if js {
        println!("\n─ Node");
        node::run(place, stack, more)?;
    }
    Ok(())
}

/// Builds the `outcrop` binary and says where it is.
pub(crate) fn build() -> Result<PathBuf> {
    let mut command = run::cargo_command();
    command.args([
        "build",
        "-p",
        "outcrop",
        "--bin",
        "outcrop",
        "--message-format",
        "json-render-diagnostics",
    ]);
    command.stderr(Stdio::inherit());
    let messages = run::output(&mut command)?;
    let executable = String::from_utf8_lossy(&messages).lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message.get("executable")?.as_str()?))
    });
    executable.context("cargo build named no executable")
}

/// `program` without the caller's credentials and endpoints, and without a way off this machine.
fn isolated(program: impl AsRef<std::ffi::OsStr>, place: &std::path::Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let upper = name.to_string_lossy().to_ascii_uppercase();
        let ours = ["AWS_", "OPENAI_", "ANTHROPIC_", "CLAUDE_", "OUTCROP_"];
        if ours.iter().any(|prefix| upper.starts_with(prefix)) || upper.ends_with("_PROXY") {
            command.env_remove(name);
        }
    }
    let refusing = "http://127.0.0.1:9";
    command.env("HTTP_PROXY", refusing).env("HTTPS_PROXY", refusing);
    command.env("NO_PROXY", "127.0.0.1,localhost").env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_CONFIG_FILE", place.join("no-config"));
    command.env("AWS_SHARED_CREDENTIALS_FILE", place.join("no-credentials"));
    command
}

/// Runs `install` unless an earlier run did it for exactly these inputs.
///
/// The stamp is the inputs themselves; it is removed before an installation and written after.
fn install_once(
    stamp: &std::path::Path,
    inputs: &str,
    install: impl FnOnce() -> Result<()>,
) -> Result<()> {
    if std::fs::read_to_string(stamp).is_ok_and(|installed| installed == inputs) {
        return Ok(());
    }
    if stamp.exists() {
        std::fs::remove_file(stamp)?;
    }
    install()?;
    std::fs::write(stamp, inputs)?;
    Ok(())
}

/// The version a tool prints, or why the step cannot run.
fn version_of(program: &str) -> Result<String> {
    let printed = run::output(Command::new(program).arg("--version")).with_context(|| {
        format!("{program} is needed for the official clients (`cargo test --workspace` runs without it)")
    })?;
    Ok(String::from_utf8_lossy(&printed).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_is_repeated_only_for_other_inputs() {
        let stamp =
            std::env::temp_dir().join(format!("outcrop-xtask-{}.stamp", std::process::id()));
        let mut installed = 0;
        for inputs in ["a", "a", "b", "b"] {
            install_once(&stamp, inputs, || {
                installed += 1;
                Ok(())
            })
            .unwrap();
        }
        assert_eq!(installed, 2);
        assert!(install_once(&stamp, "c", || bail!("no network")).is_err());
        assert!(!stamp.exists(), "a failed installation leaves no stamp");
    }
}
