//! Streamed answers of 2,000 events, from frames to the caller's bytes; items are events.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark may stop at the first surprise"
)]

use benches::streams;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use outcrop_aws::Decoder;
use outcrop_aws::eventstream::encode_exception;
use outcrop_dialect::answer::{AnswerStream, Label, Step};
use outcrop_dialect::names::ToolNames;
use outcrop_dialect::plan::Way;
use outcrop_model::{Carrier, Dialect, FrameKind};

const FRAMES: usize = 2000;

fn main() {
    divan::main();
}

/// Sends `frames` through a stream one by one, each as a chunk of its own, as they come off the wire.
fn bench(bencher: Bencher<'_, '_>, frames: &[Vec<u8>], way: &Way) {
    let label = Label { id: "0123456789abcdef".into(), created: 1_700_000_000, model: "m".into() };
    let encode = |kind: FrameKind<'_>, json: &[u8], out: &mut Vec<u8>| match kind {
        FrameKind::Exception(name) => encode_exception(name, json, out).unwrap(),
        other => panic!("{other:?}"),
    };
    bencher.counter(ItemsCount::new(frames.len())).bench(|| {
        let mut decoder = Decoder::default();
        let mut answer = AnswerStream::new(way.clone(), &label, encode);
        let (mut out, mut written) = (Vec::new(), 0);
        for frame in black_box(frames) {
            decoder.push(frame);
            while let Some(frame) = decoder.next().unwrap() {
                if let Step::Fault(fault) = answer.frame(&frame, &mut out) {
                    panic!("{fault:?}");
                }
            }
            written += black_box(&out).len();
            out.clear();
        }
        written
    });
}

fn translate(from: Dialect, to: Dialect) -> Way {
    Way::Translate { from, to, names: ToolNames::default(), structured: None, include_usage: true }
}

#[divan::bench]
fn relay_claude_as_sse(bencher: Bencher<'_, '_>) {
    bench(bencher, &streams::invoke(FRAMES).unwrap(), &Way::RelayAnthropic);
}

#[divan::bench]
fn relay_converse(bencher: Bencher<'_, '_>) {
    bench(bencher, &streams::converse(FRAMES).unwrap(), &Way::RelayBedrock(Carrier::Converse));
}

#[divan::bench]
fn relay_invoke(bencher: Bencher<'_, '_>) {
    bench(bencher, &streams::invoke(FRAMES).unwrap(), &Way::RelayBedrock(Carrier::Invoke));
}

#[divan::bench]
fn converse_to_openai(bencher: Bencher<'_, '_>) {
    let way = translate(Dialect::Converse, Dialect::OpenAiChat);
    bench(bencher, &streams::converse(FRAMES).unwrap(), &way);
}

#[divan::bench]
fn converse_to_anthropic(bencher: Bencher<'_, '_>) {
    let way = translate(Dialect::Converse, Dialect::Anthropic);
    bench(bencher, &streams::converse(FRAMES).unwrap(), &way);
}

#[divan::bench]
fn claude_to_openai(bencher: Bencher<'_, '_>) {
    let way = translate(Dialect::Anthropic, Dialect::OpenAiChat);
    bench(bencher, &streams::invoke(FRAMES).unwrap(), &way);
}
