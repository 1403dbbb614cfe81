//! Coding agents and frameworks against gateway and emulator: large installs, no part of `ci`.
//!
//! Guarantees: (1) nothing is installed outside the target directory, and everything before the
//! first case runs; (2) where the system allows it the cases run in namespaces of their own, with
//! loopback as the only network and no process left behind; elsewhere a proxy that refuses stands in;
//! (3) only a run of a whole client rewrites its part of `conformance/RESULTS.md`;
//! (4) a missing Python or Node is a failure, never a silent skip.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::clients::stack::Stack;
use crate::clients::{Place, build, node, python};
use crate::run;
use crate::workspace::Workspace;

/// Set for the run within the namespaces; its value is the `outcrop` binary.
const INSIDE: &str = "XTASK_AGENTS_BINARY";
/// Suites that need no npm package.
const FRAMEWORKS: &[&str] = &["langchain", "llamaindex"];
/// Namespaces for network and processes: as root, and by a user namespace.
const NAMESPACES: &[&[&str]] = &[
    &["--net", "--pid", "--fork", "--mount-proc", "--kill-child"],
    &["--map-root-user", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"],
];
const LOOPBACK_UP: &str = "ip link set lo up && exec \"$0\" \"$@\"";

/// The step. `args`: names of clients, none for all; after `--` arguments for pytest.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let place = Place {
        source: workspace.root.join("conformance/agents"),
        work: workspace.target.join("agents"),
    };
    let end = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
    let names = &args[..end];
    if let Some(binary) = std::env::var_os(INSIDE) {
        return run_cases(&place, Path::new(&binary), names, args.get(end + 1..).unwrap_or(&[]));
    }
    set_up(&place, names)?;
    let binary = build()?;
    let mut inner = enclosed(&std::env::current_exe()?)?;
    run::run(inner.arg("agents").args(args).env(INSIDE, binary))
}

fn set_up(place: &Place, names: &[String]) -> Result<()> {
    let agents = agents(place)?;
    let known = |name: &String| agents.contains(name) || FRAMEWORKS.contains(&name.as_str());
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        bail!("`{unknown}` is no client: {}, {}", agents.join(", "), FRAMEWORKS.join(", "));
    }
    python::set_up(place)?;
    for agent in agents.iter().filter(|agent| names.is_empty() || names.contains(agent)) {
        println!("─ {agent}");
        let folder = Path::new("npm").join(agent);
        node::install(&place.source.join(&folder), &place.work.join(&folder))?;
    }
    Ok(())
}

/// The agents that are npm packages: one folder each.
fn agents(place: &Place) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(place.source.join("npm"))?.collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<String> =
        entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// `program` in namespaces of its own, where this system lets us make them.
fn enclosed(program: &Path) -> Result<Command> {
    for options in NAMESPACES {
        let mut probe = Command::new("unshare");
        probe.args(*options).args(["sh", "-c", LOOPBACK_UP, "true"]);
        probe.stdout(Stdio::null()).stderr(Stdio::null());
        if probe.status().is_ok_and(|status| status.success()) {
            println!("in a network namespace with loopback only");
            let mut command = Command::new("unshare");
            command.args(*options).args(["sh", "-c", LOOPBACK_UP]).arg(program);
            return Ok(command);
        }
    }
    println!("no network namespace here: a proxy that refuses keeps the clients on loopback");
    Ok(Command::new(program))
}

fn run_cases(place: &Place, binary: &Path, names: &[String], more: &[String]) -> Result<()> {
    let stack = Stack::start(binary, &place.work)?;
    let mut pytest = python::pytest(place, &stack);
    pytest.env("AGENTS_NPM", place.work.join("npm")).env("AGENTS_NAMES", names.join(","));
    pytest.arg("--basetemp").arg(place.work.join("runs"));
    if more.is_empty() {
        pytest.env("AGENTS_RESULTS", results(place));
    }
    run::run(pytest.args(more))
}

fn results(place: &Place) -> PathBuf {
    place.source.with_file_name("RESULTS.md")
}
