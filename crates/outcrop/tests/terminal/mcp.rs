//! A model that wants to use a tool, and somebody who is asked.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::json;

use super::terminal::Terminal;

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mcp/server.py");

fn asked(folder: &tempfile::TempDir) -> Terminal {
    asked_to_say(folder, "granite", (80, 20))
}

fn asked_to_say(folder: &tempfile::TempDir, text: &str, size: (u16, u16)) -> Terminal {
    Terminal::run(size, &[], &with_tools("query", &defined(folder), &[&call(text)]))
}

/// A server, in a file.
fn defined(folder: &tempfile::TempDir) -> String {
    let file = folder.path().join("mcp.json");
    let server = json!({ "command": "python3", "args": [SERVER] });
    std::fs::write(&file, json!({ "mcpServers": { "s": server } }).to_string()).unwrap();
    file.display().to_string()
}

fn call(text: &str) -> String {
    format!(r#"call:s__echo {{"text": "{text}"}}"#)
}

fn with_tools<'a>(command: &'a str, file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let model = "anthropic.claude-sonnet-4-20250514-v1:0";
    [&[command, "--emulator", "-m", model, "--mcp-config", file], more].concat()
}

#[test]
fn leave_is_given_once_and_for_all() {
    let folder = tempfile::tempdir().unwrap();
    let terminal = asked(&folder);
    terminal.looks_like("mcp-asked", "yes, always");
    terminal.press(&["Down", "Down", "Down", "Enter"]);
    terminal.looks_like("mcp-allowed", "[exit 0]");
    let kept = std::fs::read_to_string(terminal.home.path().join("allowed-tools")).unwrap();
    assert!(kept.starts_with("s/echo\t/"), "{kept}");
}

#[test]
fn leave_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let terminal = asked(&folder);
    terminal.shows("until I leave");
    terminal.press(&["Escape"]);
    assert!(terminal.shows("[exit 0]").contains("did not allow"));
}

#[test]
fn typing_without_choosing_gives_no_leave() {
    let folder = tempfile::tempdir().unwrap();
    let terminal = asked(&folder);
    terminal.shows("until I leave");
    terminal.press(&["n", "y", "Enter"]);
    assert!(terminal.shows("[exit 0]").contains("did not allow"));
}

#[test]
fn an_interrupt_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let terminal = asked(&folder);
    terminal.shows("until I leave");
    terminal.press(&["C-c"]);
    terminal.shows("[exit 130]");
}

#[test]
fn nothing_of_the_arguments_is_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let terminal = asked_to_say(&folder, &format!("{0}§{0}", "a".repeat(2600)), (200, 60));
    assert!(!terminal.shows("show all of it").contains('§'));
    terminal.shows("characters are left out here");
    terminal.press(&["Up", "Enter"]);
    terminal.shows("§");
    terminal.press(&["Escape"]);
    terminal.shows("[exit 0]");
}

#[test]
fn a_question_that_is_given_up_leaves_the_terminal_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let terminal = asked(&folder);
    terminal.shows("until I leave");
    terminal.terminate();
    terminal.shows("[exit ");
    // Echoed by the terminal, as there is no line yet for anybody to read.
    terminal.write("basalt");
    terminal.shows("basalt");
}

#[test]
fn no_browser_opens_for_a_server_that_nobody_named() {
    let web = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mcp/web.py");
    let mut server = Command::new("python3").arg(web).stdout(Stdio::piped()).spawn().unwrap();
    let mut base = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut base).unwrap();
    let home = tempfile::tempdir().unwrap();
    let definition = json!({ "mcpServers": { "web": { "url": format!("{}/mcp", base.trim()) } } });
    std::fs::create_dir(home.path().join("servers")).unwrap();
    std::fs::write(home.path().join("servers/web.json"), definition.to_string()).unwrap();
    let model = "anthropic.claude-sonnet-4-20250514-v1:0";
    let terminal =
        Terminal::at(home, (120, 20), (&[], &["query", "--emulator", "-m", model, "Hello"]));
    let screen = terminal.shows("[exit 0]");
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(screen.contains("outcrop mcp login web"), "{screen}");
    assert!(!screen.contains("log in here"), "{screen}");
}

#[test]
fn leave_in_a_chat_is_for_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = defined(&folder);
    let terminal = Terminal::run((80, 30), &[], &with_tools("chat", &file, &[]));
    terminal.shows("\n>");
    terminal.write(&call("granite"));
    terminal.press(&["Enter"]);
    terminal.shows("until I leave");
    terminal.press(&["Down", "Down", "Enter"]);
    terminal.shows("{\"said\":\"granite\"}\n>");
    terminal.write(&call("basalt"));
    terminal.press(&["Enter"]);
    let screen = terminal.shows("{\"said\":\"basalt\"}\n>");
    assert_eq!(screen.matches("until I leave").count(), 1, "asked again: {screen}");
    terminal.press(&["C-d"]);
    terminal.shows("[exit 0]");
    assert!(!terminal.home.path().join("allowed-tools").exists());
}
