//! One question, one answer.

use outcrop_emulator::{Config, EXAMPLE_ACCESS_KEY_ID, EXAMPLE_SECRET_ACCESS_KEY, Emulator, Fault};

use super::terminal::Terminal;

const ANSWER: &str = include_str!("answer.md");

#[test]
fn markdown_is_laid_out() {
    let question = format!("say:{ANSWER}");
    let terminal = Terminal::run((80, 50), &[], &["query", "--emulator", &question]);
    terminal.looks_like("query-markdown", "[exit 0]");
}

#[test]
fn a_narrow_terminal_has_it_all() {
    let question = format!("say:{ANSWER}");
    let terminal = Terminal::run((30, 90), &[], &["query", "--emulator", &question]);
    terminal.looks_like("query-narrow", "[exit 0]");
}

#[test]
fn who_wants_no_colour_gets_the_text_without_controls() {
    let question = "say:# Title\n\n\x1b[2J\x1b]0;owned\x07 *text*";
    let env = [("NO_COLOR", "1")];
    let terminal = Terminal::run((40, 10), &env, &["query", "--emulator", question]);
    terminal.looks_like("query-plain", "[exit 0]");
}

/// Bedrock says a part and falls silent.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_answer_stays_as_far_as_it_came() {
    let emulator = Emulator::bind("127.0.0.1:0", Config::default()).await.unwrap();
    emulator.inject(Fault::parse_list("stall=3600000;after=9").unwrap(), 1);
    let env = [
        ("AWS_ENDPOINT_URL", &*emulator.base_url()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", EXAMPLE_ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", EXAMPLE_SECRET_ACCESS_KEY),
    ];
    let question = "say:One paragraph.\n\n- an item\n- and another";
    let question = ["query", "-m", "amazon.nova-lite-v1:0", question];
    let terminal = Terminal::run((80, 20), &env, &question);
    terminal.shows("an item");
    terminal.press(&["C-c"]);
    terminal.looks_like("query-interrupted", "[exit 130]");
}

#[test]
fn answers_are_compared_side_by_side() {
    let models = "amazon.nova-lite-v1:0,amazon.nova-pro-v1:0";
    let question = ["query", "--emulator", "--compare", models, "say:- granite\n- basalt"];
    let terminal = Terminal::run((80, 20), &[], &question);
    let screen = terminal.shows("[exit 0]");
    for beside in ["nova-lite-v1:0", "• granite", "• basalt", " tokens in"] {
        let row = screen.lines().find(|line| line.contains(beside)).unwrap();
        let cells: Vec<&str> = row.split('┆').collect();
        assert_eq!(cells.len(), 2, "{screen}");
        let second = beside.replace("lite", "pro");
        assert!(cells[0].contains(beside) && cells[1].contains(&second), "{screen}");
    }
}
