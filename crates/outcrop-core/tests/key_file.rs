//! The file of keys: nothing is lost, nothing is shown, and what could be used once goes on.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]
#![expect(clippy::unit_arg, reason = "a change that adds a key gives nothing back")]

use std::fs;
use std::path::PathBuf;

use http::Request;
use outcrop_core::admit::{
    Admittance, Admitter, Hidden, KeyFile, KeyTable, Look, Record, StoredKeys, token_hash,
};
use tempfile::TempDir;

fn record(name: &str) -> Record {
    Record {
        name: name.to_owned(),
        created: "2026-11-26T10:00:00Z".to_owned(),
        token_hash: Some(token_hash(name)),
        ..Record::default()
    }
}

fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("keys.toml");
    (folder, path)
}

fn names(file: &KeyFile) -> Vec<String> {
    file.read().unwrap().into_iter().map(|key| key.name).collect()
}

#[test]
fn what_is_written_is_read_again() {
    let (_folder, path) = place();
    let file = KeyFile::new(&path);
    let full = Record {
        owner: Some("Search \"team\"".to_owned()),
        expires: Some("2027-01-31T00:00:00Z".to_owned()),
        models: vec!["amazon.nova-*".to_owned()],
        routes: vec!["chat".to_owned()],
        surfaces: vec!["chat_completions".to_owned()],
        tags: [("env".to_owned(), "prod".to_owned())].into(),
        ..record("alice")
    };
    let pair = Record {
        token_hash: None,
        access_key_id: Some("OCAKEXAMPLE".to_owned()),
        secret_access_key: Some(Hidden("secret".to_owned())),
        ..record("boto")
    };
    let written = vec![full, pair];
    file.edit(|keys| {
        keys.clone_from(&written);
        Ok(())
    })
    .unwrap();
    assert_eq!(file.read().unwrap(), written);
    assert!(!format!("{written:?}").contains("\"secret\""), "{written:?}");
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_only_and_a_link_stays_one() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (folder, path) = place();
    let link = folder.path().join("link.toml");
    let add = |file: &KeyFile, name: &str| {
        let name = record(name);
        file.edit(|keys| Ok(keys.push(name))).unwrap();
    };
    add(&KeyFile::new(&path), "one");
    symlink(&path, &link).unwrap();
    add(&KeyFile::new(&link), "two");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(names(&KeyFile::new(&path)), ["one", "two"]);
}

/// Only root can give a file away, so elsewhere this is of the mode alone.
#[cfg(unix)]
#[test]
fn whoever_reads_the_file_reads_it_after_a_change() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let (folder, path) = place();
    let lock = folder.path().join("keys.toml.lock");
    let file = KeyFile::new(&path);
    let add = |name: &str| {
        let name = record(name);
        file.edit(|keys| Ok(keys.push(name))).unwrap();
    };
    add("one");
    let is_root = fs::metadata(&path).unwrap().uid() == 0;
    let (uid, gid) = if is_root { (Some(1234), Some(4321)) } else { (None, None) };
    chown(&path, uid, gid).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let whose = |path: &PathBuf| {
        let data = fs::metadata(path).unwrap();
        (data.uid(), data.gid())
    };
    let before = whose(&path);
    // The lock is root's yet, then there is none.
    add("two");
    assert_eq!((whose(&path), whose(&lock)), (before, before));
    fs::remove_file(&lock).unwrap();
    add("three");
    assert_eq!((whose(&path), whose(&lock)), (before, before));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(names(&file), ["one", "two", "three"]);
}

#[test]
fn changes_at_once_lose_no_key() {
    let (_folder, path) = place();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let file = KeyFile::new(&path);
            scope.spawn(move || {
                for at in 0..5 {
                    let record = record(&format!("{writer}-{at}"));
                    file.edit(|keys| Ok(keys.push(record))).unwrap();
                }
            });
        }
    });
    assert_eq!(names(&KeyFile::new(&path)).len(), 40);
}

#[test]
fn a_change_that_fails_changes_nothing() {
    let (folder, path) = place();
    let file = KeyFile::new(&path);
    file.edit(|keys| Ok(keys.push(record("one")))).unwrap();
    let before = fs::read(&path).unwrap();
    let refused = file.edit(|keys| {
        keys.clear();
        Err::<(), _>("no".to_owned())
    });
    assert!(refused.unwrap_err().to_string().ends_with("keys.toml: no"));
    let unusable = Record { token_hash: None, ..record("two") };
    assert!(file.edit(|keys| Ok(keys.push(unusable))).is_err());
    assert_eq!(fs::read(&path).unwrap(), before);
    // Nothing half written is left behind either.
    let mut files: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["keys.toml", "keys.toml.lock"]);
}

#[test]
fn damage_is_named_by_line_and_shows_no_secret() {
    let secret = "wJalrXUtnFEMI";
    for (text, line, what) in [
        ("[[key]]\nname = \"a\"\ncreated = \"x\"\nsecret_access_key = wJalrXUtnFEMI\n", ":4:", ""),
        (
            "[[key]]\nname = \"a\"\ncreated = \"x\"\nsecret = \"wJalrXUtnFEMI\"\n",
            ":4:",
            "unknown field `secret`",
        ),
        (
            "[[key]]\nname = \"a\"\ncreated = \"x\"\ntoken_hash = \"wJalrXUtnFEMI\"\n",
            "",
            "the key a: `token_hash` is no SHA-256 in hex",
        ),
        (
            "[[key]]\nname = \"a\"\ncreated = \"x\"\nsurfaces = [\"chat\"]\naccess_key_id = \"i\"\nsecret_access_key = \"wJalrXUtnFEMI\"\n",
            "",
            "`chat`: no surface is called so; they are chat_completions,",
        ),
    ] {
        let (_folder, path) = place();
        fs::write(&path, text).unwrap();
        let said = KeyFile::new(&path).read().unwrap_err().to_string();
        assert!(said.contains(line) && said.contains(what) && !said.contains(secret), "{said}");
    }
}

#[test]
fn keys_that_could_be_used_once_go_on() {
    let (_folder, path) = place();
    let file = KeyFile::new(&path);
    file.edit(|keys| Ok(keys.push(record("one")))).unwrap();
    let stored = std::sync::Arc::new(StoredKeys::open(file.clone()).unwrap());
    let admitter = Admitter::of(KeyTable::default()).with_stored(std::sync::Arc::clone(&stored));
    let is_let_in = |token: &str| {
        let request = Request::get("/").header("x-api-key", token).body(()).unwrap();
        let head = request.into_parts().0;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let admitted = runtime.block_on(admitter.admit(&head, std::time::SystemTime::now()));
        matches!(admitted, Ok(Admittance::Granted(_)))
    };
    // What one look saw, the next may find changed again.
    let look = || {
        assert_eq!(stored.look(), Look::Same);
        stored.look()
    };
    assert!(is_let_in("one") && !is_let_in("two"));
    assert_eq!(stored.look(), Look::Same);

    file.edit(|keys| Ok(keys.push(record("two")))).unwrap();
    assert_eq!(look(), Look::Changed(2));
    assert!(is_let_in("one") && is_let_in("two"));

    let good = fs::read(&path).unwrap();
    let half = good.len() - good.len() / 3;
    let broken = "[[key]]\nname = ";
    for (text, is_told) in [(broken, true), ("", true), ("# none\n", false), (broken, true)] {
        fs::write(&path, text).unwrap();
        // Once is enough in the log.
        assert_eq!(matches!(look(), Look::Trouble(_)), is_told, "{text}");
        assert_eq!(stored.look(), Look::Same);
        assert!(is_let_in("one") && is_let_in("two"), "{text}");
    }

    fs::remove_file(&path).unwrap();
    assert!(matches!(look(), Look::Trouble(_)));
    assert!(is_let_in("one") && is_let_in("two"));

    // Half written, and whole by the next look.
    fs::write(&path, &good[..half]).unwrap();
    assert_eq!(stored.look(), Look::Same);
    fs::write(&path, &good).unwrap();
    assert_eq!(look(), Look::Changed(2));

    file.edit(|keys| Ok(keys.retain(|key| key.name == "two"))).unwrap();
    assert_eq!(look(), Look::Changed(1));
    assert!(!is_let_in("one") && is_let_in("two"));

    file.edit(|keys| Ok(keys.clear())).unwrap();
    assert_eq!(look(), Look::Changed(0));
    assert!(!is_let_in("two"));
}

#[test]
fn a_file_that_was_emptied_is_no_file_of_keys_until_it_is_removed() {
    let (_folder, path) = place();
    let file = KeyFile::new(&path);
    for text in ["", "# none\n"] {
        fs::write(&path, text).unwrap();
        let added = file.edit(|keys| Ok(keys.push(record("one"))));
        for said in [file.read().unwrap_err(), added.unwrap_err()] {
            let said = said.to_string();
            for word in ["was emptied", "still has its keys", "backup", "remove it first"] {
                assert!(said.contains(word), "{said}");
            }
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    fs::remove_file(&path).unwrap();
    file.edit(|keys| Ok(keys.push(record("one")))).unwrap();
    assert_eq!(names(&file), ["one"]);
}
