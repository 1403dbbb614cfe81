//! Runs the binary, for every test that does.

#![allow(dead_code, reason = "no test needs all of it")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

use outcrop_emulator::{EXAMPLE_ACCESS_KEY_ID, EXAMPLE_REGION, EXAMPLE_SECRET_ACCESS_KEY};

/// Whom the emulator answers, and where.
pub const ACCOUNT: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", EXAMPLE_ACCESS_KEY_ID),
    ("AWS_SECRET_ACCESS_KEY", EXAMPLE_SECRET_ACCESS_KEY),
    ("AWS_REGION", EXAMPLE_REGION),
];

/// The binary with nothing of the user's: no environment, no stdin, and a home that has no files.
pub fn outcrop(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outcrop"));
    command
        .args(arguments)
        .env_clear()
        .env("OUTCROP_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/nobody"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it with this on stdin, to its end.
pub fn given(command: &mut Command, stdin: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // A command that refuses its arguments reads nothing.
    let _may_be_closed = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
