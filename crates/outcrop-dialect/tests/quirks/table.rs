//! `docs/dev/quirks.md` is whole, and the tests that it names are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const RULES: usize = 90;
/// Where tests are.
const PLACES: [&str; 3] = ["crates", "acceptance", "conformance"];

struct Row {
    number: usize,
    state: String,
    tests: Vec<String>,
}

#[test]
fn the_table_has_every_rule_once_and_its_tests_exist() {
    let rows = rows(&read(&root().join("docs/dev/quirks.md")));
    let numbers: Vec<usize> = rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=RULES).collect::<Vec<_>>());
    let tests = tests();
    for Row { number, state, tests: named } in &rows {
        match &**state {
            "done" | "refused" => {
                assert!(!named.is_empty(), "rule {number} is {state} without a test")
            }
            "n/a" | "elsewhere" => {}
            other => panic!("rule {number} has the state `{other}`"),
        }
        for name in named {
            assert!(tests.contains(name), "rule {number} names `{name}`, which is no test");
        }
    }
}

#[test]
fn every_test_that_is_named_after_a_rule_stands_in_its_row() {
    let rows = rows(&read(&root().join("docs/dev/quirks.md")));
    let named = tests().into_iter().filter_map(|test| {
        let number = test.strip_prefix("quirk_")?.split('_').next()?.parse::<usize>().ok()?;
        Some((number, test))
    });
    let mut count = 0;
    for (number, test) in named {
        let row = rows.iter().find(|row| row.number == number);
        assert!(row.is_some_and(|row| row.tests.contains(&test)), "`{test}` is not in its row");
        count += 1;
    }
    assert!(count > RULES / 2, "only {count} tests are named after a rule");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Lines `| number | rule | what | state | tests |`.
fn rows(table: &str) -> Vec<Row> {
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = table.lines().map(cells).filter_map(|cells| {
        let [_, number, rule, what, state, tests, _] = &*cells else { return None };
        let number = number.parse().ok()?;
        assert!(!rule.is_empty() && !what.is_empty(), "row {number} says nothing");
        let tests = tests.split(',').map(str::trim).filter(|name| !name.is_empty());
        Some(Row { number, state: state.clone(), tests: tests.map(str::to_owned).collect() })
    });
    rows.collect()
}

/// The names of all functions that stand below a test attribute.
fn tests() -> BTreeSet<String> {
    let mut files = Vec::new();
    for place in PLACES {
        collect(&root().join(place), &mut files);
    }
    let mut names = BTreeSet::new();
    for file in files {
        let text = read(&file);
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            let name = line.trim_start_matches("async ").strip_prefix("fn ");
            match name {
                Some(name) if is_test => {
                    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
                    names.insert(name[..end.unwrap_or(name.len())].to_owned());
                    is_test = false;
                }
                Some(_) | None => {
                    is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test")
                }
            }
        }
    }
    names
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let is_skipped = entry
            .file_name()
            .is_some_and(|n| n == "target" || n == "node_modules" || n == "fixtures");
        match entry.is_dir() {
            true if !is_skipped => collect(&entry, files),
            true => {}
            false if entry.extension().is_some_and(|ending| ending == "rs") => files.push(entry),
            false => {}
        }
    }
}
