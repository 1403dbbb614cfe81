//! Goldens of the OpenAI Chat Completions dialect: a folder in `fixtures/openai` is a case.
//!
//! * `requests/NAME/request.json` → `ir.txt`: the decoded request, or the fault.
//! * `responses/NAME/script.json` → `response.json`, `losses.txt`: a whole answer.
//! * `streams/NAME/events.jsonl` → `expected.sse`: a stream, byte for byte.
//!
//! `OUTCROP_BLESS=1` rewrites what is expected.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says no by panicking")]

mod dump;
mod round_trip;
mod script;

use std::fs;
use std::path::{Path, PathBuf};

use outcrop_dialect::openai::{ChunkWriter, decode, encode_response};
use outcrop_dialect::sse::StreamWriter;
use outcrop_model::Ledger;
use serde_json::Value;

fn cases(kind: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/openai").join(kind);
    let mut found: Vec<_> = fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

fn check(path: PathBuf, actual: &str) {
    if std::env::var_os("OUTCROP_BLESS").is_some() {
        return fs::write(path, actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{} differs; bless it if that is right", path.display());
}

#[test]
fn requests_decode() {
    for case in cases("requests") {
        let body = fs::read(case.join("request.json")).unwrap();
        check(case.join("ir.txt"), &dump::decoded(decode(&body)));
    }
}

/// An invented member in every object is still there after decoding.
#[test]
fn nothing_vanishes() {
    let folder = cases("requests").into_iter().find(|c| c.ends_with("future-fields")).unwrap();
    let body = fs::read_to_string(folder.join("request.json")).unwrap();
    let seen = dump::decoded(decode(body.as_bytes()));
    let mut invented: Vec<&str> = body.split('"').filter(|w| w.starts_with("future_")).collect();
    invented.sort_unstable();
    let count = invented.len();
    invented.dedup();
    assert_eq!(invented.len(), count, "each invented name stands once");
    for name in invented {
        assert!(seen.contains(name), "{name} vanished");
    }
}

/// A body cut anywhere is refused or read, never the end of the process.
#[test]
fn cut_bodies_do_no_harm() {
    for case in cases("requests") {
        let body = fs::read(case.join("request.json")).unwrap();
        for end in 0..body.len() {
            assert!(decode(&body[..end]).is_err() || body[end..].trim_ascii().is_empty());
        }
    }
}

#[test]
fn responses_encode() {
    for case in cases("responses") {
        let script: Value =
            serde_json::from_slice(&fs::read(case.join("script.json")).unwrap()).unwrap();
        let mut ledger = Ledger::default();
        let body =
            encode_response(&script::response(&script), &script::answering(false), &mut ledger);
        let body: Value = serde_json::from_slice(&body).unwrap();
        check(case.join("response.json"), &format!("{body:#}\n"));
        check(case.join("losses.txt"), &dump::losses(&ledger));
    }
}

#[test]
fn streams_encode() {
    for case in cases("streams") {
        let lines = fs::read_to_string(case.join("events.jsonl")).unwrap();
        let mut lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let include_usage = lines.next().unwrap()["include_usage"].as_bool().unwrap();
        let mut writer = ChunkWriter::new(&script::answering(include_usage));
        let mut out = Vec::new();
        for line in lines {
            writer.write(&script::event(&line), &mut out);
        }
        let text = String::from_utf8(out).unwrap();
        for data in text.split_terminator("\n\n").map(|e| e.strip_prefix("data: ").unwrap()) {
            assert!(data == "[DONE]" || serde_json::from_str::<Value>(data).is_ok(), "{data}");
        }
        check(case.join("expected.sse"), &text);
    }
}

#[test]
fn the_keep_alive_is_a_comment() {
    let writer = ChunkWriter::new(&script::answering(false));
    let bytes = writer.keep_alive().unwrap();
    assert!(bytes.starts_with(b":") && bytes.ends_with(b"\n\n"));
}
