//! The binary as a person and a supervisor meet it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command};

use support::outcrop;

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn the_demo_ends_well_also_when_its_reader_leaves() {
    let output = outcrop(&["demo", "--once"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().matches("You said: Hello").count(), 3);

    let mut child = outcrop(&["demo", "--once"]).spawn().unwrap();
    first_line(&mut child);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn what_is_missing_or_wrong_is_said_with_the_mend() {
    for (arguments, variables, mend) in [
        (vec!["serve"], vec![], "outcrop serve --emulator"),
        (vec!["serve", "--listen", "localhost:8080"], vec![], "127.0.0.1:8080"),
        (vec!["demo", "--once"], vec![("OUTCROP_LOG", "[[[")], "OUTCROP_LOG"),
    ] {
        let output = outcrop(&arguments).envs(variables).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(mend), "{arguments:?}: {said}");
    }
}

#[test]
fn a_misprint_in_a_price_list_stops_the_start() {
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/misprint.toml");
    let list = "[[price]]\nids = [\"a.b\"]\nsource = \"s\"\nchecked = \"c\"\nrates = [\n  { input = \"3,5\" },\n]\n";
    std::fs::write(file, list).unwrap();
    let missing = concat!(env!("CARGO_TARGET_TMPDIR"), "/missing.toml");
    for (file, expected) in [(file, "misprint.toml:6: `3,5` is no price"), (missing, "cannot read")]
    {
        let output = outcrop(&["serve", "--emulator", "--prices", file]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(expected), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn sigterm_turns_ready_first_and_a_second_signal_ends_all() {
    let arguments = ["serve", "--emulator", "--listen", "127.0.0.1:0", "--drain-notice", "600"];
    let mut child = outcrop(&arguments).spawn().unwrap();
    let line = first_line(&mut child);
    let address = line.strip_prefix("listening on http://").unwrap().to_owned();
    let ready = || {
        let mut socket = TcpStream::connect(&address).unwrap();
        socket.write_all(b"GET /ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer[9..12].to_owned()
    };
    let signal = |name: &str| {
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    };
    assert_eq!(ready(), "200");
    signal("TERM");
    while ready() == "200" {}
    assert_eq!(ready(), "503", "the door is still open");
    signal("INT");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
