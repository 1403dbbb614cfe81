//! Models that use the tools of MCP servers, good ones and bad ones.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod defining;
mod desk;
mod login;
mod serving;
#[path = "../support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use desk::{CLAUDE, LLAMA, SERVER, add, all_have_ended, heard, home, mcp, outcrop, query, says};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::text;

#[test]
fn claude_and_llama_use_tools() {
    let home = home("well");
    for model in [CLAUDE, LLAMA] {
        let prompt = r#"call:s__echo {"text": "one"} call:s__env {"text": "GREETING"}"#;
        let output = outcrop(&home, &["query", "--emulator", "-m", model, prompt, "-y", "--json"])
            .output()
            .unwrap();
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        let calls = result["tool_calls"].as_array().unwrap();
        assert_eq!(calls.len(), 2, "{model}: {result}");
        assert!(calls[0]["result"].to_string().contains("echo says one"), "{model}: {result}");
        assert_eq!(calls[1]["result"], "hello", "{model}");
        assert_eq!(calls[1]["success"], true, "{model}");
        assert_eq!((&calls[1]["server"], &calls[1]["name"]), (&"s".into(), &"env".into()));
        assert_eq!(result["server_connections"], json!(["s"]));
        let response = result["response"].as_str().unwrap();
        assert!(response.contains("hello"), "{model}: {response}");
        let seen = if model == CLAUDE { "png" } else { "cannot be shown" };
        let output =
            outcrop(&home, &["query", "--emulator", "-m", model, "call:s__image {}", "-y"]);
        says(&{ output }.output().unwrap(), seen, "");
    }
    all_have_ended(&home);
}

#[test]
fn bad_servers_are_left_out_and_said_so() {
    for (how, offered, said) in [
        ("crash", None, "cannot find my files"),
        ("hang", None, "does not answer within"),
        ("hang-list", None, "does not answer within"),
        ("refuse", None, "not today"),
        ("no-list", None, "list of tools"),
        ("line", None, "67108864 bytes in one message"),
        ("garbage", Some("s__echo"), ""),
        ("stubborn", Some("s__echo"), ""),
        ("duplicates", Some("s__last"), "the tool echo is there twice"),
        ("many", Some("s__tool_299"), ""),
        ("endless", Some("s__tool_150"), "has no end"),
        ("schema", Some("s__last"), "the tool array is left out"),
        ("odd", Some("#3"), ""),
    ] {
        let home = home(how);
        let slow = ["--server-timeout", if how.starts_with("hang") { "0.5" } else { "30" }];
        let prompt = match offered {
            None => "Hello".to_owned(),
            Some(name) => format!(r#"call:{name} {{"text": "x"}}"#),
        };
        let output = query(&home, &prompt, &[&["-y"], &slow[..]].concat());
        assert!(output.status.success(), "{how}: {output:?}");
        says(&output, if offered.is_some() { "says x" } else { "You said: Hello" }, said);
        assert!(!output.stderr.contains(&0x1b), "{how}: a terminal's codes");
        if offered.is_none() {
            let output = query(&home, &prompt, &[&["--server", "s"], &slow[..]].concat());
            assert_eq!(output.status.code(), Some(13), "{how}: {output:?}");
            says(&output, "", said);
        }
    }
}

#[test]
fn every_call_has_its_result() {
    let home = home("well");
    for (call, result, said) in [
        ("s__fail", "no such file", "tool s/fail {"),
        ("s__refuse", "wrong arguments", "! The server refused the call: wrong arguments"),
        ("s__odd_answer", "no result of a tool", ""),
        ("s__flood", "after the flood", ""),
        ("s__image", "png", ""),
        (r#"s__wait {"text": "3600"}"#, "no result within 1 s", "--tool-timeout"),
        (r#"s__huge {"text": "50"}"#, "The result is too long: 49900010 bytes", "--max-result"),
    ] {
        let prompt = format!("call:{call}");
        let patience = if call.contains("wait") { "1" } else { "120" };
        let output = query(&home, &prompt, &["-y", "--tool-timeout", patience]);
        assert!(output.status.success(), "{call}: {output:?}");
        says(&output, result, said);
    }
}

#[test]
fn a_budget_holds_for_all_turns_and_counts_tools() {
    let home = home("well");
    let prompt = r#"say:one call:s__huge {"text": "1"}"#;
    let query = |budget: &str, more: &[&str]| {
        let flags = ["-y", "--json", "--max-tokens", "200", "--max-budget-usd", budget];
        let all = [&["query", "--emulator", "-m", "claude-sonnet-4-5", prompt], &flags[..], more];
        let output = outcrop(&home, &all.concat()).output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), document, text(&output.stderr))
    };
    // The question and an answer are $0.0034 at the most; what is told of the tools comes on top.
    assert_eq!(query("0.0036", &["--no-tools"]).0, Some(0));
    let (code, document, said) = query("0.0036", &[]);
    assert_eq!((code, &document["usage"]["input"]), (Some(27), &0.into()), "{said}");
    let (code, document, said) = query("0.02", &["--max-result", "60000"]);
    assert_eq!(code, Some(27), "{document}{said}");
    assert_eq!(document["stop_reason"], "out_of_budget");
    assert_eq!(document["tool_calls"].as_array().unwrap().len(), 1, "{document}");
    let spent = document["cost_usd"].to_string();
    assert!(spent.starts_with("0.00") && document["usage"]["input"].as_u64() > Some(0), "{spent}");
    assert!(said.contains(&format!("The budget is $0.02, of which ${spent} is spent.")), "{said}");
    let (code, document, said) = query("1", &["--max-result", "60000"]);
    assert_eq!(code, Some(0), "{document}{said}");
}

#[test]
fn a_server_that_dies_is_started_once_more() {
    let home = home("well");
    let prompt = r#"call:s__die {} call:s__wait {"text": "1"}"#;
    let output = query(&home, prompt, &["-y", "--output-format", "stream-json"]);
    says(&output, "failed during the call", "was started again; it said: Traceback: I am");
    let results = text(&output.stdout);
    let results = results.lines().filter(|line| line.contains("\"tool_result\""));
    assert_eq!(results.count(), 2);
}

#[test]
fn nobody_is_asked_where_nobody_is() {
    let home = home("well");
    let prompt = r#"call:s__echo {"text": "x"} call:s__fail {}"#;
    for (flags, echo, fail) in [
        (&[][..], false, false),
        (&["--allow", "s/echo"], true, false),
        (&["--allow", "*"], true, true),
        (&["--approve", "deny", "--allow", "echo"], true, false),
        (&["--approve", "auto"], true, true),
    ] {
        let output = query(&home, prompt, flags);
        let said = text(&output.stdout);
        assert_eq!(said.contains("echo says x"), echo, "{flags:?}: {output:?}");
        assert_eq!(said.contains("no such file"), fail, "{flags:?}: {output:?}");
    }
    says(&query(&home, prompt, &[]), "not there to allow", "--allow 's/echo'");
    let definition = json!(["python3", [SERVER, "well"], ["GREETING"], null]).to_string();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, definition.as_bytes());
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let always = format!("s/echo\t{}/servers/s.yaml\t{digest}\n", home.path().display());
    std::fs::write(home.path().join("allowed-tools"), always).unwrap();
    says(&query(&home, prompt, &[]), "echo says x", "--allow 's/fail'");
    // What is now behind the name was never allowed.
    add(home.path(), "s", "stubborn");
    says(&query(&home, prompt, &[]), "not there to allow", "--allow 's/echo'");
}

#[test]
fn a_model_without_tools_answers_all_the_same() {
    let home = home("well");
    let titan = ["query", "--emulator", "-m", "amazon.titan-text-express-v1", "Hello"];
    says(&outcrop(&home, &titan).output().unwrap(), "You said: Hello", "");
    let named = outcrop(&home, &[&titan[..], &["--server", "s"]].concat()).output().unwrap();
    assert_eq!(named.status.code(), Some(15));
    says(&named, "", "takes no tools");
}

#[test]
fn servers_and_tools_are_chosen() {
    let home = home("well");
    add(home.path(), "t", "well");
    let folder = json!({ "command": "python3", "args": [SERVER] });
    let other = json!({ "command": "not-the-user's\u{1b}[2J" });
    let folder = json!({ "mcpServers": { "folder": folder, "known": other } });
    let known = json!({ "mcpServers": { "known": { "command": "python3", "args": [SERVER] } } });
    std::fs::write(home.path().join(".claude.json"), known.to_string()).unwrap();
    std::fs::write(home.path().join(".mcp.json"), folder.to_string()).unwrap();
    let named = home.path().join("named.json");
    let of_file = json!({ "mcpServers": { "named": { "command": "python3", "args": [SERVER] } } });
    std::fs::write(&named, of_file.to_string()).unwrap();
    let named = named.to_str().unwrap();
    for (flags, name, is_there) in [
        (&[][..], "t__echo", true),
        (&[], "folder__echo", false),
        (&["--server", "folder"], "folder__echo", true),
        (&["--server", "known"], "known__echo", true),
        (&["--server", "s,folder"], "t__echo", false),
        (&["-T", "folder/echo"], "folder__echo", true),
        (&["-T", "s/e*"], "s__fail", false),
        (&["-T", "echo"], "t__echo", true),
        (&["--mcp-config", named], "named__echo", true),
    ] {
        let prompt = format!(r#"call:{name} {{"text": "x"}}"#);
        let output = query(&home, &prompt, &[&["-y"], flags].concat());
        assert_eq!(text(&output.stdout).contains("echo says x"), is_there, "{flags:?} {output:?}");
    }
    says(&mcp(&home, &["list"]), "", "the MCP server known of ");
    for (flags, code, mend) in [
        (&["--server", "none"][..], 13, "Known are s, t, known, folder"),
        (&["-T", "no_such_tool"], 20, "No tool is named"),
        (&["--mcp-config", "none.json"], 10, "Cannot read"),
        (&["--no-tools", "--server", "s"], 2, "cannot be used"),
    ] {
        let output = query(&home, "Hello", flags);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        says(&output, "", mend);
    }
}

#[test]
fn a_reader_who_leaves_does_not_spoil_the_conversation() {
    let home = home("well");
    let all = ["query", "--emulator", "-m", CLAUDE, "--session", "p", "-y"];
    let stream = ["--output-format", "stream-json", r#"call:s__echo {"text": "one"}"#];
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = outcrop(&home, &[&all[..], &stream[..]].concat()).stdout(writer).status().unwrap();
    assert!(status.success(), "{status}");
    let output = outcrop(&home, &[&all[..], &["Go on"]].concat()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn an_interrupt_ends_the_servers_too() {
    let home = home("stubborn");
    let prompt = r#"call:s__wait {"text": "3600"}"#;
    let arguments =
        ["query", "--emulator", "-m", CLAUDE, prompt, "-y", "--output-format", "stream-json"];
    let mut child =
        outcrop(&home, &arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut called = String::new();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap());
    while !called.contains("tool_call") {
        assert_ne!(lines.read_line(&mut called).unwrap(), 0, "{called}");
    }
    // What has not reached the server needs no cancelling.
    while heard(&home, "tools/call") == 0 {
        std::thread::yield_now();
    }
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    all_have_ended(&home);
    assert_eq!(heard(&home, "notifications/cancelled"), 1);
}

#[test]
fn a_call_that_gets_on_has_more_time() {
    let home = home("well");
    let output = query(&home, "call:s__progress {}", &["-y", "--tool-timeout", "2"]);
    says(&output, "got on", "");
    assert_eq!(heard(&home, "notifications/cancelled"), 0);
    let wait = r#"call:s__wait {"text": "3600"}"#;
    says(&query(&home, wait, &["-y", "--tool-timeout", "0.5"]), "no result within 0.5 s", "");
    assert_eq!(heard(&home, "notifications/cancelled"), 1);
}

#[test]
fn a_server_may_ask_nothing() {
    let home = home("well");
    says(&query(&home, "call:s__ask {}", &["-y"]), "-32601 -32601 -32601", "");
    let log = std::fs::read_to_string(home.path().join("log")).unwrap();
    assert!(log.contains(r#""capabilities":{}"#), "{log}");
}

#[test]
fn tools_that_come_later_are_offered_too() {
    let home = home("well");
    let mut chat = outcrop(&home, &["chat", "--emulator", "-m", CLAUDE, "-y"]);
    let lines = "call:s__grow {}\ncall:s__echo {}\ncall:s__grown {\"text\": \"x\"}\n";
    let output = support::given(&mut chat, lines.as_bytes());
    says(&output, "grown says x", "");
    assert!(heard(&home, "tools/list") > 2);
}
