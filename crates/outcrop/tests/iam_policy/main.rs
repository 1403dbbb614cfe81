//! `outcrop iam-policy` as it is run: each folder of `cases` has the arguments, a line each, and what is
//! printed on stdout and stderr. `OUTCROP_BLESS=1` rewrites what is expected.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod served;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;

use serde_json::Value;

#[test]
fn the_policies_of_all_cases() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/iam_policy/cases");
    let mut seen = 0;
    for case in std::fs::read_dir(cases).unwrap() {
        check(&case.unwrap().path());
        seen += 1;
    }
    assert!(seen > 5);
}

fn check(case: &Path) {
    let args = std::fs::read_to_string(case.join("args.txt")).unwrap();
    let output =
        support::outcrop(&["iam-policy"]).args(args.lines()).current_dir(case).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    if output.status.success() && !args.contains("terraform") {
        let policy: Value = serde_json::from_str(&printed).unwrap();
        // One document, or one for each identity.
        let documents = match policy.get("Version") {
            Some(_) => vec![policy],
            None => policy.as_object().unwrap().values().cloned().collect(),
        };
        for document in documents {
            assert_eq!(document["Version"], "2012-10-17", "{case:?}");
            assert!(!document["Statement"].as_array().unwrap().is_empty(), "{case:?}");
        }
    }
    golden(&case.join("expected.txt"), &printed);
    golden(&case.join("told.txt"), &String::from_utf8(output.stderr).unwrap());
}

fn golden(path: &Path, actual: &str) {
    if std::env::var_os("OUTCROP_BLESS").is_some() {
        std::fs::write(path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(actual, expected, "{} differs; bless with OUTCROP_BLESS=1", path.display());
}
