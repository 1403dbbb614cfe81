//! No secret of another project's file is told: wherever one stands in a fixture, and whatever is wrong around
//! it, nothing that is said has it: no diagnostic, no line beside one, nothing that is printed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says no by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outcrop_config::document::parse;
use outcrop_config::{Excerpts, Secrets, Source, load, print};
use serde_json::{Value, json};

/// Stands at each place of a secret.
const CANARY: &str = "oc_CANARYcanaryCANARY";

/// Members that hold secrets, in files of Kong and mcp-cli.
const SECRETS: [&str; 9] = [
    "keyauth_credentials/key",
    "auth/aws_access_key_id",
    "auth/aws_secret_access_key",
    "auth/header_value",
    "auth/param_value",
    "redis/password",
    "config/api_key",
    "config/aws_secret_access_key",
    "config/external_id",
];

/// The pointers of all values in it.
fn pointers(document: &Value) -> Vec<String> {
    let (mut found, mut left) = (Vec::new(), vec![String::new()]);
    while let Some(pointer) = left.pop() {
        match document.pointer(&pointer).unwrap() {
            Value::Object(members) => {
                let escaped = members.keys().map(|key| key.replace('~', "~0").replace('/', "~1"));
                left.extend(escaped.map(|key| format!("{pointer}/{key}")));
            }
            Value::Array(items) => {
                left.extend((0..items.len()).map(|at| format!("{pointer}/{at}")))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        found.push(pointer);
    }
    found
}

/// A pointer without the numbers of items.
fn place(pointer: &str) -> String {
    let steps = pointer.split('/').filter(|step| step.parse::<usize>().is_err());
    steps.collect::<Vec<_>>().join("/")
}

/// The nearest object of Kubernetes that the pointer leads into, and the rest of the way.
fn object<'d, 'p>(document: &'d Value, pointer: &'p str) -> (&'d Value, &'p str) {
    match pointer.strip_prefix("/items/") {
        Some(rest) if document["kind"] == "List" => {
            let (index, rest) = rest.split_once('/').unwrap_or((rest, ""));
            (&document["items"][index.parse::<usize>().unwrap()], rest)
        }
        Some(_) | None => (document, pointer.trim_start_matches('/')),
    }
}

/// Puts the canary at each place of a secret; returns which places these are.
fn put_in(document: &mut Value) -> BTreeSet<String> {
    let mut places = BTreeSet::new();
    for pointer in pointers(document) {
        if !document.pointer(&pointer).unwrap().is_string() {
            continue;
        }
        let (object, rest) = object(document, &pointer);
        let place = match object["kind"].as_str() {
            Some("Secret") if rest.starts_with("data/") => Some("Secret data"),
            Some("Secret") if rest.starts_with("stringData/") => Some("Secret stringData"),
            _ => SECRETS.into_iter().find(|end| place(&pointer).ends_with(end)),
        };
        let Some(place) = place else { continue };
        places.insert(place.to_owned());
        let text = match place {
            "Secret data" => STANDARD.encode(CANARY),
            _ => CANARY.to_owned(),
        };
        *document.pointer_mut(&pointer).unwrap() = text.into();
    }
    places
}

/// `document` with what stands at `pointer` wrong, in each of these ways.
fn wrong(document: &Value, pointer: &str) -> Vec<Value> {
    let now = document.pointer(pointer).unwrap();
    let mut values = vec![json!([now]), json!({ "zzUnknown": now })];
    if !has_canary(now) {
        values.extend([json!(5), json!({})]);
    }
    let with = |value: Value| {
        let mut changed = document.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed
    };
    let mut all: Vec<Value> = values.into_iter().map(with).collect();
    let (above, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/").replace("~0", "~");
    if document.pointer(above).unwrap().is_object() {
        for name in [None, Some(format!("{key}x"))] {
            let mut changed = document.clone();
            let members = changed.pointer_mut(above).unwrap().as_object_mut().unwrap();
            let value = members.remove(&key).unwrap();
            name.map(|name| members.insert(name, value));
            all.push(changed);
        }
    }
    all
}

/// What is said of the text, if the canary is in it; and whether anything is.
fn sung(name: &str, text: &str) -> (Option<String>, bool) {
    let sources = [Source { name, text }];
    let (config, diagnostics) = load(&sources, &|_: &str| None);
    let excerpts = Excerpts::of(&sources, &|_: &str| None);
    let mut said = format!("{diagnostics:?}\n");
    diagnostics.iter().for_each(|one| said.push_str(&excerpts.show(one)));
    said.push_str(&print(&config, Secrets::Hidden));
    let encoded = STANDARD.encode(CANARY);
    let has = said.contains(&CANARY[..12]) || said.contains(&encoded[..12]);
    (has.then_some(said), !diagnostics.is_empty())
}

/// Whether it has a secret, or leads near one: what is around a secret's object is as good as any other.
fn is_near(document: &Value, pointer: &str) -> bool {
    let Some((above, _)) = pointer.rsplit_once('/') else { return false };
    match has_canary(document) {
        true => has_canary(document.pointer(above).unwrap()),
        false => pointer.matches('/').count() <= 2,
    }
}

fn has_canary(value: &Value) -> bool {
    let text = value.to_string();
    text.contains(CANARY) || text.contains(&STANDARD.encode(CANARY))
}

/// A text for each way in which it can be broken at a line with a secret, before or after one.
fn broken(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let has = |line: &&str| has_canary(&Value::from(*line));
    let is_near = |at: usize| lines[at.saturating_sub(1)..lines.len().min(at + 2)].iter().any(has);
    let mut all = Vec::new();
    for at in (0..lines.len()).filter(|at| is_near(*at)) {
        let (before, after) = (lines[..at].join("\n"), lines[at + 1..].join("\n"));
        let line = lines[at];
        all.push(format!("{before}\n{after}"));
        all.push(format!("{before}\n{line}"));
        all.push(format!("{before}\n{line}\n{line}\n{after}"));
        all.push(format!("{before}\n{}\n{after}", line.replace('"', "")));
        all.push(format!("{before}\n{}\n{after}", line.replacen('"', "", 1)));
        all.push(format!("{before}\n{}\n{after}", line.replace(':', ": :")));
    }
    all
}

/// Where a secret stands in what is no secret otherwise, and the message would repeat it.
#[test]
fn no_message_repeats_a_secret() {
    let text = format!(
        "backends: {{b: {{endpoint: 'ftp://me:{CANARY}@host'}}}}\nroutes: [{{name: r, match: {{headers: {{x-api-key: {{regex: '({CANARY}'}}}}}}, targets: b}}]\n"
    );
    let (sung, is_told) = sung("outcrop.yaml", &text);
    assert!(sung.is_none() && is_told, "{sung:?}");
}

#[test]
fn no_secret_is_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let (mut places, mut tried, mut told) = (BTreeSet::new(), 0, 0);
    let mut seen = BTreeSet::new();
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    for path in names.iter().filter(|path| path.extension().is_some_and(|end| end == "yaml")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let (documents, _) = parse(name, &fs::read_to_string(path).unwrap());
        let mut documents: Vec<Value> = documents.iter().map(|one| one.root.value()).collect();
        let own: BTreeSet<String> = documents.iter_mut().flat_map(put_in).collect();
        if own.is_empty() {
            continue;
        }
        places.extend(own);
        let text = |documents: &[Value]| {
            let pretty = documents.iter().map(|one| serde_json::to_string_pretty(one).unwrap());
            pretty.collect::<Vec<_>>().join("\n---\n")
        };
        let mut texts = vec![text(&documents)];
        texts.extend(broken(&texts[0]));
        for (index, document) in documents.iter().enumerate() {
            let kind = document["kind"].to_string();
            for pointer in pointers(document).iter().filter(|one| is_near(document, one)) {
                if !seen.insert((kind.clone(), place(pointer))) {
                    continue;
                }
                for changed in wrong(document, pointer) {
                    let mut all = documents.clone();
                    all[index] = changed;
                    texts.push(text(&all));
                }
            }
        }
        for text in texts {
            let (sung, is_told) = sung(name, &text);
            if let Some(said) = sung {
                panic!("{name}:\n{said}\nof\n{text}");
            }
            tried += 1;
            told += usize::from(is_told);
        }
    }
    assert_eq!(places.len(), SECRETS.len() + 2, "{places:?}");
    assert!(tried > 1000 && told * 2 > tried, "{told} of {tried}");
}
