//! The files of limits and of kept answers, and processes that are killed or find the disk full. Such a process is this same
//! program, started with a word and the path of the file.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test with a main of its own")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use outcrop_config::{Limit, Measure, Origin, Per, Selector, Window};
use outcrop_core::admit::CallerId;
use outcrop_core::limit::{
    Alerts, Counters, Expected, Facts, Limiter, Reservation, Rules, Spent, StoreWish, Timepiece,
};
use outcrop_core::{ResponseStore, StoreLimits};
use outcrop_dialect::responses::Kept;
use outcrop_model::Usage;

const MOST: u64 = 100_000;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("be-killed") => be_killed(Path::new(&args[2])),
        Some("fill-the-disk") => fill_the_disk(Path::new(&args[2])),
        Some("delete") => delete(Path::new(&args[2])),
        _ => {
            a_killed_process_loses_no_reservation_and_doubles_none();
            a_full_disk_refuses_nobody_and_forgives_nobody();
            a_deleted_answer_stays_deleted_though_the_disk_is_full();
            println!("3 passed");
        }
    }
}

fn limiter(path: &Path) -> Limiter {
    let limit = |name: &str, measure, amount, per| Limit {
        name: name.to_owned(),
        selector: Selector { per, ..Selector::default() },
        measure,
        amount,
        window: Window::Rolling(Duration::from_secs(30 * 24 * 3600)),
        origin: Origin::default(),
    };
    let rules = Rules::compile(&[
        limit("tokens", Measure::OutputTokens, MOST.into(), Vec::new()),
        limit("flight", Measure::Concurrent, 2, Vec::new()),
        limit("each", Measure::Requests, 1_000_000, vec![Per::Key]),
    ]);
    let wish = StoreWish::File(path);
    let counters = Counters::open(wish, Alerts::default(), Timepiece::default()).unwrap();
    Limiter::new(Arc::new(rules.unwrap()), Arc::new(counters))
}

fn reserve(limiter: &Limiter, key: &str, output: u64) -> Option<Reservation> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let headers = HeaderMap::new();
    let models = ["m"; 3];
    let (key, tags) = (Some(key), &[][..]);
    let facts =
        Facts { key, tags, route: "r", backend: "b", models, headers: &headers, peer: None };
    let usage = Usage { output, ..Usage::default() };
    let expected = || Expected { usage, cost: None };
    runtime.block_on(limiter.reserve(&facts, expected)).ok()?
}

fn used(output: u64) -> Spent {
    Spent::Told { usage: Usage { output, ..Usage::default() }, cost: None }
}

/// How much is left, found by asking for it.
fn left(limiter: &Limiter) -> u64 {
    let (mut least, mut most) = (0, MOST);
    while least < most {
        let middle = (least + most).div_ceil(2);
        match reserve(limiter, "probe", middle) {
            Some(reservation) => {
                reservation.settle(&Spent::Nothing);
                least = middle;
            }
            None => most = middle - 1,
        }
    }
    least
}

fn child(word: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(word).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn await_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

/// One settled request, two under way; then nothing but to be killed.
fn be_killed(path: &Path) {
    let limiter = limiter(path);
    reserve(&limiter, "a", 1000).unwrap().settle(&used(7));
    let _under_way = (reserve(&limiter, "a", 100).unwrap(), reserve(&limiter, "b", 20).unwrap());
    println!("under way");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

fn a_killed_process_loses_no_reservation_and_doubles_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits");
    for round in 1..=4 {
        let mut child = child("be-killed", &path).spawn().unwrap();
        assert_eq!(await_line(&mut child), "under way\n");
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        // What was under way counts as reserved; in flight is nothing any more.
        let limiter = limiter(&path);
        assert_eq!(left(&limiter), MOST - round * 127, "round {round}");
        let _both = (reserve(&limiter, "a", 0).unwrap(), reserve(&limiter, "a", 0).unwrap());
        assert!(reserve(&limiter, "a", 0).is_none(), "two at once");
    }
}

/// Counters of many keys, more than the file can take; all are granted, and the limit holds.
fn fill_the_disk(path: &Path) {
    let limiter = limiter(path);
    for key in 0..3000 {
        let reservation = reserve(&limiter, &format!("key {key}"), 10).expect("a full disk");
        reservation.settle(&used(1));
    }
    assert_eq!(left(&limiter), MOST - 3000);
    println!("granted");
}

fn a_full_disk_refuses_nobody_and_forgives_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits");
    drop(limiter(&path));
    on_a_full_disk("fill-the-disk", &path, "granted\n");
    // It is still one, and what is in it still counts.
    assert!(left(&limiter(&path)) < MOST);
}

/// On a disk that has no room for more than is in the file.
fn on_a_full_disk(word: &str, path: &Path, says: &str) {
    let blocks = std::fs::metadata(path).unwrap().len() / 512;
    let program = child(word, path);
    // A file that may not grow is as good as a full disk: the write fails.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(program.get_program()).args(program.get_args());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(await_line(&mut child), says);
    assert!(child.wait().unwrap().success());
    let whole = std::fs::metadata(path).unwrap().len();
    // Some shells count blocks of 1024 bytes.
    assert!(whole <= blocks * 1024, "the file was full");
}

fn answers(path: &Path) -> ResponseStore {
    ResponseStore::open(StoreLimits::default(), path).unwrap()
}

fn keep(answers: &ResponseStore, id: &str, bytes: usize) {
    let kept = Kept { input: String::new(), response: "x".repeat(bytes) };
    answers.put(CallerId::default(), id.to_owned(), kept);
}

/// One answer that finds no room, and one that is to go.
fn delete(path: &Path) {
    let answers = answers(path);
    keep(&answers, "large", 20_000_000);
    assert!(answers.delete(CallerId::default(), "goes"));
    drop(answers);
    println!("deleted");
}

fn a_deleted_answer_stays_deleted_though_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers");
    let before = answers(&path);
    for id in ["goes", "stays"] {
        keep(&before, id, 1);
    }
    drop(before);
    on_a_full_disk("delete", &path, "deleted\n");
    let after = answers(&path);
    let is_there = |id| after.get(CallerId::default(), id).is_some();
    assert!(is_there("stays") && !is_there("goes") && !is_there("large"));
}
