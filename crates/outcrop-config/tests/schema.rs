//! The schema that is committed is the one of the types, and agrees with the reader.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says no by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use outcrop_config::document;
use outcrop_config::front::outcrop::schema;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_committed_schema_is_current() {
    let path = root().join("schema/outcrop.schema.json");
    let current = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("OUTCROP_BLESS").is_some() {
        fs::write(&path, &current).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), current, "bless it: cargo xtask bless");
}

/// What is wrong with the first document of the file, by the schema.
fn errors(path: &Path) -> Vec<String> {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let text = fs::read_to_string(path).unwrap();
    let (documents, _) = document::parse("", &text);
    let value = documents[0].root.value();
    validator
        .iter_errors(&value)
        .map(|error| format!("{}: {}: {error}", path.display(), error.instance_path()))
        .collect()
}

#[test]
fn what_is_right_fits_the_schema() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for name in ["everything.yaml", "loose.yaml"] {
        assert_eq!(errors(&fixtures.join(name)), [""; 0]);
    }
    for example in fs::read_dir(root().join("examples")).unwrap() {
        assert_eq!(errors(&example.unwrap().path()), [""; 0]);
    }
    assert!(errors(&fixtures.join("wrong.yaml")).len() > 10);
}
