//! The tables of `docs/guide/compatibility.md` say what the fixtures show: what is honoured is not told of
//! as read and left, and what is reported is told of.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says no by panicking")]

use std::fs;
use std::path::Path;

use outcrop_config::{Diagnostic, Source, load};

/// A row: fields, what becomes of them, and the fixtures that show it.
struct Row<'t> {
    fields: Vec<&'t str>,
    fate: &'t str,
    fixtures: Vec<&'t str>,
}

fn row(line: &str) -> Option<Row<'_>> {
    let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').collect();
    let [fields, fate, _how, fixtures] = cells[..] else { panic!("not four columns: {line}") };
    let fixtures = fixtures.split(',').map(str::trim).filter(|name| !name.is_empty());
    Some(Row {
        fields: fields.split('`').skip(1).step_by(2).collect(),
        fate: fate.trim(),
        fixtures: fixtures.collect(),
    })
    .filter(|row| !row.fields.is_empty())
}

/// The last name of a path.
fn leaf(field: &str) -> &str {
    field.rsplit('.').next().unwrap().trim_end_matches("[]")
}

/// `a[0].b` as `a[].b`.
fn without_indexes(path: &str) -> String {
    path.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn is_unread(diagnostic: &Diagnostic, field: &str) -> bool {
    diagnostic.what.contains(&format!("{field}`"))
        && diagnostic.what.contains("is read and not honoured")
}

fn is_told(diagnostic: &Diagnostic, field: &str) -> bool {
    let path = without_indexes(&diagnostic.origin.path);
    path.ends_with(field) || diagnostic.what.contains(leaf(field))
}

fn wrong(row: &Row<'_>, fixture: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(fixture);
    let text = fs::read_to_string(path.with_added_extension("yaml")).unwrap();
    let (_, diagnostics) = load(&[Source { name: fixture, text: &text }], &|_: &str| None);
    let bad = |field: &&&str| {
        !text.contains(leaf(field))
            || match row.fate {
                "honoured" => diagnostics.iter().any(|one| is_unread(one, field)),
                "reported" => !diagnostics.iter().any(|one| is_told(one, field)),
                other => panic!("{other}: {:?}", row.fields),
            }
    };
    let said = |field: &&str| format!("{field} is not {} in {fixture}", row.fate);
    row.fields.iter().filter(bad).map(said).collect()
}

#[test]
fn the_tables_are_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/compatibility.md");
    let text = fs::read_to_string(path).unwrap();
    let rows: Vec<Row<'_>> = text.lines().filter_map(row).collect();
    let mut all_wrong = Vec::new();
    for row in &rows {
        match (row.fate, &row.fixtures[..]) {
            ("not applicable", []) => {}
            (_, []) => all_wrong.push(format!("{:?} names no fixture", row.fields)),
            (_, fixtures) => {
                all_wrong.extend(fixtures.iter().flat_map(|fixture| wrong(row, fixture)));
            }
        }
    }
    assert!(all_wrong.is_empty(), "{all_wrong:#?}");
    assert!(rows.len() > 100, "{}", rows.len());
}
