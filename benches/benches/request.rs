//! Requests: what it costs to relay a body, and to translate one, from bytes to bytes.

#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use benches::models::{CLAUDE, NOVA};
use benches::requests;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use outcrop_dialect::carry::Destination;
use outcrop_dialect::fit::{Target, fit};
use outcrop_dialect::plan::{Outgoing, Peeked};
use outcrop_dialect::{anthropic, converse, openai};
use outcrop_model::{Catalog, Dialect, Ledger};

fn main() {
    divan::main();
}

fn plan(peeked: Peeked<'_>) -> Outgoing {
    let model = peeked.model.to_string();
    let to = Destination::of(Catalog::built_in(), &model);
    peeked.plan(to, &mut Ledger::default()).unwrap()
}

/// Peek, check, splice: Anthropic Messages over InvokeModel.
#[divan::bench]
fn anthropic_300kb_relay(bencher: Bencher<'_, '_>) {
    let body = requests::anthropic_agent(CLAUDE, 300_000);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| plan(Peeked::anthropic(black_box(&body), Vec::new()).unwrap()));
}

/// The whole way from Anthropic Messages to Converse.
#[divan::bench]
fn anthropic_300kb_to_converse(bencher: Bencher<'_, '_>) {
    let body = requests::anthropic_agent(NOVA, 300_000);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| plan(Peeked::anthropic(black_box(&body), Vec::new()).unwrap()));
}

#[divan::bench]
fn anthropic_300kb_to_converse_1_decode(bencher: Bencher<'_, '_>) {
    let body = requests::anthropic_agent(NOVA, 300_000);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| anthropic::decode(black_box(&body), &[]).unwrap());
}

#[divan::bench]
fn anthropic_300kb_to_converse_2_fit(bencher: Bencher<'_, '_>) {
    let body = requests::anthropic_agent(NOVA, 300_000);
    let card = Catalog::built_in().card(NOVA);
    bencher
        .counter(BytesCount::of_slice(&body))
        .with_inputs(|| anthropic::decode(&body, &[]).unwrap())
        .bench_refs(|request| {
            let target = Target { card, dialect: Dialect::Converse };
            fit(request, target, &mut Ledger::default()).unwrap()
        });
}

#[divan::bench]
fn anthropic_300kb_to_converse_3_encode(bencher: Bencher<'_, '_>) {
    let body = requests::anthropic_agent(NOVA, 300_000);
    let card = Catalog::built_in().card(NOVA);
    let mut request = anthropic::decode(&body, &[]).unwrap();
    fit(&mut request, Target { card, dialect: Dialect::Converse }, &mut Ledger::default()).unwrap();
    bencher.counter(BytesCount::of_slice(&body)).bench(|| {
        let mut out = Vec::with_capacity(4096);
        converse::encode(black_box(&request), card, &mut out, &mut Ledger::default());
        out
    });
}

/// OpenAI chat to Anthropic over InvokeModel (Claude) and to Converse (Nova).
#[divan::bench(args = [CLAUDE, NOVA])]
fn openai_40kb_translate(bencher: Bencher<'_, '_>, model: &str) {
    let body = requests::openai_agent(model, 40_000);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| plan(Peeked::openai(black_box(&body)).unwrap()));
}

#[divan::bench]
fn openai_40kb_decode(bencher: Bencher<'_, '_>) {
    let body = requests::openai_agent(CLAUDE, 40_000);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| openai::decode(black_box(&body)).unwrap());
}

#[divan::bench(args = [CLAUDE, NOVA])]
fn openai_1mb_image_translate(bencher: Bencher<'_, '_>, model: &str) {
    let body = requests::openai_image(model);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| plan(Peeked::openai(black_box(&body)).unwrap()));
}

#[divan::bench(args = [CLAUDE, NOVA])]
fn openai_small_translate(bencher: Bencher<'_, '_>, model: &str) {
    let body = requests::openai_small(model, false);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| plan(Peeked::openai(black_box(&body)).unwrap()));
}
