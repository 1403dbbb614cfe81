//! No field of another project's file is passed over in silence: one that nobody knows, put into each object
//! of each fixture, is told of, or it changes what was understood.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says no by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use outcrop_config::document::parse;
use outcrop_config::{Diagnostic, Secrets, Source, load, print};
use serde_json::Value;

/// No format has it.
const UNKNOWN: &str = "zzUnknown";

/// Said of what is left out as a whole, or not looked into.
const LEFT_OUT: [&str; 12] = [
    "not honoured",
    "is for a cluster",
    "nothing is sent there",
    "is not Bedrock",
    "are no credentials for Bedrock",
    "Outcrop asks Bedrock only",
    "leads to Bedrock",
    "the first is used",
    "is for no route",
    "takes the place of this one",
    "is for nobody",
    "is for nothing",
];

/// Where nothing need be told: beginnings of kind and pointer, and why.
const NOTHING_TO_TELL: [(&str, &str); 10] = [
    ("Secret /metadata/labels", "policies choose by those that they name"),
    ("ConfigMap /metadata/labels", "the same"),
    ("AIGatewayRoute /spec/schema", "the path tells the dialect"),
    ("Gateway /spec/infrastructure", "of a cluster alone"),
    ("Gateway /metadata/annotations", "one is for whoever knows it"),
    ("Secret /metadata/annotations", "one is for whoever knows it"),
    ("AgentgatewayModel /spec/parentRefs/", "an internal model is for no listener"),
    ("Gateway /spec/listeners/0/allowedRoutes/kinds", "those that are known are let in"),
    (" /services/2/routes/0/plugins/0", "switched off"),
    (" /services/3", "switched off"),
];

/// What is told of a file, and what was understood.
fn understood(name: &str, documents: &[Value]) -> (Vec<Diagnostic>, String) {
    let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
    let text = texts.join("\n---\n");
    // decK's have to be set, or what needs them is left out.
    let lookup = |name: &str| name.starts_with("DECK_").then(|| "7".to_owned());
    let (config, diagnostics) = load(&[Source { name, text: &text }], &lookup);
    (diagnostics, print(&config, Secrets::Shown))
}

/// The pointers of all objects in it, one for each place and form: indexes make no other place.
fn objects(document: &Value) -> Vec<String> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    let mut left = vec![(String::new(), String::new())];
    while let Some((pointer, place)) = left.pop() {
        match document.pointer(&pointer).unwrap() {
            Value::Object(members) => {
                for key in members.keys() {
                    let step = key.replace('~', "~0").replace('/', "~1");
                    left.push((format!("{pointer}/{step}"), format!("{place}.{key}")));
                }
                let form = members.keys().fold(place, |form, key| form + " " + key);
                if seen.insert(form) {
                    found.push(pointer);
                }
            }
            Value::Array(items) => {
                let many = 0..items.len();
                left.extend(many.map(|at| (format!("{pointer}/{at}"), format!("{place}[]"))));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}

/// A pointer as the path of a diagnostic.
fn place(pointer: &str) -> String {
    let mut place = String::new();
    for step in pointer.split('/').skip(1) {
        match step.parse::<usize>() {
            Ok(index) => place.push_str(&format!("[{index}]")),
            Err(_) if place.is_empty() => place.push_str(step),
            Err(_) => place.push_str(&format!(".{step}")),
        }
    }
    place
}

/// Whether it tells that what is around the place is left alone.
fn holds(told: &Diagnostic, place: &str) -> bool {
    let rest = place.strip_prefix(&*told.origin.path);
    let is_around = rest.is_some_and(|rest| {
        rest.is_empty() || told.origin.path.is_empty() || rest.starts_with(['.', '['])
    });
    is_around && LEFT_OUT.iter().any(|words| told.what.contains(words))
}

/// The objects of a fixture in which the field is lost.
fn silent(name: &str, text: &str) -> Vec<String> {
    let (documents, broken) = parse(name, text);
    assert!(broken.is_empty(), "{name}: {broken:?}");
    let documents: Vec<Value> = documents.iter().map(|one| one.root.value()).collect();
    let (_, before) = understood(name, &documents);
    let mut silent = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        let line = 2 * index + 1;
        for pointer in objects(document) {
            let mut changed = documents.clone();
            let object = changed[index].pointer_mut(&pointer).and_then(Value::as_object_mut);
            object.unwrap().insert(UNKNOWN.to_owned(), "x".into());
            let (diagnostics, after) = understood(name, &changed);
            let place = place(&pointer);
            let is_told = |one: &Diagnostic| {
                one.what.contains(UNKNOWN)
                    || one.origin.path.contains(UNKNOWN)
                    || (one.origin.line == line && holds(one, &place))
            };
            if after == before && !diagnostics.iter().any(is_told) {
                let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
                silent.push(format!("{kind} {pointer}"));
            }
        }
    }
    silent
}

#[test]
fn nothing_is_passed_over_in_silence() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // Of ours a test of its own tells; what is wrong is not served at all.
        let is_ours = ["everything.", "text.", "wrong."].iter().any(|own| name.starts_with(own));
        if !name.ends_with(".yaml") || is_ours || name.ends_with("-wrong.yaml") {
            continue;
        }
        for place in silent(&name, &fs::read_to_string(&path).unwrap()) {
            match NOTHING_TO_TELL.iter().position(|(start, _)| place.starts_with(start)) {
                Some(known) => drop(seen.insert(known)),
                None => all.push(format!("{name}: {place}")),
            }
        }
    }
    assert!(all.is_empty(), "passed over in silence:\n{}", all.join("\n"));
    assert_eq!(seen.len(), NOTHING_TO_TELL.len(), "{seen:?}: not all of these are needed");
}
