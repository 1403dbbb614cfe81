//! Requests that become several calls: planned, answered and put together.

use outcrop_dialect::bundle::{Bundle, Specialty, plan};
use outcrop_dialect::render::render;
use outcrop_model::{Catalog, Dialect, Fault, Ledger};
use serde_json::value::RawValue;

use crate::answers::label;

/// The first line is the request, each other an answer of Bedrock to one of the calls.
pub fn run(input: &[u8]) {
    let mut lines = input.split(|byte| *byte == b'\n');
    let request = lines.next().unwrap_or_default();
    let answers: Vec<&[u8]> = lines.collect();
    for (specialty, dialect) in [
        (Specialty::Embeddings, Dialect::OpenAiEmbeddings),
        (Specialty::Rerank { version: 1 }, Dialect::CohereRerank),
        (Specialty::Rerank { version: 2 }, Dialect::CohereRerank),
        (Specialty::Images, Dialect::OpenAiImages),
    ] {
        let mut ledger = Ledger::default();
        let (mut asked, mut times) = (String::new(), 0);
        let note = |model: &str| {
            asked = model.to_owned();
            times += 1;
            model.to_owned()
        };
        match plan(specialty, request, Catalog::built_in(), note, &mut ledger) {
            Ok(bundle) => {
                assert_eq!((&asked, times), (&bundle.model, 1), "the model is told once");
                check(&bundle, request, &answers, &mut ledger);
            }
            Err(fault) => assert_eq!(render(&fault, dialect, "req-1").status / 100, 4, "{fault:?}"),
        }
        for loss in ledger.losses() {
            assert!(!loss.path.is_empty() && !loss.why.is_empty(), "{loss:?}");
        }
    }
}

fn check(bundle: &Bundle, request: &[u8], answers: &[&[u8]], ledger: &mut Ledger) {
    assert!(!bundle.calls.is_empty(), "nothing asked, nothing got");
    // No request is amplified without bound: an input of one byte is at most a call, a picture too.
    assert!(bundle.calls.len() <= request.len());
    for call in &bundle.calls {
        assert!(serde_json::from_slice::<&RawValue>(call).is_ok(), "a call is JSON");
    }
    if answers.is_empty() {
        return;
    }
    let read = |call| bundle.task.read(call, answers[call % answers.len()]);
    let pieces: Result<Vec<_>, Fault> = (0..bundle.calls.len()).map(read).collect();
    let Ok(pieces) = pieces else { return };
    for item in pieces.iter().flat_map(|piece| &piece.items) {
        assert!(serde_json::from_slice::<&RawValue>(item).is_ok(), "an item is JSON");
    }
    if let Ok(answer) = bundle.task.write(&pieces, &label(), ledger) {
        assert!(serde_json::from_slice::<&RawValue>(&answer).is_ok(), "an answer is JSON");
    }
}
