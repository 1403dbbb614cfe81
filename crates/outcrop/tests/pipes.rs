//! What comes through pipes, and pipes that nobody serves: no terminal anywhere.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};
use std::process::{Child, Command, Output, Stdio};

use support::text;

fn command(arguments: &[&str]) -> Command {
    support::outcrop(&[arguments, &["--emulator"]].concat())
}

fn start(arguments: &[&str]) -> Child {
    command(arguments).stdin(Stdio::piped()).spawn().unwrap()
}

fn given(arguments: &[&str], stdin: &[u8]) -> Output {
    support::given(&mut command(arguments), stdin)
}

const NOVA: [&str; 3] = ["--no-save", "-m", "amazon.nova-lite-v1:0"];

#[test]
fn a_hundred_megabytes_are_refused_and_not_held() {
    const CHUNK: usize = 1_000_000;
    for arguments in [&["query", "Sum up", "--no-save"][..], &["embed", "-"], &["tokens"]] {
        let mut child = start(arguments);
        let mut stdin = child.stdin.take().unwrap();
        let chunk = vec![b'a'; CHUNK];
        let taken = (0..100).take_while(|_| stdin.write_all(&chunk).is_ok()).count();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(16), "{arguments:?}: {said}");
        assert!(said.contains("25000000 bytes") && said.lines().count() == 1, "{said}");
        // What it did not take it cannot hold.
        assert!(taken < 40, "{arguments:?} took {taken} MB");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn binary_stdin_is_taken_for_what_it_is() {
    let pixel = include_bytes!(
        "../../outcrop-dialect/tests/fixtures/translate/requests/openai-media-fetched/dot.png"
    );
    let query = [&["query", "What is it?"][..], &NOVA].concat();
    for bytes in [&pixel[..], b"%PDF-1.4\n\xe2\xe3\xcf\xd3\n"] {
        let output = given(&query, bytes);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("What is it?"));
    }
    let output = given(&query, b"\x7fELF\xff\0");
    assert_eq!(output.status.code(), Some(16));
    assert!(text(&output.stderr).contains("neither text nor of a type that models take"));
}

#[test]
fn a_reader_that_left_is_no_failure() {
    let lines: String = (0..300).map(|line| format!("line {line}\n")).collect();
    for (arguments, stdin) in
        [(&["embed", "--lines", "-F", "jsonl"][..], lines.as_str()), (&["models", "--json"], "")]
    {
        let mut child = start(arguments);
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        // As `head -c 10` does; the rest is more than a pipe holds.
        child.stdout.take().unwrap().read_exact(&mut [0; 10]).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    }
}

#[test]
fn notes_that_nobody_reads_are_no_failure() {
    for (arguments, code) in [
        (["query", "Hello", "--usage", "--no-save"], 0),
        (["query", "Hello", "--no-save", "-mno.such-model"], 12),
    ] {
        let mut child = start(&arguments);
        drop(child.stderr.take());
        drop(child.stdin.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    }
}

#[test]
fn an_idle_stdin_holds_nothing_up() {
    let query = [&["query", "Hello"][..], &NOVA].concat();
    for (arguments, note) in [
        (&query[..], true),
        (&["embed", "Hello"], false),
        (&["tokens", "Hello"], false),
        (&["models", "show", "amazon.nova-lite-v1:0"], false),
    ] {
        let mut child = start(arguments);
        // Open and silent, as a job leaves it.
        let stdin = child.stdin.take();
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        let said = text(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        assert_eq!(said.contains("stdin is open but says nothing"), note, "{arguments:?}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn a_closed_stdin_is_an_empty_one() {
    let query = [&["query", "Hello"][..], &NOVA].concat();
    for (arguments, code) in
        [(&query[..], 0), (&["tokens", "Hello"], 0), (&["tokens"], 2), (&["embed"], 2)]
    {
        let output = Command::new("/bin/sh")
            .args(["-c", "exec \"$0\" \"$@\" --emulator <&-", env!("CARGO_BIN_EXE_outcrop")])
            .args(arguments)
            .env_clear()
            .env("OUTCROP_HOME", env!("CARGO_TARGET_TMPDIR"))
            .output()
            .unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    }
}
