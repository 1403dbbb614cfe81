//! `outcrop check` as a person and a script meet it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Output;

/// A folder of its own with these files.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("check").join(name);
    // Of an earlier run.
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    for (file, text) in files {
        std::fs::write(folder.join(file), text).unwrap();
    }
    folder
}

fn check(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = support::outcrop(&["check"])
        .args(arguments)
        .current_dir(folder)
        .env("REGION", "eu-west-1")
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn all_that_is_wrong_is_shown_where_it_is() {
    let file = "backends:\n  us: {regoin: us-east-1, identity: {api_key: very-secret}}\nroutes:\n  - name: r\n    targets: [eu]\n";
    let folder = folder("wrong", &[("outcrop.yaml", file)]);
    let (code, stdout, stderr) = check(&folder, &["outcrop.yaml"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert_eq!(
        stderr,
        "\
error: `regoin` is no key here
  --> outcrop.yaml:2:8 (backends.us.regoin)
   |
 2 |   us: {regoin: ***, identity: {api_key: ***}}
   |        ^^^^^^
   = help: did you mean `region`?

notice: a secret stands in the file itself
  --> outcrop.yaml:2:47 (backends.us.identity.api_key)
   |
 2 |   us: {regoin: ***, identity: {api_key: ***}}
   |                                         ^^^
   = help: refer to it: {env: NAME} or {file: PATH}

error: there is no backend `eu`
  --> outcrop.yaml:5:15 (routes[0].targets[0])
   |
 5 |     targets: [eu]
   |               ^^

error: the configuration has 2 errors, 1 notice
"
    );
    let (code, stdout, stderr) = check(&folder, &["--json", "."]);
    let count = "error: the configuration has 2 errors, 1 notice\n";
    assert_eq!((code, stderr.as_str()), (Some(1), count));
    let value: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(value["diagnostics"][0]["line"], 2);
    assert_eq!(value["diagnostics"][0]["hint"], "did you mean `region`?");
}

#[test]
fn what_is_right_is_told_and_printed_as_ours() {
    let files = [
        (
            "a.yaml",
            "backends: {eu: '${REGION}', us: {region: us-east-1, identity: {api_key: sk}}}\n",
        ),
        ("b.yml", "routes: [{name: r, targets: us}, {name: late, targets: us}]\n"),
        ("notes.txt", "no configuration"),
        (".hidden.yaml", "neither"),
    ];
    let folder = folder("right", &files);
    let (code, stdout, stderr) = check(&folder, &["."]);
    assert_eq!((code, stdout.as_str()), (Some(0), "understood: 2 backends, 2 routes\n"));
    assert!(
        stderr.contains("notice: a secret") && stderr.contains("warning: no request"),
        "{stderr}"
    );
    assert!(!stderr.contains("sk}"), "{stderr}");

    let (code, _, stderr) = check(&folder, &["--strict", "."]);
    assert_eq!(code, Some(1));
    assert!(stderr.ends_with("error: the configuration has 1 warning, 1 notice\n"), "{stderr}");

    let (code, stdout, _) = check(&folder, &["--print", "a.yaml", "b.yml"]);
    assert_eq!(code, Some(0));
    assert!(
        stdout.contains("eu: eu-west-1\n") && stdout.contains("{env: OUTCROP_SECRET_1}"),
        "{stdout}"
    );
    let (_, stdout, _) = check(&folder, &["--print", "--show-secrets", "."]);
    assert!(stdout.contains("api_key: {inline: sk}"), "{stdout}");

    // What is left of a file with errors would let anyone in, to all of it.
    std::fs::write(
        folder.join("wrong.yaml"),
        "backends: {main: us-east-1}\nroutes: [{name: nova, match: {modle: '*nova*'}, targets: main}]\n",
    )
    .unwrap();
    let (code, stdout, stderr) = check(&folder, &["--print", "wrong.yaml"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    let end = "error: the configuration has 1 error: nothing of it is printed\n";
    assert!(stderr.ends_with(end), "{stderr}");

    let (code, _, stderr) = check(&folder, &["missing.yaml"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("cannot read missing.yaml"), "{stderr}");
}

#[test]
fn places_names_and_numbers_are_told() {
    let file = "\
backends:
  a: {region: us-esat-1}
routes:
  - name: r
    match: {path_regex: \"/abc/(x\"}
    targets: [a]
  - name: s
    match: {headers: {x-a: {regex: \"(x\"}}, model: {regex: \"[a\"}}
    targets: [a]
limits:
  - {name: l, requests: -3, windw: day}
keys:
  - {name: k, token: {env: K}, expires: 2020-01-01T00:00:00Z}
";
    let folder = folder("places", &[("outcrop.yaml", file)]);
    let (_, _, stderr) = check(&folder, &["outcrop.yaml"]);
    for told in [
        "warning: `us-esat-1` is not like the name of any region so far\n  --> outcrop.yaml:2:15 ",
        "help: did you mean `us-east-1`?",
        "outcrop.yaml:5:25 (routes[0].match.path_regex)",
        "outcrop.yaml:8:36 (routes[1].match.headers.x-a.regex)",
        "outcrop.yaml:8:59 (routes[1].match.model.regex)",
        "error: -3 is no whole number of 0 or more",
        "error: `windw` is no key here",
        "warning: the key k has expired: nobody is let in with it\n  --> outcrop.yaml:13:5 (keys[0])",
    ] {
        assert!(stderr.contains(told), "{told}: {stderr}");
    }
    let limits = folder.join("limits.yaml");
    std::fs::write(&limits, "limits: [{name: l, xyzzyxyzzy: 1}]\n").unwrap();
    let (_, _, stderr) = check(&folder, &["limits.yaml"]);
    assert!(stderr.contains("help: there is name, requests,"), "{stderr}");
}

/// Where nobody understood what it is, as in a file for somebody else's gateway.
#[test]
fn secrets_of_other_formats_are_not_shown() {
    let kong = "_format_version: '3.0'\nkeyauth_credentials:\n  - {consumer: nobody, key: k3y}\n  - kee: k3y\n";
    let kube = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {other: k3y}\ndata: [k3y]\n";
    let folder = folder("foreign", &[("kong.yaml", kong), ("kube.yaml", kube)]);
    let (code, _, stderr) = check(&folder, &["."]);
    assert!(code == Some(1) && !stderr.contains("k3y"), "{stderr}");
    assert!(stderr.contains("- {consumer: nobody, key: ***}\n"), "{stderr}");
}

#[test]
fn nothing_is_shown_of_a_file_that_nobody_knows() {
    let files =
        [("secrets.txt", "sk-very-secret\n"), ("two.yaml", "backends: {}\n---\nsecret: 1\n")];
    let folder = folder("unknown", &files);
    let (code, _, stderr) = check(&folder, &["secrets.txt"]);
    assert!(code == Some(1) && stderr.contains("of no known format"), "{stderr}");
    assert!(!stderr.contains("sk-very"), "{stderr}");
    let (_, _, stderr) = check(&folder, &["two.yaml"]);
    assert!(stderr.contains("the document at line 3 is of no known format"), "{stderr}");
    std::fs::write(folder.join("binary.yaml"), b"a: 1\n\xff\xfe\0").unwrap();
    let (code, _, stderr) = check(&folder, &["binary.yaml"]);
    assert_eq!(
        (code, &*stderr),
        (Some(1), "error: binary.yaml:2: this is no text (UTF-8), so no configuration\n")
    );
}

#[test]
fn an_expression_that_cannot_be_used_is_shown() {
    let file = "backends: {us: us-east-1}\nlimits:\n  - {name: l, cel: tokens * 2u, amount: 9, window: day}\n";
    let folder = folder("cel", &[("outcrop.yaml", file)]);
    let (code, _, stderr) = check(&folder, &["outcrop.yaml"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("limit `l`: the expression `tokens * 2u` cannot be used"), "{stderr}");
    assert!(stderr.contains("--> outcrop.yaml:3:"), "{stderr}");
}
