//! Fixture folders and their expected files. `OUTCROP_BLESS=1` writes what came out instead of
//! comparing; what it wrote is read in review.

use std::fs;
use std::path::{Path, PathBuf};

/// Runs `check` on each fixture folder below `tests/fixtures/anthropic/<kind>`, and reports all
/// failures at once.
pub fn each(kind: &str, check: impl Fn(&Fixture)) {
    let root = root().join(kind);
    let mut folders: Vec<PathBuf> =
        fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "no fixtures in {}", root.display());
    for folder in folders {
        check(&Fixture { folder });
    }
}

/// The fixture folder of a case that is built in code.
pub fn named(kind: &str, name: &str) -> Fixture {
    let folder = root().join(kind).join(name);
    if blessing() {
        fs::create_dir_all(&folder).unwrap();
    }
    Fixture { folder }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/anthropic")
}

fn blessing() -> bool {
    std::env::var_os("OUTCROP_BLESS").is_some()
}

pub struct Fixture {
    folder: PathBuf,
}

impl Fixture {
    pub fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(file)).ok()
    }

    /// Compares with an expected file; an empty text means that there is none.
    pub fn expect(&self, file: &str, actual: &str) {
        let path = self.folder.join(file);
        if blessing() {
            match actual.is_empty() {
                true => drop(fs::remove_file(&path)),
                false => fs::write(&path, actual).unwrap(),
            }
            return;
        }
        let expected = self.read(file).unwrap_or_default();
        assert_eq!(actual, expected, "\n{} differs; bless with OUTCROP_BLESS=1", path.display());
    }
}

/// JSON with one member per line, sorted by name.
pub fn pretty(json: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(json)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(json)));
    serde_json::to_string_pretty(&value).unwrap() + "\n"
}
