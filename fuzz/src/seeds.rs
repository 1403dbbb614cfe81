//! Where a target starts from: the goldens, as they stand in the tree, and its own corpus.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Target, streams};

/// Folder below the goldens, how the names of its cases begin, and the files of a case, joined by a
/// line break.
type Source = (&'static str, &'static str, &'static [&'static str]);

const GOLDENS: &str = "crates/outcrop-dialect/tests/fixtures";
const CONFIGURATIONS: &str = "crates/outcrop-config/tests/fixtures";
const REQUEST: &[&str] = &["request.json"];
const ANSWERED: &[&str] = &["request.json", "answers.jsonl"];

fn sources(target: &str) -> &'static [Source] {
    match target {
        "event_stream" | "sse" | "streams" => &[("translate/streams", "", &["frames.txt"])],
        "members" | "kong" => &[("translate/requests", "", REQUEST)],
        "chat" => &[("translate/requests", "openai", REQUEST)],
        "responses" => &[("translate/requests", "responses", REQUEST)],
        "messages" => &[
            ("translate/requests", "anthropic", REQUEST),
            ("translate/requests", "claude", REQUEST),
            ("anthropic/requests", "", REQUEST),
        ],
        "converse_answer" => &[("translate/answers", "converse", &["answer.json"])],
        "claude_answer" => &[
            ("translate/answers", "claude", &["answer.json"]),
            ("anthropic/responses", "", &["response.json"]),
        ],
        "chat_answer" => &[("openai/responses", "", &["response.json"])],
        "specialists" => &[
            ("specialists/embeddings", "", ANSWERED),
            ("specialists/images", "", ANSWERED),
            ("specialists/rerank", "", ANSWERED),
        ],
        _ => &[],
    }
}

/// All inputs of a target, each with a name that says where it is from.
pub fn seeds(target: &Target) -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for source in sources(target.name) {
        for (name, bytes) in goldens(source) {
            let bytes = match target.name {
                "event_stream" => streams::event_stream(&String::from_utf8_lossy(&bytes)),
                "sse" => streams::server_sent_events(&String::from_utf8_lossy(&bytes)),
                "specialists" => on_one_line(&bytes),
                _ => bytes,
            };
            seeds.push((name, bytes));
        }
    }
    if target.name == "configuration" {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(CONFIGURATIONS);
        let files = entries(&root).into_iter().filter(|file| name_of(file).ends_with(".yaml"));
        seeds.extend(files.map(|file| (name_of(&file), fs::read(file).expect("a file"))));
    }
    let files = entries(&corpus().join(target.name)).into_iter();
    seeds.extend(files.map(|file| (name_of(&file), fs::read(file).expect("a file"))));
    seeds
}

/// The folder of the committed corpus: a folder for each target.
pub fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn goldens((folder, start, files): &Source) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(GOLDENS).join(folder);
    let cases = entries(&root).into_iter().filter(|case| name_of(case).starts_with(start));
    let read = |case: PathBuf| {
        let parts: Vec<Vec<u8>> =
            files.iter().filter_map(|file| fs::read(case.join(file)).ok()).collect();
        (!parts.is_empty()).then(|| (name_of(&case), parts.join(&b'\n')))
    };
    cases.filter_map(read).collect()
}

/// A request laid out for people, on the one line that the target reads it from.
fn on_one_line(bytes: &[u8]) -> Vec<u8> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<serde_json::Value>();
    let mut lines = Vec::new();
    while let Some(Ok(value)) = values.next() {
        lines.push(value.to_string());
    }
    match lines.is_empty() {
        true => bytes.to_vec(),
        false => lines.join("\n").into_bytes(),
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten();
    let mut found: Vec<PathBuf> = found.map(|entry| entry.expect("an entry").path()).collect();
    found.sort();
    found
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
