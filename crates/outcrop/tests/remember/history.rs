//! Turns are written down as they came, and found again.

use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::desk::{Desk, text};

#[tokio::test]
async fn every_question_is_written_down_for_its_owner_alone() {
    let desk = Desk::new().await;
    desk.says(&["query", "say:fn_main_in_rust", "-s", "Be brief."]).await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(desk.history()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let turn = &desk.turns().await[0];
    assert_eq!(turn["prompt"], "say:fn_main_in_rust");
    assert_eq!(turn["response"], "fn_main_in_rust");
    assert_eq!(turn["model"], "amazon.nova-lite-v1:0");
    assert_eq!(turn["region"], "us-east-1");
    assert_eq!(turn["settings"]["system"], "Be brief.");
    assert_eq!(turn["messages"][1]["role"], "assistant");
    assert_eq!(turn["stop_reason"], "stop");
    assert!(turn["usage"]["output"].as_u64().unwrap() > 0);
    assert!(turn["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0));
    assert!(turn["ttft_ms"].is_u64() && turn["request_id"].is_string(), "{turn}");
    assert_eq!(desk.says(&["logs", "-r"]).await, "fn_main_in_rust\n");
}

#[tokio::test]
async fn marks_and_a_guardrail_are_for_the_request_alone() {
    let desk = Desk::new().await;
    let system = "Be brief. ".repeat(3_000);
    let question = ["query", "Hi", "-s", &system, "--json"];
    let terms = ["--cache", "5m", "--guardrail", "wordfilter:1"];
    for reads in [false, true] {
        let said = desk.says(&[&question[..], &terms].concat()).await;
        let usage = &serde_json::from_str::<Value>(&said).unwrap()["usage"];
        assert_eq!(usage["cache_read"].as_u64() > Some(0), reads, "{usage}");
        assert_eq!(usage["cache_write"].as_u64() > Some(0), !reads, "{usage}");
    }
    let asked = desk.emulator.requests();
    let body: Value = serde_json::from_slice(&asked.last().unwrap().body).unwrap();
    assert_eq!(body["guardrailConfig"]["guardrailIdentifier"], "wordfilter");
    assert_eq!(body["guardrailConfig"]["guardrailVersion"], "1");
    let kept = desk.says(&["logs", "--json"]).await;
    assert!(kept.contains("Be brief.") && !kept.contains("cache_control"), "{kept}");
}

#[tokio::test]
async fn turns_are_found_by_word_model_and_time() {
    let desk = Desk::new().await;
    desk.says(&["query", "say:the café opens"]).await;
    desk.says(&["query", "say:closed", "-m", "meta.llama3-1-70b-instruct-v1:0"]).await;
    for (arguments, found) in [
        (&["--search", "CAFE"][..], 1),
        (&["--search", " "], 2),
        (&["--search", "café \"quoted OR"], 0),
        (&["--model", "LLAMA"], 1),
        (&["--since", "1h"], 2),
        (&["--since", "2999-01-01"], 0),
        (&["-n", "1"], 1),
        (&["--session", "none"], 0),
    ] {
        let said = desk.says(&[&["logs", "--json"], arguments].concat()).await;
        let turns: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(turns.as_array().unwrap().len(), found, "{arguments:?}: {said}");
    }
    let table = desk.says(&["logs", "-u"]).await;
    assert!(table.starts_with("ID  TIME") && table.contains("café"), "{table}");
    let csv = desk.says(&["logs", "--csv"]).await;
    assert_eq!(csv.lines().count(), 3, "{csv}");
    let usage = desk.says(&["usage", "--by", "model"]).await;
    assert!(usage.contains("MODEL") && usage.lines().last().unwrap().starts_with("all"), "{usage}");
    assert_eq!(desk.run(&["logs", "99"]).await.status.code(), Some(20));
    assert_eq!(desk.run(&["logs", "-x"]).await.status.code(), Some(18));
}

#[tokio::test]
async fn a_failed_answer_is_written_down_as_far_as_it_came() {
    let desk = Desk::new().await;
    let missing = desk.run(&["query", "Hi", "-m", "no.such-model"]).await;
    assert_eq!(missing.status.code(), Some(12));
    desk.fails("end;after=4");
    let broken = desk.run(&["query", "lorem:50"]).await;
    assert!(!broken.status.success(), "{broken:?}");
    let turns = desk.turns().await;
    assert!(turns[0]["error"].is_string() && turns[0]["request_id"].is_string(), "{}", turns[0]);
    assert_eq!(turns[0]["counts"], false);
    assert!(turns[1]["error"].is_string(), "{}", turns[1]);
    assert_eq!(turns[1]["response"], text(&broken.stdout).trim_end(), "{}", turns[1]);
    assert_eq!(turns[1]["counts"], true);
}

#[cfg(unix)]
#[tokio::test]
async fn an_interrupted_answer_is_written_down_as_far_as_it_came() {
    let desk = Desk::new().await;
    desk.fails("stall=600000;after=4");
    let mut child = desk.command(&["query", "lorem:50"]).spawn().unwrap();
    let mut said = vec![0; 5];
    child.stdout.as_mut().unwrap().read_exact(&mut said).await.unwrap();
    let id = child.id().unwrap().to_string();
    assert!(
        std::process::Command::new("kill").args(["-s", "INT", &id]).status().unwrap().success()
    );
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    said.extend(output.stdout);
    let turn = &desk.turns().await[0];
    assert_eq!(turn["stop_reason"], "interrupted");
    assert_eq!(turn["response"], text(&said).trim_end(), "{turn}");
    // Nobody told how much it was, but it was not nothing.
    let count = |name: &str| turn["usage"][name].as_u64().unwrap();
    assert!(count("input") > 0 && count("output") > 0, "{turn}");
    assert_eq!(turn["usage"]["estimated"], true);
    assert!(turn["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0), "{turn}");
    let used: Value = serde_json::from_str(&desk.says(&["usage", "--json"]).await).unwrap();
    assert_eq!((&used[0]["estimated"], &used[0]["unpriced"]), (&1.into(), &0.into()), "{used}");
    assert_eq!(used[0]["cost_usd"], turn["cost_usd"]);
    assert!(desk.says(&["logs", "-u"]).await.contains('~'));
}

#[tokio::test]
async fn a_history_that_is_broken_or_off_fails_no_answer() {
    let desk = Desk::new().await;
    std::fs::write(desk.history(), "no database, but long enough to look like one".repeat(40))
        .unwrap();
    let output = desk.run(&["query", "say:fine"]).await;
    let said = text(&output.stderr);
    assert!(output.status.success() && text(&output.stdout) == "fine\n", "{output:?}");
    assert!(said.starts_with("warning:") && said.lines().count() == 1, "{said}");
    assert_eq!(desk.run(&["query", "-c", "Hi"]).await.status.code(), Some(1));
    std::fs::remove_file(desk.history()).unwrap();
    desk.says(&["query", "--no-save", "Hi"]).await;
    let off = desk.command(&["query", "Hi"]).env("OUTCROP_HISTORY", "off").output().await.unwrap();
    assert!(off.status.success() && !desk.history().exists(), "{off:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_place_that_is_full_or_unwritable_fails_no_answer() {
    let desk = Desk::new().await;
    // No file may grow: as on a full disk, but for the error's name.
    let binary = desk.command(&[]).as_std().get_program().to_owned();
    let full = async |arguments: &[&str]| {
        let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
        let mut command = desk.command(&[]);
        let mut shell = tokio::process::Command::new("/bin/sh");
        shell.args(["-c", script]).arg(&binary).args(arguments).env_clear();
        let env = command.as_std_mut().get_envs();
        shell.envs(env.filter_map(|(name, value)| Some((name, value?))));
        shell.output().await.unwrap()
    };
    let told = |output: std::process::Output, answer: &str| {
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert_eq!(text(&output.stdout), answer, "{said}");
        assert!(said.starts_with("warning:") && said.lines().count() == 1, "{said}");
    };
    told(full(&["query", "say:fine"]).await, "fine\n");
    desk.says(&["query", "say:one", "--session", "s"]).await;
    told(full(&["query", "say:two", "--session", "s"]).await, "two\n");
    assert_eq!(desk.asked().last().unwrap(), &["say:one", "one", "say:two"]);
    told(full(&["query", "say:three", "-c"]).await, "three\n");
    desk.says(&["query", "say:alone"]).await;
    told(full(&["query", "say:four", "-c"]).await, "four\n");
    assert_eq!(desk.asked().last().unwrap(), &["say:alone", "alone", "say:four"]);
    assert_eq!(text(&full(&["logs", "-r"]).await.stdout), "alone\n");
    let place = desk.home.path().join("file");
    std::fs::write(&place, "no folder").unwrap();
    let mut unwritable = desk.command(&["query", "say:fine"]);
    told(unwritable.env("OUTCROP_HOME", place.join("home")).output().await.unwrap(), "fine\n");
}

#[tokio::test]
async fn processes_write_at_once_and_lose_nothing() {
    let desk = Desk::new().await;
    let children: Vec<_> = (0..6)
        .map(|at| desk.command(&["query", &format!("say:{at}"), "--session", "s"]).spawn().unwrap())
        .collect();
    for child in children {
        let output = child.wait_with_output().await.unwrap();
        assert!(output.status.success() && output.stderr.len() < 40, "{output:?}");
    }
    let mut answers: Vec<String> =
        desk.turns().await.iter().map(|turn| turn["response"].to_string()).collect();
    answers.sort();
    assert_eq!(answers, ["\"0\"", "\"1\"", "\"2\"", "\"3\"", "\"4\"", "\"5\""]);
}

#[tokio::test]
async fn a_conversation_goes_on_with_what_was_said_and_set() {
    let desk = Desk::new().await;
    desk.says(&["query", "say:one", "-s", "Be brief.", "--max-tokens", "50"]).await;
    assert_eq!(desk.run(&["query", "Hi", "-m", "no.such-model"]).await.status.code(), Some(12));
    desk.says(&["query", "say:two", "--session", "other"]).await;
    desk.says(&["query", "say:three", "--session", "other"]).await;
    desk.says(&["query", "-c", "say:four"]).await;
    let asked = desk.asked();
    assert_eq!(asked.last().unwrap(), &["say:two", "two", "say:three", "three", "say:four"]);
    let turns = desk.turns().await;
    assert_eq!(turns.last().unwrap()["session"], "other");
    let alone = Desk::new().await;
    alone.says(&["query", "say:one", "-s", "Be brief.", "--max-tokens", "50"]).await;
    alone.says(&["query", "-c", "say:two", "--max-tokens", "60"]).await;
    assert_eq!(alone.asked()[1], ["say:one", "one", "say:two"]);
    let turns = alone.turns().await;
    assert_eq!(turns[0]["session"], turns[1]["session"]);
    assert_eq!(turns[1]["settings"]["system"], "Be brief.");
    assert_eq!(turns[1]["settings"]["max_completion_tokens"], 60);
    let empty = Desk::new().await;
    assert_eq!(empty.run(&["query", "-c", "Hi"]).await.status.code(), Some(2));
}
