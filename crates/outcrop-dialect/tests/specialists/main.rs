//! Goldens of requests that become several calls: a folder in `fixtures/specialists/SPECIALTY` is a case.
//!
//! `request.json` → `expected.calls.jsonl` (a body for InvokeModel a line) and `expected.losses.txt`;
//! then `answers.jsonl` (Bedrock's answer a line), when there is one, → `expected.answer.json`.
//! A fault on either way is in `expected.fault.txt`. `OUTCROP_BLESS=1` rewrites what is expected.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says no by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use outcrop_dialect::answer::Label;
use outcrop_dialect::bundle::{Bundle, Specialty, plan};
use outcrop_model::{Catalog, Fault, Ledger};
use serde_json::Value;

/// What a case gives.
#[derive(Default)]
struct Outcome {
    calls: String,
    answer: String,
    losses: String,
    fault: String,
}

#[test]
fn embeddings() {
    each("embeddings", Specialty::Embeddings);
}

#[test]
fn rerank() {
    each("rerank", Specialty::Rerank { version: 2 });
}

#[test]
fn images() {
    each("images", Specialty::Images);
}

fn each(kind: &str, specialty: Specialty) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/specialists").join(kind);
    let mut folders: Vec<PathBuf> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    for folder in folders {
        let Outcome { calls, answer, losses, fault } = outcome(&folder, specialty);
        check(&folder.join("expected.calls.jsonl"), &calls);
        check(&folder.join("expected.answer.json"), &answer);
        check(&folder.join("expected.losses.txt"), &losses);
        check(&folder.join("expected.fault.txt"), &fault);
    }
}

fn outcome(folder: &Path, specialty: Specialty) -> Outcome {
    let body = fs::read(folder.join("request.json")).unwrap();
    let mut ledger = Ledger::default();
    let mut outcome = Outcome::default();
    match plan(specialty, &body, Catalog::built_in(), str::to_owned, &mut ledger) {
        Err(fault) => outcome.fault = said(&fault),
        Ok(bundle) => {
            let line = |call: &bytes::Bytes| format!("{}\n", String::from_utf8_lossy(call));
            outcome.calls = bundle.calls.iter().map(line).collect();
            match answer(&bundle, folder, &mut ledger) {
                Ok(answer) => outcome.answer = answer,
                Err(fault) => outcome.fault = said(&fault),
            }
        }
    }
    let line = |l: &outcrop_model::Loss| format!("{} {} — {}\n", l.kind.as_str(), l.path, l.why);
    outcome.losses = ledger.losses().iter().map(line).collect();
    outcome
}

/// The caller's answer; empty when the case has no answers.
fn answer(bundle: &Bundle, folder: &Path, ledger: &mut Ledger) -> Result<String, Fault> {
    let Ok(answers) = fs::read_to_string(folder.join("answers.jsonl")) else {
        return Ok(String::new());
    };
    let lines: Vec<&str> = answers.lines().collect();
    assert_eq!(lines.len(), bundle.calls.len(), "an answer for each call: {}", folder.display());
    let read = |(call, line): (usize, &&str)| bundle.task.read(call, line.as_bytes());
    let pieces = lines.iter().enumerate().map(read).collect::<Result<Vec<_>, Fault>>()?;
    let label = Label { id: "0".repeat(32), created: 1_790_000_000, model: bundle.model.clone() };
    let body = bundle.task.write(&pieces, &label, ledger)?;
    let body: Value = serde_json::from_slice(&body).unwrap();
    Ok(format!("{body:#}\n"))
}

fn said(fault: &Fault) -> String {
    let detail = fault.detail.as_deref().map(|d| format!(" [{d}]")).unwrap_or_default();
    format!("{} — {fault}{detail}\n", fault.class.as_str())
}

/// Compares one expected file; an empty text stands for an absent file.
fn check(path: &Path, actual: &str) {
    if std::env::var_os("OUTCROP_BLESS").is_some() {
        return match actual.is_empty() {
            true => fs::remove_file(path).unwrap_or_default(),
            false => fs::write(path, actual).unwrap(),
        };
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(actual, expected, "{} differs; bless it if that is right", path.display());
}
