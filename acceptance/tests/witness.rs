//! Every body that the goldens of requests send, before the second witness.
//!
//! 1. AWS's own service model has nothing to say against any Converse body.
//! 2. What the rules of the local Bedrock refuse of a translated body is written down, each with its
//!    cases, in `data/refused.txt`: what a caller said, or what is still to be mended. Relayed bodies
//!    are the caller's own words and are not judged.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use outcrop_dialect::plan::{Outgoing, Way};
use outcrop_emulator::{Operation, constraints, verdict};
use outcrop_model::{Carrier, Ledger};
use serde_json::{Value, json};

use crate::planning;

/// What a fixture sends to a model.
struct Sent {
    fixture: String,
    model: String,
    /// The word for it in file names.
    word: String,
    outgoing: Outgoing,
    body: Value,
}

#[test]
fn every_converse_body_satisfies_the_service_model() {
    let bodies = converse();
    assert!(bodies.len() > 800, "{} bodies are not all of them", bodies.len());
    for Sent { fixture, model, word, body, .. } in bodies {
        let found = constraints::check("Converse", &[("modelId", &model)], &body);
        assert!(found.is_empty(), "{fixture} for {word}: {found:#?}");
    }
}

/// The control: one thing made wrong in each body is found, and nothing else.
#[test]
fn a_spoilt_body_is_found() {
    type Spoil = (&'static str, fn(&mut Value), &'static str);
    let spoils: [Spoil; 4] = [
        ("role", |b| b["messages"][0]["role"] = json!("narrator"), "messages.1.member.role"),
        (
            "union",
            |b| b["messages"][0]["content"][0] = json!({}),
            "messages.1.member.content.1.member",
        ),
        ("range", |b| b["inferenceConfig"]["maxTokens"] = json!(0), "inferenceConfig.maxTokens"),
        ("type", |b| b["system"] = json!("Be brief."), "system"),
    ];
    for Sent { fixture, model, word, body, .. } in converse() {
        for (what, spoil, path) in spoils {
            let mut spoilt = body.clone();
            spoil(&mut spoilt);
            let found = constraints::check("Converse", &[("modelId", &model)], &spoilt);
            let paths: Vec<&str> = found.iter().map(|violation| violation.path.as_str()).collect();
            assert_eq!(paths, [path], "{what} in {fixture} for {word}");
        }
    }
}

#[test]
fn what_the_local_bedrock_refuses_is_known() {
    let mut refused: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let translated = sent().into_iter().filter(|sent| sent.outgoing.way != Way::RelayAnthropic);
    for Sent { fixture, model, word, outgoing, body } in translated {
        let operation = match (outgoing.carrier, outgoing.stream) {
            (Carrier::Converse, false) => Operation::Converse,
            (Carrier::Converse, true) => Operation::ConverseStream,
            (Carrier::Invoke, false) => Operation::InvokeModel,
            (Carrier::Invoke, true) => Operation::InvokeModelWithResponseStream,
            // The vendors' own paths carry no body of the service model.
            (Carrier::CountTokens | Carrier::OpenAi | Carrier::Anthropic | Carrier::Mantle, _) => {
                continue;
            }
        };
        if let Err(message) = verdict(operation, &model, &body) {
            refused.entry(message).or_default().push(format!("{fixture} for {word}"));
        }
    }
    let section =
        |(message, cases): (String, Vec<String>)| format!("{message}\n  {}\n", cases.join("\n  "));
    let text: String = refused.into_iter().map(section).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/refused.txt");
    if std::env::var_os("OUTCROP_BLESS").is_some() {
        return fs::write(path, text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(path).unwrap(), "bless it if each case is explained");
}

fn converse() -> impl ExactSizeIterator<Item = Sent> {
    let mut all = sent();
    all.retain(|sent| sent.outgoing.carrier == Carrier::Converse);
    all.into_iter()
}

/// Every fixture for every model that it is not refused for.
fn sent() -> Vec<Sent> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates/outcrop-dialect/tests/fixtures/translate");
    let models = fs::read_to_string(root.join("models.txt")).unwrap();
    let models: Vec<(&str, &str)> = models.lines().filter_map(|l| l.split_once(' ')).collect();
    let mut folders: Vec<PathBuf> =
        fs::read_dir(root.join("requests")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let mut all = Vec::new();
    for folder in folders {
        let settings = planning::settings(&fs::read_to_string(folder.join("case.txt")).unwrap());
        let request = planning::request(&settings, &folder);
        let fixture = folder.file_name().unwrap().to_string_lossy().into_owned();
        all.extend(models.iter().filter_map(|(word, model)| {
            let outgoing =
                planning::plan(&settings, &request, model, &mut Ledger::default()).ok()?;
            let body = serde_json::from_slice(&outgoing.body).unwrap();
            let (fixture, word) = (fixture.clone(), (*word).to_owned());
            Some(Sent { fixture, model: (*model).to_owned(), word, outgoing, body })
        }));
    }
    all
}
