//! A chat without a terminal: each line of stdin is a turn.

use serde_json::Value;

use crate::desk::{Desk, text};

#[tokio::test]
async fn each_line_is_a_turn_of_one_session() {
    let desk = Desk::new().await;
    let output = desk.told(&["chat"], "say:one\n\nsay:two \\\nmore\n:::\nsay:a\n\nb\n:::\n").await;
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(text(&output.stdout), "one\ntwo \nmore\na\n\nb\n");
    let asked = desk.asked();
    assert_eq!(asked[2], ["say:one", "one", "say:two \nmore", "two \nmore", "say:a\n\nb"]);
    let output = desk.told(&["chat", "-c"], "say:last").await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(desk.asked()[3].len(), 7);
    let turns = desk.turns().await;
    assert!(turns.iter().all(|turn| turn["session"] == turns[0]["session"]), "{turns:?}");
    desk.told(&["chat"], "say:another").await;
    assert_ne!(desk.turns().await[4]["session"], turns[0]["session"]);
}

#[tokio::test]
async fn a_failed_turn_leaves_the_conversation_usable() {
    let desk = Desk::new().await;
    desk.fails("error=ValidationException");
    let lines = "say:one\n/retry\nsay:two\n/undo\nsay:three\n";
    let output = desk.told(&["chat"], lines).await;
    assert_eq!(output.status.code(), Some(15), "the first failure's code: {output:?}");
    assert_eq!(text(&output.stdout), "one\ntwo\nthree\n");
    assert_eq!(desk.asked().last().unwrap(), &["say:one", "one", "say:three"]);
    desk.told(&["chat", "-c"], "say:four\n").await;
    let asked = desk.asked();
    assert_eq!(asked.last().unwrap(), &["say:one", "one", "say:three", "three", "say:four"]);
    let turns = desk.turns().await;
    let counted: Vec<bool> = turns.iter().map(|turn| turn["counts"].as_bool().unwrap()).collect();
    assert_eq!(counted, [false, true, false, true, true], "{turns:?}");
}

#[tokio::test]
async fn a_budget_holds_for_all_of_a_chat() {
    let desk = Desk::new().await;
    // One answer of 100 tokens is $0.000024 at the most, and takes less.
    let chat = ["chat", "--max-tokens", "100", "--max-budget-usd", "0.000025"];
    let output = desk.told(&chat, "say:one\nsay:two\n").await;
    let said = text(&output.stderr);
    assert_eq!(
        (output.status.code(), text(&output.stdout).as_str()),
        (Some(27), "one\n"),
        "{said}"
    );
    assert!(said.contains("The budget is $0.000025, of which $0.00000"), "{said}");
    assert_eq!(desk.asked().len(), 1);
}

#[tokio::test]
async fn commands_change_how_the_model_is_asked() {
    let desk = Desk::new().await;
    let file = desk.home.path().join("a b.txt");
    std::fs::write(&file, "inside").unwrap();
    let lines = format!(
        "/system Be brief.\n/model amazon.nova-pro-v1:0\n/model no.such-model\n/file \"{}\"\nread\n\
         /save mine\n/clear\nsay:afresh\n/export {}\n/nonsense\n",
        file.display(),
        desk.home.path().join("out.html").display(),
    );
    let output = desk.told(&["chat"], &lines).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(12), "{said}");
    assert!(said.contains("no command /nonsense") && said.contains("no.such-model"), "{said}");
    let turns = desk.turns().await;
    assert_eq!(turns[0]["settings"]["system"], "Be brief.");
    assert_eq!(turns[0]["settings"]["model"], "amazon.nova-pro-v1:0");
    assert!(turns[0]["prompt"].as_str().unwrap().contains("inside"), "{}", turns[0]);
    assert_eq!(turns[0]["session"], "mine");
    assert_ne!(turns[1]["session"], "mine");
    assert_eq!(desk.asked()[1], ["say:afresh"]);
    let page = std::fs::read_to_string(desk.home.path().join("out.html")).unwrap();
    assert!(page.contains("afresh") && !page.contains("inside"), "{page}");
}

#[tokio::test]
async fn a_long_conversation_is_summarised_openly() {
    let desk = Desk::new().await;
    let small = "mistral.mistral-7b-instruct-v0:2";
    let lines = format!("say:early\n{}say:late\n", "lorem:7000\n".repeat(4));
    let output = desk.told(&["chat", "-m", small, "--session", "long"], &lines).await;
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("of 5 turns are summarised"), "{said}");
    let turns = desk.turns().await;
    let kinds: Vec<&str> = turns.iter().map(|turn| turn["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["turn", "turn", "turn", "turn", "turn", "summary", "turn"]);
    let asked = desk.asked();
    let last = asked.last().unwrap();
    assert!(last[0].starts_with("Summarise our conversation"), "{last:?}");
    assert!(!last.iter().any(|said| said == "say:early") && last.last().unwrap() == "say:late");
    // What goes on later goes on from the summary.
    desk.told(&["chat", "--session", "long"], "say:later\n").await;
    let asked = desk.asked();
    let later = asked.last().unwrap();
    assert_eq!(later[..last.len()], last[..]);
    let all: Value =
        serde_json::from_str(&desk.says(&["sessions", "show", "long", "-j"]).await).unwrap();
    assert_eq!(all["turns"][0]["response"], "early", "the original stays");
}

#[tokio::test]
async fn a_chat_has_the_terms_of_a_query() {
    let desk = Desk::new().await;
    let form = ["chat", "--schema", "a int", "-m", "amazon.nova-pro-v1:0"];
    let terms = ["--cache", "5m", "--latency", "optimized", "--metadata", "team=a", "-s", "Be."];
    let lines = "say:{\"a\": 1}\nsay:{\"a\": \"x\"}\n";
    let output = desk.told(&[&form[..], &terms].concat(), lines).await;
    assert_eq!(output.status.code(), Some(25), "{output:?}");
    assert!(text(&output.stderr).contains("$.a"), "{output:?}");
    let requests = desk.emulator.requests();
    let bodies = requests.iter().filter(|request| request.raw_path.contains("converse-stream"));
    let bodies: Vec<Value> =
        bodies.map(|request| serde_json::from_slice(&request.body).unwrap()).collect();
    assert_eq!(bodies.len(), 2);
    for body in &bodies {
        assert_eq!(body["performanceConfig"]["latency"], "optimized");
        assert_eq!(body["requestMetadata"]["team"], "a");
        // The system prompt's and the newest question's; those of former questions are gone.
        assert_eq!(body.to_string().matches("cachePoint").count(), 2, "{body}");
    }
    let output = desk.told(&["chat", "--max-budget-usd", "0.0000001"], "say:one\n").await;
    assert_eq!(output.status.code(), Some(27), "{output:?}");
    let output = desk.told(&["chat", "-x"], "say:a\n```\nb\n```\n").await;
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn names_with_spaces_are_meant() {
    let desk = Desk::new().await;
    let file = desk.home.path().join("out of it.md");
    let path = file.display();
    let lines = format!(
        "say:one\n/save my trip\n/export '{path}'\n/export '{path}'\n/export {path}\n\
         /clear\n/context\n:::\nsay:two\n"
    );
    let output = desk.told(&["chat", "-s", "Be brief, as brief as can be."], &lines).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(19), "{said}");
    for told in [
        "--session 'my trip'",
        "Choose a new name.",
        "One file is written.",
        "1 messages, about 7 tokens",
        "no end of its own",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    let export = |more: &[&'static str]| {
        let file = file.to_str().unwrap().to_owned();
        let mut arguments: Vec<String> =
            ["sessions", "export", "my trip", "-O"].map(Into::into).into();
        arguments.push(file);
        arguments.extend(more.iter().map(|word| (*word).to_owned()));
        arguments
    };
    let words = export(&[]);
    let output = desk.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(output.status.code(), Some(19), "{output:?}");
    assert!(text(&output.stderr).contains("--force"), "{output:?}");
    let words = export(&["--force"]);
    desk.says(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let output = desk.run(&["query", "Hi", "--session", "a\u{1b}[2Jb"]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[tokio::test]
async fn a_trace_holds_what_was_asked_and_what_came() {
    let desk = Desk::new().await;
    let file = desk.home.path().join("trace");
    let path = file.to_str().unwrap();
    desk.told(&["chat", "--trace", path], "say:one\nsay:two\n").await;
    desk.says(&["query", "say:three", "--trace", path]).await;
    let written = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> =
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let asked = lines.iter().filter(|line| line["request"]["path"] == "/v1/chat/completions");
    assert_eq!(asked.count(), 3, "{written}");
    assert!(lines.iter().any(|line| line["answer"]["headers"]["x-request-id"].is_string()));
    let data: String = lines.iter().filter_map(|line| line["data"].as_str()).collect();
    assert!(data.contains("three") && data.contains("[DONE]"), "{data}");
    assert!(!written.to_lowercase().contains("authorization"), "{written}");
}
