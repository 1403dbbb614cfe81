//! `outcrop embed`, as people and scripts use it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::Output;

use outcrop_emulator::{Config, Emulator, Exception, Fault};
use serde_json::Value;
use support::{ACCOUNT, given, text};

fn outcrop(arguments: &[&str], stdin: &[u8]) -> Output {
    given(support::outcrop(arguments).envs(ACCOUNT), stdin)
}

fn embed(arguments: &[&str], stdin: &[u8]) -> Output {
    outcrop(&[&["embed", "--emulator"], arguments].concat(), stdin)
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stderr), "");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_text_becomes_a_vector() {
    for (model, length) in
        [("cohere.embed-english-v3", 1024), ("amazon.titan-embed-text-v2:0", 1024)]
    {
        let arguments = ["Text to embed", "--provider", "bedrock", "--model", model];
        let job = json(&embed(&arguments, b""));
        assert_eq!(job["input"], "Text to embed");
        assert_eq!((&job["model"], &job["provider"]), (&model.into(), &"bedrock".into()));
        assert_eq!(job["embeddings"][0]["vector"].as_array().unwrap().len(), length);
        assert_eq!(job["embeddings"][0]["chunk"], job["chunks"][0]);
        assert!(job["id"].is_string() && job["timestamp"].is_string());
    }
}

#[test]
fn a_document_becomes_chunks_that_slice_it() {
    let document = "Ärger? Ja! One more sentence here.\n\nThe end.";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), document).unwrap();
    let path = file.path().to_str().unwrap();
    let sizes = ["--max-chunk-size", "6", "-F", "compact"];
    let by_argument = json(&embed(&[&[document][..], &sizes].concat(), b""));
    let by_file = json(&embed(&[&["-i", path][..], &sizes].concat(), b""));
    let by_stdin = json(&embed(&sizes, document.as_bytes()));
    assert_eq!(by_argument["chunks"], by_stdin["chunks"]);
    let chunks = by_file["chunks"].as_array().unwrap();
    assert_eq!(chunks.len(), by_file["embeddings"].as_array().unwrap().len());
    for (by_file, by_stdin) in chunks.iter().zip(by_stdin["chunks"].as_array().unwrap()) {
        assert_eq!(
            (&by_file["start_pos"], &by_file["text"]),
            (&by_stdin["start_pos"], &by_stdin["text"])
        );
        assert_eq!(by_file["source"], path);
    }
    let place = |chunk: &Value, name: &str| chunk[name].as_u64().unwrap() as usize;
    let slices: Vec<&str> = chunks
        .iter()
        .map(|chunk| &document[place(chunk, "start_pos")..place(chunk, "end_pos")])
        .collect();
    assert!(chunks.iter().zip(&slices).all(|(chunk, slice)| chunk["text"] == *slice));
    assert_eq!(slices, ["Ärger? Ja!", "One more sentence here.", "The end."]);
}

#[test]
fn a_document_may_be_as_long_as_an_argument_can() {
    let document = "Ten bytes. ".repeat(11_900);
    let job = json(&embed(&[&document, "-F", "compact"], b""));
    assert_eq!(job["input"], document);
    let end = job["chunks"].as_array().unwrap().last().unwrap()["end_pos"].as_u64();
    assert_eq!(end, Some(document.trim_end().len() as u64));
}

#[test]
fn formats_hold_the_same_vectors() {
    let options = ["--jsonl", "t", "-m", "amazon.titan-embed-text-v2:0", "--dimensions", "256"];
    let input = b"{\"t\":\"say \\\"a\\\"\"}\n{\"t\":\"b\"}\n";
    let whole = json(&embed(&options, input));
    let lines = embed(&[&options[..], &["-F", "jsonl"]].concat(), input);
    for (at, line) in text(&lines.stdout).lines().enumerate() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["vector"], whole["embeddings"][at]["vector"]);
        assert_eq!((&line["document"], &line["text"]), (&at.into(), &whole["input"][at]));
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "what was there before".repeat(1000)).unwrap();
    let to = ["-F", "csv", "--encoding-format", "base64", "-O", file.path().to_str().unwrap()];
    let output = embed(&[&options[..], &to].concat(), input);
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let rows = std::fs::read_to_string(file.path()).unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    assert_eq!(rows.len(), 3);
    assert!(rows[1].starts_with("0,0,0,7,2,\"say \"\"a\"\"\","), "{}", rows[1]);
}

#[test]
fn the_exit_code_says_what_went_wrong() {
    for (arguments, stdin, code, mend) in [
        (vec![], &b""[..], 2, "outcrop embed"),
        (vec![" "], b"", 2, "blank"),
        (vec!["Hi", "-m", "no.such-model"], b"", 12, "outcrop models"),
        (vec!["Hi", "-p", "openai"], b"", 11, "bedrock"),
        (vec!["Hi", "--overlap", "512"], b"", 20, "--max-chunk-size"),
        (
            vec!["Hi", "--encoding-format", "int8", "-m", "amazon.titan-embed-text-v2:0"],
            b"",
            15,
            "binary",
        ),
        (vec!["Hi", "--dimensions", "7", "-m", "cohere.embed-v4:0"], b"", 15, "1536"),
        (vec!["--jsonl", "t"], b"{\"t\":\"a\"}\n{}", 16, "Line 2"),
        (vec!["Hi", "-O", "/no/such/folder/x"], b"", 19, "Cannot write"),
    ] {
        let output = embed(&arguments, stdin);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(mend), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn models_and_strategies_are_listed() {
    let models = outcrop(&["embeddings", "--show-models"], b"");
    assert!(text(&models.stdout).contains("cohere.embed-english-v3"), "{models:?}");
    let strategies = outcrop(&["embed", "--show-strategies"], b"");
    assert!(text(&strategies.stdout).contains("paragraph"), "{strategies:?}");
}

/// Arguments that ask `emulator` for a short vector of each line.
fn by_lines(emulator: &Emulator) -> Vec<String> {
    let words = "embed --lines -u -F jsonl -m cohere.embed-v4:0 --dimensions 256 --endpoint-url";
    words.split(' ').map(str::to_owned).chain([emulator.base_url()]).collect()
}

async fn run(arguments: Vec<String>, stdin: String) -> Output {
    let run = move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        outcrop(&arguments, stdin.as_bytes())
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

const LINES: usize = 10_000;

fn ten_thousand_lines() -> String {
    let mut input = String::new();
    for line in 0..LINES {
        writeln!(input, "line {line}").unwrap();
    }
    input
}

/// A Bedrock each fiftieth of whose calls fails.
async fn faulty(exception: Exception) -> Emulator {
    let emulator = Emulator::bind("127.0.0.1:0", Config::default()).await.unwrap();
    emulator.inject_each(50, vec![Fault::error(exception)]);
    emulator
}

/// Each line has one vector of its own, in order.
fn assert_complete(said: &str) {
    let mut vectors = HashSet::new();
    for (at, line) in said.lines().enumerate() {
        let (chunk, vector) = line.split_once("\"vector\":").unwrap();
        assert!(chunk.contains(&format!("\"document\":{at},")), "{chunk}");
        assert!(chunk.contains(&format!("\"text\":\"line {at}\"")), "{chunk}");
        vectors.insert(vector);
    }
    assert_eq!(vectors.len(), LINES);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_lines_lose_and_double_none_under_faults() {
    let emulator = faulty(Exception::Throttling).await;
    let output = run(by_lines(&emulator), ten_thousand_lines()).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).starts_with("10000 vectors, "), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert_complete(&said);
    let invoked = emulator.requests().len();
    assert_eq!(invoked, LINES.div_ceil(96) + 2, "each batch once, and the refused ones again");
    let alone = run(by_lines(&emulator), "line 9999".to_owned()).await;
    let alone = text(&alone.stdout).replace("\"document\":0", "\"document\":9999");
    assert_eq!(said.lines().last(), Some(alone.trim_end()));
}

/// The number before `word`.
fn number(said: &str, word: &str) -> usize {
    let before = said.split(word).next().unwrap().trim_end();
    before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_abort_only_what_is_missing_is_asked_for() {
    let emulator = faulty(Exception::AccessDenied).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors.jsonl");
    let mut arguments = by_lines(&emulator);
    arguments.extend(["-O".to_owned(), path.to_str().unwrap().to_owned()]);
    let broken = run(arguments.clone(), ten_thousand_lines()).await;
    let said = text(&broken.stderr);
    assert_eq!(broken.status.code(), Some(21), "{said}");
    assert!(said.contains(".part; with --resume"), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), b"");
    let kept = number(&said, "of 10000 vectors are in");
    // As when the process is killed while it writes.
    let part = folder.path().join("vectors.jsonl.part");
    OpenOptions::new().append(true).open(&part).unwrap().write_all(b"{\"key\":\"12").unwrap();

    let without = run(arguments.clone(), ten_thousand_lines()).await;
    assert_eq!(without.status.code(), Some(20));
    assert!(text(&without.stderr).contains("--resume"));

    arguments.push("--resume".to_owned());
    let again = run(arguments.clone(), ten_thousand_lines()).await;
    let said = text(&again.stderr);
    assert_eq!(again.status.code(), Some(21), "{said}");
    let kept_more = number(&said, "of 10000 vectors are in");
    assert!(kept < kept_more && kept_more < LINES, "{said}");
    emulator.clear_faults();
    let whole = run(arguments, ten_thousand_lines()).await;
    let said = text(&whole.stderr);
    assert!(whole.status.success(), "{said}");
    assert_eq!(number(&said, "kept before"), kept_more);
    assert_eq!(number(&said, "asked for"), LINES - kept_more);
    assert_complete(&std::fs::read_to_string(&path).unwrap());
    assert!(!part.exists());
}

#[test]
fn what_another_run_kept_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (path, part) = (folder.path().join("v.json"), folder.path().join("v.json.part"));
    let line = format!("{{\"key\":\"{}\",\"vector\":[1]}}\n", "0a".repeat(32));
    std::fs::write(&part, &line).unwrap();
    let output = embed(&["Some text", "-O", path.to_str().unwrap(), "--resume"], b"");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("stays"), "{}", text(&output.stderr));
    assert!(std::fs::read_to_string(&part).unwrap().starts_with(&line));
}

#[test]
fn a_store_is_asked_first_and_searched() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("docs.sqlite");
    let docs = folder.path().join("docs/deep");
    std::fs::create_dir_all(&docs).unwrap();
    std::fs::write(docs.join("a.md"), "# Apples\n\nRed apples.\n\n# Pears\n\nGreen pears.")
        .unwrap();
    std::fs::write(docs.join("b.md"), "Green pears.").unwrap();
    std::fs::write(docs.join("c.txt"), "No markdown.").unwrap();
    let root = docs.parent().unwrap().to_str().unwrap();
    let with = |arguments: &[&str]| {
        let store = ["--store", store.to_str().unwrap(), "-u"];
        let output = embed(&[&store[..], arguments].concat(), b"");
        assert!(output.status.success(), "{}", text(&output.stderr));
        (text(&output.stdout), text(&output.stderr))
    };
    let by = ["--chunk-strategy", "markdown", "--max-chunk-size", "7"];
    let files = [&["--files", root, "**/*.md"][..], &by].concat();
    let (said, counts) = with(&files);
    assert!(said.is_empty() && counts.starts_with("3 vectors, "), "{said}{counts}");
    let (_, counts) = with(&files);
    assert!(counts.starts_with("3 vectors (0 asked for, 3 kept before, 0 "), "{counts}");
    std::fs::write(docs.join("a.md"), "# Plums\n\nBlue plums.").unwrap();
    let (_, counts) = with(&files);
    assert!(counts.starts_with("2 vectors (1 asked for, 1 kept before, 0 "), "{counts}");

    let (said, _) = with(&["--similar-to", "blue plums", "-n", "1"]);
    assert!(said.contains("deep/a.md:0  # Plums Blue plums."), "{said}");
    let (said, _) = with(&["--similar-to", "red apples", "-F", "compact"]);
    let hits: Value = serde_json::from_str(&said).unwrap();
    // What is no longer in any file is not found.
    assert_eq!(hits.as_array().unwrap().len(), 2, "{said}");

    std::fs::write(docs.join("a.md"), "").unwrap();
    with(&files);
    let (said, _) = with(&["--similar-to", "blue plums", "-F", "compact"]);
    assert!(!said.contains("plums."), "{said}");

    let other = embed(
        &["--similar-to", "x", "--store", store.to_str().unwrap(), "-m", "cohere.embed-v4:0"],
        b"",
    );
    assert_eq!(other.status.code(), Some(20));
    assert!(text(&other.stderr).contains("cohere.embed-english-v3"), "{}", text(&other.stderr));
    std::fs::write(folder.path().join("other"), "no database, but longer than a head of SQLite's")
        .unwrap();
    let other = embed(&["x", "--store", folder.path().join("other").to_str().unwrap()], b"");
    assert_eq!(other.status.code(), Some(19), "{}", text(&other.stderr));
}

#[test]
fn texts_and_files_of_vectors_are_searched() {
    let fruit = b"red apples\ngreen pears\nblue plums\n";
    let nearest = |arguments: &[&str], stdin: &[u8]| {
        let output = embed(&[&["--similar-to", "pears", "-n", "1"], arguments].concat(), stdin);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let said = text(&output.stdout);
        assert!(said.contains("  green pears\n") && said.lines().count() == 1, "{said}");
    };
    nearest(&["--lines", "-"], fruit);
    let folder = tempfile::tempdir().unwrap();
    for format in ["json", "jsonl", "csv"] {
        let file = folder.path().join(format);
        let file = file.to_str().unwrap();
        let made = embed(&["--lines", "-F", format, "-O", file], fruit);
        assert!(made.status.success(), "{}", text(&made.stderr));
        nearest(&["--vectors", file], b"");
    }
}

#[test]
fn the_same_text_is_asked_for_once() {
    let output = embed(&["--lines", "-F", "jsonl", "-u"], b"same\nother\nsame\n");
    assert!(text(&output.stderr).starts_with("3 vectors (2 asked for, 0 kept before, 1 "));
    let said = text(&output.stdout);
    let vectors: Vec<&str> =
        said.lines().map(|line| line.split_once("vector").unwrap().1).collect();
    assert!(vectors[0] == vectors[2] && vectors[0] != vectors[1]);
}

#[test]
fn rows_files_and_pictures_have_vectors() {
    let rows = b"\xef\xbb\xbfid, title\n1,\"A, b\"\n2,\"C\nd\"\n";
    let lines = text(&embed(&["--csv", "title", "-F", "jsonl"], rows).stdout);
    let texts: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&texts[0]["text"], &texts[1]["text"]), (&"A, b".into(), &"C\nd".into()));
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let seen = json(&embed(&["-i", "-"], picture));
    assert_eq!((&seen["input"], &seen["chunks"][0]["text"]), (&"stdin".into(), &"".into()));
    for (arguments, stdin, code, mend) in [
        (&["--csv", "no"][..], &rows[..], 16, "id, title"),
        (&["--csv", "id"], b"id,a\n1\n", 16, "Line 2"),
        (&["-i", "-", "-m", "amazon.titan-embed-text-v2:0"], picture, 15, "picture"),
        (&["-i", "-"], b"%PDF-1.7 \xff", 16, "stdin is a PDF"),
        (&["-i", "-"], b"\0\xff\xfe", 16, "neither text nor a picture"),
        (&["--files", "/no/such", "*"], b"", 16, "no such folder"),
    ] {
        let output = embed(arguments, stdin);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(mend), "{arguments:?}: {said}");
    }
}

#[test]
fn other_programs_read_the_vectors() {
    let options = ["--lines", "-m", "cohere.embed-v4:0", "--dimensions", "256"];
    let with = |format: &str| embed(&[&options[..], &["-F", format]].concat(), b"a\nb\n").stdout;
    let list: Value = serde_json::from_slice(&with("openai")).unwrap();
    let floats: Vec<f32> = [0, 1]
        .iter()
        .flat_map(|at| list["data"][at]["embedding"].as_array().unwrap())
        .map(|number| number.as_f64().unwrap() as f32)
        .collect();
    let bytes: Vec<u8> = floats.iter().flat_map(|float| float.to_le_bytes()).collect();
    let array = with("npy");
    let head = array.len() - bytes.len();
    assert_eq!(head % 64, 0);
    assert!(array.starts_with(b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4'"));
    assert!(text(&array[10..head]).contains("'shape': (2, 256), }"));
    assert_eq!(array[head..], bytes);
    let first = |encoding: &str| {
        let wanted = ["--encoding-format", encoding, "--normalize", "false"];
        let output = embed(&[&options[..], &wanted].concat(), b"a\n");
        assert!(text(&output.stderr).contains("normalize"), "told that it cannot be chosen");
        let job: Value = serde_json::from_slice(&output.stdout).unwrap();
        job["embeddings"][0]["vector"].as_array().unwrap().clone()
    };
    let eighth: u8 = floats[..8].iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit > 0.0));
    assert_eq!(first("int8")[3], (floats[3] * 127.0).round() as i8);
    assert_eq!((first("binary").len(), &first("binary")[0]), (32, &((eighth ^ 0x80) as i8).into()));
    use base64::Engine as _;
    let lines = text(&with("base64"));
    let decoded: Vec<u8> = lines
        .lines()
        .flat_map(|line| base64::engine::general_purpose::STANDARD.decode(line).unwrap())
        .collect();
    assert_eq!(decoded, bytes);
}

#[test]
fn a_failure_says_how_far_it_came() {
    // The last one is longer than the model takes.
    let lines: String = (0..768).map(|line| format!("line {line}\n")).collect();
    let output = embed(&["--lines"], format!("{lines}{}", "a".repeat(3000)).as_bytes());
    assert_eq!(output.status.code(), Some(15), "{}", text(&output.stderr));
    let said = text(&output.stderr);
    assert!(said.contains("768 of 769 vectors had come"), "{said}");
    assert!(said.contains("begins with \"aaaa"), "{said}");
    assert!(output.stdout.is_empty());
}

/// A name that is not UTF-8 ends nothing.
#[cfg(target_os = "linux")]
#[test]
fn a_pattern_finds_what_is_hidden_where_it_says_the_dot() {
    use std::os::unix::ffi::OsStrExt;
    let home = tempfile::tempdir().unwrap();
    let strange = std::ffi::OsStr::from_bytes(b"\xff.txt");
    for name in ["seen.txt".as_ref(), ".hidden.txt".as_ref(), strange] {
        std::fs::write(home.path().join(name), "text").unwrap();
    }
    for (pattern, finds) in [("*.txt", "seen.txt"), (".*.txt", ".hidden.txt")] {
        let output = support::outcrop(&["embed", "--emulator", "-F", "jsonl", "--files"])
            .args([home.path().as_os_str(), pattern.as_ref()])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains(&format!("/{finds}")) && said.lines().count() == 1, "{said}");
    }
}
