//! `outcrop keys`, and a gateway that asks for them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Output, Stdio};

use serde_json::Value;
use support::outcrop;

/// Runs `outcrop keys` on a file.
fn keys(file: &str, arguments: &[&str]) -> Output {
    outcrop(&["keys"]).args(arguments).env("OUTCROP_KEYS", file).output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::TempDir::new().unwrap())
    }

    fn file(&self) -> String {
        self.0.path().join("keys.toml").display().to_string()
    }
}

/// A gateway that ends with its handle.
struct Gateway(Child, String);

impl Gateway {
    fn start(file: &str, flags: &[&str]) -> Self {
        let mut child = outcrop(&["serve", "--emulator"])
            .args(flags)
            .env("OUTCROP_KEYS", file)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self(child, address)
    }

    /// The status of `GET /v1/models` with a header.
    fn status(&self, header: &str) -> u16 {
        let address = self.1.replace("0.0.0.0", "127.0.0.1");
        let mut socket = TcpStream::connect(address).unwrap();
        let request =
            format!("GET /v1/models HTTP/1.1\r\nhost: x\r\n{header}\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Asks until the answer has this status.
    fn becomes(&self, header: &str, status: u16) {
        while self.status(header) != status {}
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Either fails only for a child that has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_key_is_made_listed_rotated_and_revoked() {
    let folder = Folder::new();
    let file = &folder.file();
    let first = said(&keys(file, &["create", "alice", "--owner", "Search", "--tag", "env=test"]));
    assert!(first.starts_with("oc_") && first.trim().len() == 46, "{first}");
    assert!(!std::fs::read_to_string(file).unwrap().contains(first.trim()));
    let again = refused(&keys(file, &["create", "alice"]));
    assert!(again.contains("outcrop keys rotate alice"), "{again}");

    let pair = said(&keys(file, &["create", "boto", "--kind", "aws-pair", "--json"]));
    let pair: Value = serde_json::from_str(&pair).unwrap();
    assert_eq!(pair["kind"], "aws-pair");
    assert!(pair["access_key_id"].as_str().unwrap().starts_with("OCAK"));
    assert_eq!(pair["secret_access_key"].as_str().unwrap().len(), 40);

    let second = said(&keys(file, &["rotate", "alice", "--grace", "1h"]));
    assert_ne!(first, second);
    let listed = said(&keys(file, &["list", "--json"]));
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let listed = listed["keys"].as_array().unwrap();
    let names: Vec<&str> = listed.iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["alice", "boto", "alice"]);
    assert!(listed[0]["expires"].is_string() && listed[2]["expires"].is_null());
    assert_eq!(
        (&listed[2]["owner"], &listed[2]["tags"]["env"]),
        (&"Search".into(), &"test".into())
    );
    assert!(listed.iter().all(|key| key.get("secret_access_key").is_none()));

    // Without grace the old one goes at once.
    said(&keys(file, &["rotate", "alice", "--grace", "0s"]));
    assert_eq!(said(&keys(file, &["list"])).matches("alice").count(), 1);
    said(&keys(file, &["revoke", "alice"]));
    let table = said(&keys(file, &["list"]));
    assert!(table.contains("boto") && !table.contains("alice"), "{table}");
    assert!(refused(&keys(file, &["revoke", "alice"])).contains("outcrop keys list"));
}

/// Needs root, who alone can be somebody else; without it the file is one's own.
#[cfg(unix)]
#[test]
fn a_change_that_would_take_the_file_from_its_reader_is_refused() {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    let folder = Folder::new();
    let file = &folder.file();
    said(&keys(file, &["create", "alice"]));
    if metadata(file).unwrap().uid() != 0 {
        return;
    }
    chown(file, Some(1234), Some(1234)).unwrap();
    set_permissions(file, Permissions::from_mode(0o644)).unwrap();
    set_permissions(folder.0.path(), Permissions::from_mode(0o777)).unwrap();
    let before = std::fs::read(file).unwrap();
    let lock = format!("{file}.lock");
    std::fs::remove_file(&lock).unwrap();
    let revoke = || {
        let mut command = outcrop(&["keys", "revoke", "alice"]);
        let output = command.env("OUTCROP_KEYS", file).uid(4321).gid(4321).output().unwrap();
        let said = refused(&output);
        assert!(said.contains("Run the command as the owner of the file, or as root"), "{said}");
        assert_eq!(std::fs::read(file).unwrap(), before);
        std::fs::read_dir(folder.0.path()).unwrap().count()
    };
    assert_eq!(revoke(), 1, "a lock was left that shuts out the owner");
    std::fs::write(&lock, "").unwrap();
    set_permissions(&lock, Permissions::from_mode(0o666)).unwrap();
    assert_eq!(revoke(), 2);
    // Root keeps it for its owner.
    said(&keys(file, &["revoke", "alice"]));
    assert_eq!((metadata(file).unwrap().uid(), metadata(&lock).unwrap().uid()), (1234, 1234));
}

#[test]
fn what_is_wrong_is_said() {
    let folder = Folder::new();
    let file = &folder.file();
    for (arguments, mend) in [
        (vec!["create", "a b"], "without spaces"),
        (vec!["create", "a", "--expires", "soon"], "90d"),
        (vec!["create", "a", "--expires", "2020-01-01"], "give a later one"),
        (vec!["create", "a", "--surface", "chat"], "chat_completions"),
        (vec!["create", "a", "--tag", "x"], "NAME=VALUE"),
        (vec!["list"], "keys.toml"),
    ] {
        let said = refused(&keys(file, &arguments));
        assert!(said.contains(mend), "{arguments:?}: {said}");
    }
    let said = refused(&keys("/nowhere/keys.toml", &["create", "a"]));
    assert!(said.contains("No such file or directory") && !said.contains("as root"), "{said}");
}

#[test]
fn a_running_gateway_takes_keys_as_they_come_and_go() {
    let folder = Folder::new();
    let file = &folder.file();
    let first = said(&keys(file, &["create", "alice"]));
    let gateway = Gateway::start(file, &["--listen", "127.0.0.1:0", "--key-header", "apikey"]);
    let header = |token: &str| format!("authorization: Bearer {}", token.trim());
    assert_eq!(gateway.status("x-no: key"), 401);
    assert_eq!(gateway.status(&header(&first)), 200);
    assert_eq!(gateway.status(&format!("apikey: {}", first.trim())), 200);

    let second = said(&keys(file, &["rotate", "alice"]));
    gateway.becomes(&header(&second), 200);
    assert_eq!(gateway.status(&header(&first)), 200, "within its grace");

    // Damage takes nothing away, and what comes after it counts again.
    let good = std::fs::read(file).unwrap();
    std::fs::write(file, "[[key").unwrap();
    std::fs::write(file, good).unwrap();
    said(&keys(file, &["create", "bob"]));
    assert_eq!(gateway.status(&header(&second)), 200);
    said(&keys(file, &["revoke", "alice"]));
    gateway.becomes(&header(&second), 401);
    assert_eq!(gateway.status(&header(&first)), 401);
}

#[test]
fn nobody_serves_the_world_by_accident() {
    let output = outcrop(&["serve", "--emulator", "--listen", "0.0.0.0:0"]).output().unwrap();
    let said = refused(&output);
    for mend in ["outcrop keys create", "--keys", "--anonymous"] {
        assert!(said.contains(mend), "{said}");
    }
    let missing =
        outcrop(&["serve", "--emulator", "--keys", "/nowhere/keys.toml"]).output().unwrap();
    assert!(refused(&missing).contains("/nowhere/keys.toml"));
}

#[test]
fn strangers_are_served_if_that_is_said() {
    let folder = Folder::new();
    let file = &folder.file();
    said(&keys(file, &["create", "alice"]));
    let gateway = Gateway::start(file, &["--anonymous", "--listen", "0.0.0.0:0"]);
    assert_eq!(gateway.status("x-api-key: any"), 200);
}
