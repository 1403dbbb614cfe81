//! The program with a home of its own, and servers that behave as they are told to.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;
use tempfile::TempDir;

use crate::support::{self, text};

pub const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mcp/server.py");
pub const CLAUDE: &str = "anthropic.claude-sonnet-4-20250514-v1:0";
pub const LLAMA: &str = "meta.llama3-1-70b-instruct-v1:0";

/// A home with a server `s` that behaves as `how` says.
pub fn home(how: &str) -> TempDir {
    let python = Command::new("python3").arg("--version").output();
    assert!(python.is_ok_and(|it| it.status.success()), "the servers of these tests need python3");
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("servers")).unwrap();
    add(home.path(), "s", how);
    home
}

pub fn add(home: &Path, name: &str, how: &str) {
    let server = json!({ "server_name": name, "config": {
        "command": "python3", "args": [SERVER, how],
        "env": { "GREETING": "${GREETING}" },
    } });
    // JSON is YAML.
    std::fs::write(home.join(format!("servers/{name}.yaml")), server.to_string()).unwrap();
}

pub fn outcrop(home: &TempDir, arguments: &[&str]) -> Command {
    let mut command = support::outcrop(arguments);
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command.env("PIDS", home.path().join("pids")).env("LOG", home.path().join("log"));
    command.env("OUTCROP_HOME", home.path()).env("HOME", home.path()).env("GREETING", "hello");
    command.current_dir(home.path());
    command
}

pub fn query(home: &TempDir, prompt: &str, more: &[&str]) -> Output {
    let all = [&["query", "--emulator", "-m", CLAUDE, prompt], more].concat();
    let output = outcrop(home, &all).output().unwrap();
    all_have_ended(home);
    output
}

/// Servers were started; none outlives the command, and none is left as a zombie.
#[track_caller]
pub fn all_have_ended(home: &TempDir) {
    assert_ne!(ended(home), 0, "no server was started");
}

/// How many servers were started and have ended: all of them.
#[track_caller]
pub fn ended(home: &TempDir) -> usize {
    let pids = std::fs::read_to_string(home.path().join("pids")).unwrap_or_default();
    for pid in pids.lines() {
        assert!(!Path::new("/proc").join(pid).exists(), "{pid} still runs");
    }
    pids.lines().count()
}

#[track_caller]
pub fn says(output: &Output, stdout: &str, stderr: &str) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(out.contains(stdout), "stdout: {out}\nstderr: {err}");
    assert!(err.contains(stderr), "stdout: {out}\nstderr: {err}");
}

pub fn mcp(home: &TempDir, arguments: &[&str]) -> Output {
    let output = outcrop(home, &[&["mcp"], arguments].concat()).output().unwrap();
    ended(home);
    output
}

/// How many messages of this method servers have had.
pub fn heard(home: &TempDir, method: &str) -> usize {
    let log = std::fs::read_to_string(home.path().join("log")).unwrap();
    log.lines().filter(|line| line.contains(&format!("\"{method}\""))).count()
}
