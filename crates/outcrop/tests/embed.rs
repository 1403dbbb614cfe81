//! `outcrop embed`, as people and scripts use it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use outcrop_emulator::{
    Config, EXAMPLE_ACCESS_KEY_ID, EXAMPLE_REGION, EXAMPLE_SECRET_ACCESS_KEY, Emulator, Exception,
    Fault,
};
use serde_json::Value;

fn outcrop(arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_outcrop"))
        .args(arguments)
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", EXAMPLE_ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", EXAMPLE_SECRET_ACCESS_KEY)
        .env("AWS_REGION", EXAMPLE_REGION)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments reads nothing.
    let _may_be_closed = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

fn embed(arguments: &[&str], stdin: &[u8]) -> Output {
    outcrop(&[&["embed", "--emulator"], arguments].concat(), stdin)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stderr), "");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_text_becomes_a_vector() {
    for (model, length) in
        [("cohere.embed-english-v3", 1024), ("amazon.titan-embed-text-v2:0", 1024)]
    {
        let arguments = ["Text to embed", "--provider", "bedrock", "--model", model];
        let job = json(&embed(&arguments, b""));
        assert_eq!(job["input"], "Text to embed");
        assert_eq!((&job["model"], &job["provider"]), (&model.into(), &"bedrock".into()));
        assert_eq!(job["embeddings"][0]["vector"].as_array().unwrap().len(), length);
        assert_eq!(job["embeddings"][0]["chunk"], job["chunks"][0]);
        assert!(job["id"].is_string() && job["timestamp"].is_string());
    }
}

#[test]
fn a_document_becomes_chunks_that_slice_it() {
    let document = "Ärger? Ja! One more sentence here.\n\nThe end.";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), document).unwrap();
    let path = file.path().to_str().unwrap();
    let sizes = ["--max-chunk-size", "6", "-F", "compact"];
    let by_argument = json(&embed(&[&[document][..], &sizes].concat(), b""));
    let by_file = json(&embed(&[&["-i", path][..], &sizes].concat(), b""));
    let by_stdin = json(&embed(&sizes, document.as_bytes()));
    assert_eq!(by_argument["chunks"], by_file["chunks"]);
    assert_eq!(by_argument["chunks"], by_stdin["chunks"]);
    let chunks = by_file["chunks"].as_array().unwrap();
    assert_eq!(chunks.len(), by_file["embeddings"].as_array().unwrap().len());
    let place = |chunk: &Value, name: &str| chunk[name].as_u64().unwrap() as usize;
    let slices: Vec<&str> = chunks
        .iter()
        .map(|chunk| &document[place(chunk, "start_pos")..place(chunk, "end_pos")])
        .collect();
    assert!(chunks.iter().zip(&slices).all(|(chunk, slice)| chunk["text"] == *slice));
    assert_eq!(slices, ["Ärger? Ja!", "One more sentence here.", "The end."]);
}

#[test]
fn formats_hold_the_same_vectors() {
    let options = ["--jsonl", "t", "-m", "amazon.titan-embed-text-v2:0", "--dimensions", "256"];
    let input = b"{\"t\":\"say \\\"a\\\"\"}\n{\"t\":\"b\"}\n";
    let whole = json(&embed(&options, input));
    let lines = embed(&[&options[..], &["-F", "jsonl"]].concat(), input);
    for (at, line) in text(&lines.stdout).lines().enumerate() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["vector"], whole["embeddings"][at]["vector"]);
        assert_eq!((&line["document"], &line["text"]), (&at.into(), &whole["input"][at]));
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "what was there before".repeat(1000)).unwrap();
    let to = ["-F", "csv", "--encoding-format", "base64", "-O", file.path().to_str().unwrap()];
    let output = embed(&[&options[..], &to].concat(), input);
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let rows = std::fs::read_to_string(file.path()).unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    assert_eq!(rows.len(), 3);
    assert!(rows[1].starts_with("0,0,0,7,2,\"say \"\"a\"\"\",\""), "{}", rows[1]);
}

#[test]
fn the_exit_code_says_what_went_wrong() {
    for (arguments, stdin, code, mend) in [
        (vec![], &b""[..], 2, "outcrop embed"),
        (vec![" "], b"", 2, "blank"),
        (vec!["Hi", "-m", "no.such-model"], b"", 12, "outcrop models"),
        (vec!["Hi", "-p", "openai"], b"", 11, "bedrock"),
        (vec!["Hi", "--overlap", "512"], b"", 20, "--max-chunk-size"),
        (vec!["Hi", "--dimensions", "7", "-m", "cohere.embed-v4:0"], b"", 15, "1536"),
        (vec!["--jsonl", "t"], b"{\"t\":\"a\"}\n{}", 16, "Line 2"),
        (vec!["Hi", "-O", "/no/such/folder/x"], b"", 19, "Cannot write"),
    ] {
        let output = embed(&arguments, stdin);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(mend), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn models_and_strategies_are_listed() {
    let models = outcrop(&["embeddings", "--show-models"], b"");
    assert!(text(&models.stdout).contains("cohere.embed-english-v3"), "{models:?}");
    let strategies = outcrop(&["embed", "--show-strategies"], b"");
    assert!(text(&strategies.stdout).contains("paragraph"), "{strategies:?}");
}

/// Arguments that ask `emulator` for a short vector of each line.
fn by_lines(emulator: &Emulator) -> Vec<String> {
    let words = "embed --lines -u -F jsonl -m cohere.embed-v4:0 --dimensions 256 --endpoint-url";
    words.split(' ').map(str::to_owned).chain([emulator.base_url()]).collect()
}

async fn run(arguments: Vec<String>, stdin: String) -> Output {
    let run = move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        outcrop(&arguments, stdin.as_bytes())
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_lines_lose_and_double_none_under_faults() {
    const LINES: usize = 10_000;
    let emulator = Emulator::bind("127.0.0.1:0", Config::default()).await.unwrap();
    emulator.inject(vec![Fault::error(Exception::Throttling)], 4);
    let mut input = String::new();
    for line in 0..LINES {
        writeln!(input, "line {line}").unwrap();
    }
    let output = run(by_lines(&emulator), input).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).starts_with("10000 vectors, "), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    let mut vectors = HashSet::new();
    for (at, line) in said.lines().enumerate() {
        let (chunk, vector) = line.split_once("\"vector\":").unwrap();
        assert!(chunk.contains(&format!("\"document\":{at},")), "{chunk}");
        assert!(chunk.contains(&format!("\"text\":\"line {at}\"")), "{chunk}");
        vectors.insert(vector);
    }
    assert_eq!(vectors.len(), LINES);
    let invoked = emulator.requests().len();
    assert_eq!(invoked, LINES.div_ceil(96) + 4, "each batch once, and the refused ones again");
    let alone = run(by_lines(&emulator), "line 9999".to_owned()).await;
    let alone = text(&alone.stdout).replace("\"document\":0", "\"document\":9999");
    assert_eq!(said.lines().last(), Some(alone.trim_end()));
}

#[test]
fn a_failure_says_how_far_it_came() {
    // Longer than the model takes.
    let input = format!("{}{}", "a line\n".repeat(768), "a".repeat(3000));
    let output = embed(&["--lines"], input.as_bytes());
    assert_eq!(output.status.code(), Some(15), "{}", text(&output.stderr));
    let said = text(&output.stderr);
    assert!(said.contains("768 of 769 vectors had come"), "{said}");
    assert!(output.stdout.is_empty());
}
