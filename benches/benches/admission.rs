//! Admission: what a key costs, among a hundred and among a hundred thousand.

#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::time::SystemTime;

use divan::{Bencher, black_box};
use http::Request;
use http::request::Parts;
use outcrop_config::{ClientKey, KeyProof, Origin, Scopes};
use outcrop_core::Admitter;
use outcrop_core::admit::{KeyTable, token_hash};

fn main() {
    divan::main();
}

fn admitter(keys: usize) -> Admitter {
    let key = |at: usize| ClientKey {
        name: at.to_string(),
        proof: KeyProof::TokenHash(token_hash(&format!("oc_{at}"))),
        scopes: Scopes::default(),
        expires: None,
        owner: None,
        tags: Vec::new(),
        origin: Origin::default(),
    };
    let keys: Vec<ClientKey> = (0..keys).map(key).collect();
    let (table, unusable) = KeyTable::of(&keys, &|_| Err(String::new()));
    assert!(unusable.is_empty());
    Admitter::of(table)
}

fn head(token: &str) -> Parts {
    let request = Request::post("/v1/messages").header("x-api-key", token);
    request.body(()).unwrap().into_parts().0
}

/// A token that is known.
#[divan::bench(args = [1, 100, 100_000])]
fn known(bencher: Bencher<'_, '_>, keys: usize) {
    let (admitter, head, runtime) = (admitter(keys), head("oc_0"), runtime());
    let now = SystemTime::now();
    bencher.bench_local(|| runtime.block_on(admitter.admit(black_box(&head), now)).unwrap());
}

/// A token that is not.
#[divan::bench(args = [1, 100, 100_000])]
fn unknown(bencher: Bencher<'_, '_>, keys: usize) {
    let (admitter, head, runtime) = (admitter(keys), head("oc_x"), runtime());
    let now = SystemTime::now();
    bencher.bench_local(|| runtime.block_on(admitter.admit(black_box(&head), now)).unwrap_err());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}
