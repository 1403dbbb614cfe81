//! Limits: what it costs to ask them, and to settle; beside a gateway without any.

#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::sync::Arc;
use std::time::Duration;

use benches::models::{CLAUDE, NOVA};
use benches::requests;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use http::HeaderMap;
use outcrop_config::{Limit, Measure, Origin, Per, Selector, Window};
use outcrop_core::limit::{Expected, Facts, Limiter, Rules, Spent};
use outcrop_dialect::plan::Peeked;
use outcrop_model::{Carrier, Usage};

fn main() {
    divan::main();
}

const USAGE: Usage = Usage {
    input: 1000,
    cache_read: 0,
    cache_write_5m: 0,
    cache_write_1h: 0,
    output: 500,
    reasoning: None,
};

fn limits(count: usize, measure: &Measure, per: &[Per]) -> Limiter {
    let limit = |number| Limit {
        name: format!("limit-{number}"),
        selector: Selector { per: per.to_vec(), ..Selector::default() },
        measure: measure.clone(),
        amount: u128::MAX,
        window: Window::Rolling(Duration::from_secs(60)),
        origin: Origin::default(),
    };
    let rules = Rules::compile(&(0..count).map(limit).collect::<Vec<_>>()).unwrap();
    Limiter::new(Arc::new(rules), Arc::default())
}

/// A request of `key`, from its reservation to its settlement.
fn reserve_and_settle(limiter: &Limiter, runtime: &tokio::runtime::Runtime, key: &str) {
    let headers = HeaderMap::new();
    let facts = Facts {
        key: Some(key),
        tags: &[],
        route: "all",
        backend: "east",
        models: [NOVA; 3],
        headers: &headers,
        peer: None,
    };
    let expected = || Expected { usage: USAGE, cost: None };
    let reserved = runtime.block_on(limiter.reserve(black_box(&facts), expected)).unwrap();
    if let Some(reservation) = reserved {
        reservation.settle(&Spent::Told { usage: USAGE, cost: None });
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// None is a gateway without limits.
#[divan::bench(args = [0, 1, 10])]
fn limits_of_tokens(bencher: Bencher<'_, '_>, count: usize) {
    let (limiter, runtime) = (limits(count, &Measure::TotalTokens, &[]), runtime());
    bencher.bench(|| reserve_and_settle(&limiter, &runtime, "key"));
}

/// One counter for each of so many keys.
#[divan::bench(args = [1, 100_000])]
fn a_limit_for_each_key(bencher: Bencher<'_, '_>, keys: usize) {
    let (limiter, runtime) = (limits(1, &Measure::Requests, &[Per::Key]), runtime());
    let names: Vec<String> = (0..keys).map(|number| format!("key-{number}")).collect();
    for name in &names {
        reserve_and_settle(&limiter, &runtime, name);
    }
    let mut turn = names.iter().cycle();
    bencher.bench_local(|| reserve_and_settle(&limiter, &runtime, turn.next().unwrap()));
}

#[divan::bench]
fn a_limit_in_cel(bencher: Bencher<'_, '_>) {
    let measure = Measure::Cel("input_tokens + output_tokens * 3u".to_owned());
    let (limiter, runtime) = (limits(1, &measure, &[]), runtime());
    bencher.bench(|| reserve_and_settle(&limiter, &runtime, "key"));
}

/// What a limit of tokens adds to a large request: only where there is one.
#[divan::bench]
fn estimate_of_anthropic_300kb(bencher: Bencher<'_, '_>) {
    let body = requests::anthropic_agent(CLAUDE, 300_000);
    let peeked = Peeked::anthropic(&body, Vec::new()).unwrap();
    bencher.counter(BytesCount::of_slice(&body)).bench(|| black_box(&peeked).estimate());
}

#[divan::bench]
fn estimate_of_bedrocks_own_300kb(bencher: Bencher<'_, '_>) {
    let body = bytes::Bytes::from(requests::anthropic_agent(CLAUDE, 300_000));
    let peeked = Peeked::bedrock(CLAUDE.into(), body.clone(), Carrier::Invoke, false);
    bencher.counter(BytesCount::of_slice(&body)).bench(|| black_box(&peeked).estimate());
}
