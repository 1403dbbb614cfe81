//! A conversation, typed.

use outcrop_emulator::{Config, EXAMPLE_ACCESS_KEY_ID, EXAMPLE_SECRET_ACCESS_KEY, Emulator, Fault};

use super::terminal::Terminal;

const CHAT: [&str; 4] = ["chat", "--emulator", "-m", "amazon.nova-lite-v1:0"];

fn chat() -> Terminal {
    let terminal = Terminal::run((80, 24), &[], &CHAT);
    terminal.shows("\n>");
    terminal
}

#[test]
fn the_first_screen_says_how_to_go_on() {
    chat().looks_like("chat-first", "\n>");
}

#[test]
fn tab_completes_commands() {
    let terminal = chat();
    terminal.write("/e");
    terminal.press(&["Tab"]);
    terminal.looks_like("chat-completion", "/exit");
}

#[test]
fn several_lines_are_one_question() {
    let terminal = chat();
    terminal.write("say:# Title");
    terminal.press(&["M-Enter"]);
    terminal.write("- an item\\");
    terminal.press(&["Enter"]);
    terminal.write("- another");
    terminal.press(&["Enter"]);
    terminal.shows("• another\n>");
    terminal.write("/history");
    terminal.press(&["Enter"]);
    terminal.looks_like("chat-lines", "- another\n>");
}

/// Bedrock says a part and falls silent.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_keeps_the_part_and_the_conversation() {
    let emulator = Emulator::bind("127.0.0.1:0", Config::default()).await.unwrap();
    emulator.inject(Fault::parse_list("stall=3600000;after=9").unwrap(), 1);
    let env = [
        ("AWS_ENDPOINT_URL", &*emulator.base_url()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", EXAMPLE_ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", EXAMPLE_SECRET_ACCESS_KEY),
    ];
    let terminal = Terminal::run((80, 24), &env, &["chat", "-m", "amazon.nova-lite-v1:0"]);
    terminal.shows("\n>");
    terminal.write("say:One paragraph.");
    terminal.press(&["M-Enter", "M-Enter"]);
    terminal.write("- an item");
    terminal.press(&["M-Enter"]);
    terminal.write("- and another");
    terminal.press(&["Enter"]);
    terminal.shows("• an item");
    terminal.press(&["C-c"]);
    terminal.shows("takes it back.\n>");
    terminal.write("say:It goes on.");
    terminal.press(&["Enter"]);
    terminal.shows("\nIt goes on.\n>");
    terminal.press(&["C-d"]);
    terminal.looks_like("chat-interrupted", "[exit 0]");
}

#[test]
fn what_was_said_has_no_power_when_it_is_shown_again() {
    let question = "say:one \x1b[2Jtwo\x07";
    let first = Terminal::run((60, 10), &[], &["query", "--emulator", question]);
    first.shows("[exit 0]");
    let home = first.home.path().display().to_string();
    let terminal = Terminal::run((60, 10), &[("OUTCROP_HOME", &home)], &["logs", "-r"]);
    terminal.looks_like("logs-answer", "[exit 0]");
}

#[test]
fn a_session_is_resumed_where_it_was_left() {
    let first = Terminal::run((80, 24), &[], &[&CHAT[..], &["--session", "trip"]].concat());
    first.shows("\n>");
    first.write("say:The first word.");
    first.press(&["Enter"]);
    first.shows("\nThe first word.\n>");
    first.press(&["C-d"]);
    first.shows("[exit 0]");
    let home = first.home.path().display().to_string();
    let resume = ["sessions", "resume", "trip", "--emulator"];
    let terminal = Terminal::run((80, 24), &[("OUTCROP_HOME", &home)], &resume);
    terminal.shows("\n>");
    terminal.write("/history");
    terminal.press(&["Enter"]);
    terminal.shows("1. say:The first word.\n>");
    terminal.press(&["C-d"]);
    terminal.looks_like("chat-resumed", "[exit 0]");
}

#[test]
fn vi_has_its_own_keys() {
    let terminal = Terminal::run((80, 24), &[], &[&CHAT[..], &["--vi"]].concat());
    terminal.shows("\n>");
    for (typed, shown) in [("s", "\n> s"), ("ay:two", "\n> say:two")] {
        terminal.write(typed);
        terminal.shows(shown);
    }
    terminal.press(&["Escape"]);
    terminal.shows("\n: say:two");
    terminal.write("A and three");
    terminal.shows("\n> say:two and three");
    terminal.press(&["Enter"]);
    terminal.shows("\ntwo and three\n>");
}

#[test]
fn leaving_inside_a_block_loses_nothing() {
    let terminal = chat();
    for line in [":::", "say:kept"] {
        terminal.write(line);
        terminal.press(&["Enter"]);
    }
    terminal.press(&["C-d"]);
    terminal.write("too");
    terminal.press(&["Enter"]);
    terminal.write(":::");
    terminal.press(&["Enter"]);
    assert!(terminal.shows("too\n>").contains("\nkept"));
}
