//! `outcrop query` and `outcrop models`, as people and scripts use them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};

use outcrop_emulator::EXAMPLE_REGION;
use serde_json::{Value, json};
use support::{given, text};

fn outcrop(arguments: &[&str], stdin: &[u8]) -> Output {
    given(support::outcrop(arguments).env("OUTCROP_HISTORY", "off"), stdin)
}

fn ask(arguments: &[&str], stdin: &[u8]) -> Output {
    outcrop(&[&["query", "--emulator"], arguments].concat(), stdin)
}

#[test]
fn every_family_answers_on_stdout_and_nothing_else() {
    for model in [
        "anthropic.claude-3-haiku-20240307-v1:0",
        "meta.llama3-1-70b-instruct-v1:0",
        "amazon.titan-text-express-v1",
        "amazon.nova-lite-v1:0",
        "mistral.mistral-large-2402-v1:0",
        "cohere.command-r-plus-v1:0",
    ] {
        let output = ask(&["Hello from Bedrock!", "--provider", "bedrock", "--model", model], b"");
        assert!(output.status.success(), "{model}: {output:?}");
        assert_eq!(text(&output.stdout), "You said: Hello from Bedrock!\n", "{model}");
        assert_eq!(text(&output.stderr), "", "{model}");
    }
}

#[test]
fn what_is_piped_in_comes_after_the_question() {
    let output = ask(&["Sum", "up", "-m", "amazon.nova-lite-v1:0"], b"the report\n");
    let said = text(&output.stdout);
    assert!(said.contains("Sum up") && said.contains("the report"), "{said}");
    let output = ask(&["-m", "amazon.nova-lite-v1:0"], b"the question");
    assert_eq!(text(&output.stdout), "You said: the question\n");
}

#[test]
fn markdown_is_rendered_for_people_and_not_for_programs() {
    let markdown = "say:# Title\n\n- *one*\n- two";
    assert_eq!(text(&ask(&[markdown], b"").stdout), "# Title\n\n- *one*\n- two\n");
    let rendered = "\x1b[1;2;35m# \x1b[0m\x1b[1;35mTitle\x1b[0m\n\n\
        \x1b[36m• \x1b[0m\x1b[3mone\x1b[0m\n\x1b[36m• \x1b[0mtwo\n";
    for streams in [&[][..], &["-S"]] {
        let output = ask(&[&[markdown, "--render", "always"], streams].concat(), b"");
        assert_eq!(text(&output.stdout), rendered, "{streams:?}");
    }
}

#[test]
fn folders_and_patterns_are_attached() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    file("b.txt", b"second");
    file("a/first.txt", b"first");
    file("a/.hidden", b"hidden");
    let binary = file("c.bin", b"\xfe\xff\0");
    let folder = home.path().display().to_string();
    let output = ask(&["Read", "-f", &folder], b"");
    let (said, notes) = (text(&output.stdout), text(&output.stderr));
    assert!(said.find("first").unwrap() < said.find("second").unwrap(), "{said}");
    assert!(!said.contains("hidden"), "{said}");
    assert!(notes.contains("left out: ") && notes.contains("c.bin"), "{notes}");
    assert!(notes.contains("attached 2 files"), "{notes}");
    let output = ask(&["Read", "-f", &format!("{folder}/**/*.txt")], b"");
    let said = text(&output.stdout);
    assert!(said.contains("second"));
    for (pattern, finds) in [("a/*", false), ("**/*", false), ("a/.h*", true)] {
        let output = ask(&["Read", "-f", &format!("{folder}/{pattern}")], b"");
        assert_eq!(text(&output.stdout).contains("hidden"), finds, "{pattern}");
    }
    let large = home.path().join("large");
    std::fs::File::create(&large).unwrap().set_len(25_000_001).unwrap();
    for (name, mend) in [
        (&*binary, "neither text"),
        (&format!("{folder}/*.rs"), "no file"),
        (&format!("{folder}/nothing"), "Cannot read"),
        (large.to_str().unwrap(), "25000000 bytes"),
        ("http://example.com/x", "Use https"),
        ("https://127.0.0.1/x", "not public"),
        ("https://user:secret@example.com/", "password"),
    ] {
        let output = ask(&["Read", "-f", name], b"");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(16), "{name}: {said}");
        assert!(said.contains(mend), "{name}: {said}");
    }
}

#[test]
fn json_has_the_answer_and_what_is_known_of_it() {
    let output = ask(&["Hello", "-m", "amazon.nova-lite-v1:0", "--json"], b"");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["response"], "You said: Hello");
    assert_eq!((&result["target"], &result["stop_reason"]), (&result["model"], &"stop".into()));
    assert!(result["usage"]["output"].as_u64().unwrap() > 0);
    assert!(text(&output.stdout).contains("\"cost_usd\": 0.00000"), "{result}");
    let nanoseconds = result["time_taken"].as_u64().unwrap();
    assert!(nanoseconds / 1_000_000 >= result["latency_ms"].as_u64().unwrap(), "{result}");
    assert_eq!(result["region"], EXAMPLE_REGION);
    assert_eq!((&result["provider"], &result["error"]), (&"bedrock".into(), &Value::Null));
    assert_eq!((&result["server_connections"], &result["session_id"]), (&json!([]), &Value::Null));
    assert_eq!(members(&result), MEMBERS);
}

/// All that a document has, whatever became of the run.
const MEMBERS: [&str; 20] = [
    "response",
    "reasoning",
    "tool_calls",
    "provider",
    "model",
    "target",
    "region",
    "session_id",
    "server_connections",
    "id",
    "request_id",
    "stop_reason",
    "usage",
    "cost_usd",
    "time_taken",
    "latency_ms",
    "ttft_ms",
    "attempts",
    "losses",
    "error",
];

fn members(document: &Value) -> Vec<&str> {
    document.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The events of `stream-json`, and their types without those that only repeat.
fn events(output: &Output) -> (Vec<Value>, Vec<String>) {
    let said = text(&output.stdout);
    let events: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut types: Vec<String> =
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    types.dedup();
    (events, types)
}

#[test]
fn a_stream_of_json_begins_counts_and_ends() {
    let (events, types) = events(&ask(&["Hello", "--output-format", "stream-json"], b""));
    assert_eq!(types, ["start", "text", "usage", "end"]);
    let (start, end) = (&events[0], events.last().unwrap());
    assert_eq!((&start["model"], &start["region"]), (&end["model"], &end["region"]));
    assert_eq!(events[events.len() - 2]["usage"], end["usage"]);
    assert_eq!(end["response"], "You said: Hello");
}

#[test]
fn a_run_that_fails_is_a_document_too() {
    let missing = concat!(env!("CARGO_TARGET_TMPDIR"), "/no-such-file");
    for (arguments, code, word, response) in [
        (&["Hi", "-f", missing][..], 16, "attachment", ""),
        (&["Hi", "-m", "no.such-model"], 12, "unknown_model", ""),
        (&["lorem:50", "--max-tokens", "5", "--strict"], 29, "truncated", "lorem"),
        (&["say:no JSON", "--schema", "name"], 25, "schema_mismatch", ""),
        (&["Hi", "--max-budget-usd", "0"], 27, "budget", ""),
        (&["Hi", "--max-budget-usd", "9", "--latency", "optimized"], 27, "budget", ""),
        (&["Hi", "--max-budget-usd", "9", "-m", "no.such-model"], 12, "unknown_model", ""),
    ] {
        let output = ask(&[arguments, &["--json"]].concat(), b"");
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let error = &document["error"];
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {document}");
        assert_eq!((&error["code"], &error["exit_code"]), (&word.into(), &code.into()));
        assert_eq!(members(&document), MEMBERS, "{arguments:?}");
        assert!(document["response"].as_str().unwrap().contains(response), "{document}");
        let said = text(&output.stderr);
        let message = error["message"].as_str().unwrap();
        assert!(said.ends_with(&format!("error: {message}\n")), "{said} {message}");

        let (events, types) =
            events(&ask(&[arguments, &["--output-format", "stream-json"]].concat(), b""));
        let end = events.last().unwrap();
        assert_eq!(types[types.len() - 2..], ["error", "end"], "{arguments:?}");
        assert_eq!(events[events.len() - 2]["error"]["code"], word);
        assert_eq!(end["error"]["code"], word);
    }
    let output = ask(&["Hi", "--compare", "amazon.nova-lite-v1:0,no.such-model", "--json"], b"");
    let both: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&both[0]["error"], &both[1]["error"]["exit_code"]), (&Value::Null, &json!(12)));
    assert_eq!(members(&both[1]), MEMBERS);
}

#[test]
fn a_gateway_elsewhere_tells_what_it_knows() {
    let mut gateway = support::outcrop(&["serve", "--emulator", "--listen", "127.0.0.1:0"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(gateway.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap();
    let via = ["query", "Hello", "-m", "amazon.nova-lite-v1:0", "--via", url];
    let output = outcrop(&[&via[..], &["--json", "--max-budget-usd", "1"]].concat(), b"");
    let refused = outcrop(&[&via[..], &["--max-budget-usd", "0.000001"]].concat(), b"");
    drop(gateway.kill());
    drop(gateway.wait());
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(members(&result), MEMBERS);
    assert_eq!(
        (&result["model"], &result["response"]),
        (&via[3].into(), &"You said: Hello".into())
    );
    assert!(result["usage"]["input"].as_u64().unwrap() > 0 && result["request_id"].is_string());
    for unknown in ["region", "cost_usd", "latency_ms", "attempts"] {
        assert_eq!(result[unknown], Value::Null, "{unknown}");
    }
    assert_eq!(refused.status.code(), Some(27), "{}", text(&refused.stderr));
}

#[test]
fn the_exit_code_says_what_went_wrong() {
    let missing = concat!(env!("CARGO_TARGET_TMPDIR"), "/no-such-file");
    let too_much = vec![b'a'; 25_000_001];
    for (arguments, stdin, code, mend) in [
        (vec![], &b""[..], 2, "outcrop query"),
        (vec!["Hi", "-m", "no.such-model"], b"", 12, "outcrop models"),
        (vec!["Hi", "-p", "openai"], b"", 11, "bedrock"),
        (vec!["Hi", "-f", missing], b"", 16, "Cannot read"),
        (vec!["Hi"], &too_much, 16, "head -c"),
        (vec!["Hi"], b"\xfe\xff\0", 16, "neither text"),
        (vec!["Hi", "-O", "/no/such/folder/x"], b"", 19, "Cannot write"),
    ] {
        let output = ask(&arguments, stdin);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(mend), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    for (arguments, code) in [
        (["query", "Hi", "--via", "http://127.0.0.1:1"], 26),
        (["query", "Hi", "--via", "127.0.0.1:1"], 20),
        (["query", "Hi", "--region", "eu-west-1"], 28),
    ] {
        assert_eq!(outcrop(&arguments, b"").status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn a_file_keeps_what_it_has_until_there_is_an_answer() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("answer");
    for (arguments, has) in [
        (&["Hi", "-m", "no.such-model"][..], "an old answer that is long\n"),
        (&["Hi", "-m", "no.such-model", "-S"], "an old answer that is long\n"),
        (&["say:a\n\nb"], "a\n\nb\n"),
        (&["say:a\n\nb", "-S"], "a\n\nb\n"),
    ] {
        std::fs::write(&path, "an old answer that is long\n").unwrap();
        ask(&[arguments, &["-O", path.to_str().unwrap()]].concat(), b"");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), has, "{arguments:?}");
    }
}

#[test]
fn models_are_listed_with_their_names() {
    let output = outcrop(&["models", "--emulator", "nova", "lite"], b"");
    let said = text(&output.stdout);
    assert!(said.starts_with("MODEL") && said.contains("amazon.nova-lite-v1:0"), "{said}");
    let output = outcrop(&["models", "--emulator", "--vendor", "meta", "--json"], b"");
    let models: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(models.as_array().unwrap().iter().all(|model| model["owned_by"] == "meta"));
    let output = outcrop(&["models", "--emulator", "nonsense"], b"");
    assert_eq!(output.status.code(), Some(12));
}

const PERSON: &str = "name, age int";

#[test]
fn an_answer_has_the_form_that_was_asked_for() {
    let said = |arguments: &[&str]| {
        let output = ask(&[&["-m", "amazon.nova-lite-v1:0"], arguments].concat(), b"");
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let (code, answer, notes) = said(&["Who?", "--schema", PERSON, "-q"]);
    let person: Value = serde_json::from_str(&answer).unwrap();
    assert!(person["age"].is_i64() && code == 0, "{answer}{notes}");
    let (_, answer, _) = said(&["Who?", "--schema-multi", PERSON]);
    assert!(serde_json::from_str::<Value>(&answer).unwrap()["items"].is_array(), "{answer}");

    let wrong = r#"call:answer_in_json {"name": "A", "age": "old"}"#;
    let (code, answer, why) = said(&[wrong, "--schema", PERSON]);
    assert_eq!(code, 25, "{answer}{why}");
    assert!(why.contains("$.age") && answer.contains("old"), "{why}");
    for schema in ["{", "a strange b", r#"{"type": 7}"#] {
        assert_eq!(said(&["Who?", "--schema", schema]).0, 20, "{schema}");
    }

    let blocks = "say:Here:\n```sh\nls\n```\nor\n```\npwd\n```";
    assert_eq!(said(&[blocks, "-x"]).1, "ls\n");
    assert_eq!(said(&[blocks, "--xl"]).1, "pwd\n");
    assert_eq!(said(&["say:none", "-x"]).1, "none\n");
}

#[test]
fn terms_are_kept() {
    let nova = ["-m", "amazon.nova-lite-v1:0"];
    for (arguments, code, told) in [
        (&["lorem:50", "--max-tokens", "5"][..], 0, "the answer was cut"),
        (&["lorem:50", "--max-tokens", "5", "--strict"], 29, "--max-tokens"),
        (&["lorem:50", "--max-tokens", "5", "--strict", "--error-code-only"], 29, ""),
        (&["Hi", "--seed", "7"], 0, "dropped seed"),
        (&["Hi", "--seed", "7", "--quiet"], 0, ""),
        (&["Hi", "--max-budget-usd", "1"], 0, ""),
        (&["Hi", "--max-budget-usd", "0.000001"], 27, "The budget is $0.000001"),
        (&["Hi", "--max-budget-usd", "0.001", "--max-tokens", "9"], 0, ""),
        (
            &[
                "Hi",
                "--cache",
                "5m",
                "-s",
                "Be brief",
                "--metadata",
                "a=b",
                "--service-tier",
                "flex",
            ],
            0,
            "",
        ),
        (
            &["Hi", "--top-k", "5", "--retries", "0", "--timeout", "60", "--idle-timeout", "9"],
            0,
            "",
        ),
        (&["Hi", "--timeout", "0"], 2, "more than 0"),
        (&["Hi", "--guardrail", "nothing"], 2, "ID:VERSION"),
    ] {
        let output = ask(&[&nova[..], arguments].concat(), b"");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(told) && said.is_empty() == told.is_empty(), "{arguments:?}: {said}");
    }
    // The last is listed by its profiles alone.
    let others = "no.other,anthropic.claude-sonnet-4-20250514-v1:0";
    let fallback = ["Hi", "-m", "no.such-model", "--fallback", others];
    let output = ask(&[&fallback[..], &["--max-budget-usd", "1"]].concat(), b"");
    assert_eq!(text(&output.stdout), "You said: Hi\n");
    assert!(text(&output.stderr).contains("no.such-model cannot answer, so no.other is asked"));
}

#[test]
fn several_models_are_compared() {
    let models = "amazon.nova-lite-v1:0,no.such-model,meta.llama3-1-70b-instruct-v1:0";
    let output = ask(&["Hi", "--compare", models], b"");
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(12), "{said}");
    let nova = said.find("## amazon.nova-lite-v1:0\n\nYou said: Hi\n\n(").unwrap();
    assert!(nova < said.find("## no.such-model\n\nerror: ").unwrap(), "{said}");
    assert!(said.contains("## meta.llama3-1-70b-instruct-v1:0\n\nYou said: Hi"), "{said}");
    assert!(text(&output.stderr).contains("1 of 3 models failed. no.such-model: "));
    let output =
        ask(&["Hi", "--compare", "amazon.nova-lite-v1:0,amazon.nova-pro-v1:0", "--json"], b"");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success());
    for (at, model) in ["amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"].iter().enumerate() {
        assert_eq!((&said[at]["model"], &said[at]["error"]), (&(*model).into(), &Value::Null));
        assert_eq!(said[at]["response"], "You said: Hi");
        assert!(said[at]["cost_usd"].is_f64() && said[at]["latency_ms"].is_u64(), "{said}");
    }
}

#[test]
fn the_model_of_the_question_is_compared_too() {
    let (one, other) = ("amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0");
    let output = ask(&["Hi", "-m", one, "--compare", other], b"");
    let said = text(&output.stdout);
    assert!(said.starts_with(&format!("## {one}\n")) && said.contains(&format!("## {other}\n")));
    let output = ask(&["Hi", "--compare", ","], b"");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("--compare"), "{output:?}");
}

#[test]
fn what_would_be_sent_is_shown_and_not_sent() {
    // No credentials, and an address at which nobody answers.
    let nowhere = ["query", "Hi", "-m", "amazon.nova-lite-v1:0", "--region", "eu-west-1"];
    let shown = |more: &[&str]| outcrop(&[&nowhere[..], more].concat(), b"");
    let output = shown(&["--dry-run"]);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(said.contains("POST /model/amazon.nova-lite-v1%3A0/converse-stream\n"), "{said}");
    assert!(said.contains("authorization: ***") && said.contains(r#"{"text":"Hi"}"#), "{said}");
    let output = ask(&["Hi", "-m", "amazon.nova-lite-v1:0", "--show-request"], b"");
    assert_eq!(text(&output.stdout), "You said: Hi\n");
    assert!(text(&output.stderr).contains("carrier  converse"));
}

#[test]
fn a_question_needs_no_command() {
    let nova = ["--emulator", "-m", "amazon.nova-lite-v1:0"];
    for (arguments, stdin) in [
        ([&["Hi there"][..], &nova].concat(), ""),
        ([&nova[..], &["Hi there"]].concat(), ""),
        (nova.to_vec(), "Hi there"),
        ([&nova[..], &["--", "Hi there"]].concat(), ""),
    ] {
        let output = outcrop(&arguments, stdin.as_bytes());
        assert_eq!(text(&output.stdout), "You said: Hi there\n", "{output:?}");
    }
    let output = outcrop(&["qurey", "Hi"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("query"), "{output:?}");
}

#[test]
fn what_would_have_no_effect_is_refused() {
    for (arguments, exit, told) in [
        (&["-o", "stream=false"][..], 2, "use -S"),
        (&["-o", "model=x"], 2, "use -m"),
        (&["-o", "messages=[]"], 2, "the question"),
        (&["-o", "tools=[]"], 2, "--server"),
        (&["-o", "temperature=abc"], 15, "temperature"),
        (&["-o", "max_tokens=5", "--max-tokens", "6"], 20, "-o max_tokens and --max-tokens"),
        (&["-o", "top_k=5", "--top-k", "6"], 20, "-o top_k and --top-k"),
        (&["--temperature", "nan"], 2, "from 0 to 1"),
        (&["--top-p", "1.5"], 2, "from 0 to 1"),
        (&["--top-k", "0"], 2, "--top-k"),
        (&["--effort", "extreme"], 2, "xhigh"),
        (&["--service-tier", "bad"], 2, "flex"),
        (&["--latency", "fast"], 2, "optimized"),
    ] {
        let output = ask(&[&["Hi", "-m", "amazon.nova-lite-v1:0"], arguments].concat(), b"");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {said}");
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
    let terms = ["Hi", "-m", "amazon.nova-lite-v1:0", "--latency", "optimized", "--dry-run"];
    let said = text(&ask(&terms, b"").stdout);
    assert!(said.contains(r#""performanceConfig":{"latency":"optimized"}"#), "{said}");
}
