//! Fixture folders and their expected files.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use crate::planning::{self, Settings};

pub struct Case {
    pub name: String,
    pub folder: PathBuf,
    pub settings: Settings,
    /// Files that this run has produced; any other expected file is left over.
    produced: RefCell<Vec<String>>,
}

/// Runs `check` on every folder of a kind, and names all files that differ at once.
pub fn each(kind: &str, check: impl Fn(&Case) -> Vec<String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/translate").join(kind);
    let mut folders: Vec<PathBuf> =
        fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "no fixtures in {}", root.display());
    let mut wrong = Vec::new();
    for folder in folders {
        let case = Case::open(folder);
        wrong.extend(check(&case));
        wrong.extend(case.left_over());
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The lines `word value` of a file beside the kinds of fixtures.
pub fn table(file: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/translate").join(file);
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.map(|(word, value)| (word.to_owned(), value.trim().to_owned())).collect()
}

impl Case {
    fn open(folder: PathBuf) -> Self {
        let text = fs::read_to_string(folder.join("case.txt")).unwrap_or_default();
        let settings = planning::settings(&text);
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        Self { name, folder, settings, produced: RefCell::default() }
    }

    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str)
    }

    /// The words of a setting, split at white space.
    pub fn words(&self, key: &str) -> Vec<&str> {
        self.setting(key).map(|value| value.split_whitespace().collect()).unwrap_or_default()
    }

    pub fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.folder.join(file)).unwrap_or_else(|e| panic!("{}/{file}: {e}", self.name))
    }

    /// Compares one expected file; an empty text stands for an absent file.
    pub fn check(&self, file: &str, actual: &str) -> Option<String> {
        if !actual.is_empty() {
            self.produced.borrow_mut().push(file.to_owned());
        }
        let path = self.folder.join(file);
        if std::env::var_os("OUTCROP_BLESS").is_some() {
            match actual.is_empty() {
                true if path.exists() => fs::remove_file(path).unwrap(),
                true => {}
                false => fs::write(path, actual).unwrap(),
            }
            return None;
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        (expected != actual).then(|| {
            format!("{}/{file} differs\n--- expected\n{expected}\n--- actual\n{actual}", self.name)
        })
    }

    fn left_over(&self) -> Vec<String> {
        let produced = self.produced.borrow();
        let is_expected =
            |f: &str| ["expected.", "losses.", "fault."].iter().any(|start| f.starts_with(start));
        let files = fs::read_dir(&self.folder).unwrap();
        let names = files.map(|f| f.unwrap().file_name().to_string_lossy().into_owned());
        let stale = names.filter(|f| is_expected(f) && !produced.contains(f));
        stale.map(|f| format!("{}/{f} is left over: nothing produces it", self.name)).collect()
    }
}
