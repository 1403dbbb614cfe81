//! Requests of every client dialect: planned for several models, or refused with reasons.

use std::borrow::Cow;
use std::sync::Arc;

use outcrop_dialect::anthropic::count;
use outcrop_dialect::carry::Destination;
use outcrop_dialect::kong as kong_route;
use outcrop_dialect::plan::{Outgoing, Peeked, Way};
use outcrop_dialect::render::render;
use outcrop_dialect::responses::{Body, Kept, Recalled};
use outcrop_emulator::constraints::{self, ViolationKind};
use outcrop_model::json::Members;
use outcrop_model::ledger::LossKind;
use outcrop_model::{Carrier, Catalog, Dialect, Fault, Fidelity, Ledger};
use serde_json::Value;
use serde_json::value::RawValue;

/// One of each kind: Anthropic's dialect, much of Converse, little of it, and nobody knows.
const MODELS: [&str; 4] = [
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.amazon.nova-2-lite-v1:0",
    "us.meta.llama3-3-70b-instruct-v1:0",
    "newvendor.model-1",
];
const BETAS: [&str; 2] = ["context-1m-2025-08-07", "unheard-of-2025-01-01"];
/// What a relay takes out of Anthropic's body or writes anew.
const ENVELOPE: [&str; 5] =
    ["model", "stream", "anthropic_version", "anthropic_beta", "service_tier"];

pub fn chat(body: &[u8]) {
    check(body, Dialect::OpenAiChat, || Peeked::openai(body));
    check(body, Dialect::OpenAiText, || Peeked::completion(body));
}

pub fn responses(body: &[u8]) {
    let recalled = recalled();
    check(body, Dialect::Responses, || Peeked::responses(Body::read(body)?, &recalled, body.len()));
    if let Ok(read) = Body::read(body) {
        assert!(read.wanted().is_sorted(), "each kept answer is asked for once");
    }
}

pub fn messages(body: &[u8]) {
    let betas = || BETAS.into_iter().map(Cow::Borrowed).collect();
    check(body, Dialect::Anthropic, || Peeked::anthropic(body, betas()));
    if let Ok(complete) = count::complete(body) {
        assert_json(&complete);
        check(&complete, Dialect::Anthropic, || Peeked::anthropic(&complete, betas()));
        for (model, outgoing) in planned(|| Peeked::anthropic(&complete, betas())) {
            let input = count::input(&outgoing).expect("what was planned can be counted");
            constrained("CountTokens", model, &input.expect("both carriers have a count"));
        }
    }
}

pub fn kong(body: &[u8]) {
    match kong_route::prepare(body) {
        Ok(prepared) => check(body, Dialect::KongChat, || prepared.peek(Vec::new())),
        Err(fault) => refused(&fault, Dialect::KongChat),
    }
}

/// An answer that a request can go on from.
fn recalled() -> Recalled {
    let input = r#"[{"role":"user","content":"Hi"}]"#.to_owned();
    let response = r#"{"output":[{"type":"message","id":"msg_1_0","role":"assistant","content":[{"type":"output_text","text":"Hello"}]}]}"#.to_owned();
    Recalled(vec![("resp_1".to_owned(), Arc::new(Kept { input, response }))])
}

fn check<'b>(body: &[u8], dialect: Dialect, peek: impl Fn() -> Result<Peeked<'b>, Fault>) {
    for model in MODELS {
        let plan = || {
            let mut ledger = Ledger::default();
            let to = Destination::of(Catalog::built_in(), model);
            let outgoing = peek().and_then(|peeked| peeked.plan(to, &mut ledger));
            let outgoing = outgoing.and_then(|out| ledger.verdict(Fidelity::Report).map(|()| out));
            (outgoing, ledger)
        };
        let (outgoing, ledger) = plan();
        for loss in ledger.losses() {
            assert!(!loss.path.is_empty() && !loss.why.is_empty(), "{loss:?}");
        }
        match outgoing {
            Ok(outgoing) => {
                sent(model, &outgoing);
                // The Kong skill's body has been edited before: short names, a limit.
                if outgoing.way == Way::RelayAnthropic && dialect == Dialect::Anthropic {
                    relayed(body, &outgoing.body, &ledger);
                }
                let (again, same) = plan();
                assert_eq!(again.expect("a plan is a plan").body, outgoing.body);
                assert_eq!(same, ledger);
            }
            Err(fault) => refused(&fault, dialect),
        }
    }
}

fn planned<'b>(
    peek: impl Fn() -> Result<Peeked<'b>, Fault>,
) -> impl Iterator<Item = (&'static str, Outgoing)> {
    MODELS.into_iter().filter_map(move |model| {
        let mut ledger = Ledger::default();
        let to = Destination::of(Catalog::built_in(), model);
        let outgoing = peek().ok()?.plan(to, &mut ledger).ok()?;
        ledger.verdict(Fidelity::Lenient).ok()?;
        Some((model, outgoing))
    })
}

/// A refusal can be told to the caller, and the caller can do something about it.
fn refused(fault: &Fault, dialect: Dialect) {
    assert!(!fault.message.is_empty());
    let told = render(fault, dialect, "req-1");
    assert_eq!(told.status / 100, 4, "{fault:?}");
    assert_json(&told.body);
}

fn sent(model: &str, outgoing: &Outgoing) {
    assert_json(&outgoing.body);
    for (name, value) in &outgoing.headers {
        // What cannot be a header would be found out only at the moment of sending.
        assert!(http::HeaderValue::from_str(value).is_ok(), "{name}: {value:?}");
    }
    match (&outgoing.way, outgoing.carrier) {
        (Way::RelayAnthropic, _) => {}
        (_, Carrier::Converse) => {
            constrained("Converse", model, &outgoing.body);
            well_formed(&outgoing.body);
        }
        (
            _,
            Carrier::Invoke
            | Carrier::CountTokens
            | Carrier::OpenAi
            | Carrier::Anthropic
            | Carrier::Mantle,
        ) => well_formed(&outgoing.body),
    }
}

/// AWS can read it. Values out of range are the caller's own, and AWS's to refuse.
fn constrained(operation: &str, model: &str, body: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return };
    let found = constraints::check(operation, &[("modelId", model)], &value);
    let unreadable = found.iter().find(|v| v.kind == ViolationKind::Serialization);
    assert!(unreadable.is_none(), "{unreadable:?} in {value}");
}

/// Outside of the envelope, members keep their bytes and order; one that does not is in the ledger.
fn relayed(body: &[u8], sent: &[u8], ledger: &Ledger) {
    // What is said in another way may be said in another member.
    if ledger.losses().iter().any(|loss| loss.kind == LossKind::Approximated) {
        return;
    }
    let before: Members<'_> = serde_json::from_slice(body).expect("it was relayed");
    let after: Members<'_> = serde_json::from_slice(sent).expect("it is relayed");
    let told = |key: &str| ledger.losses().iter().any(|loss| loss.path.starts_with(key));
    let mut after = after.0.iter().filter(|(key, _)| !ENVELOPE.contains(&&**key)).peekable();
    for (key, raw) in before.0.iter().filter(|(key, _)| !ENVELOPE.contains(&&**key)) {
        match after.next_if(|(other, _)| other == key) {
            Some((_, same)) => assert!(same.get() == raw.get() || told(key), "{key} has changed"),
            // `null` is absence, and a temperature of 1 what happens anyway.
            None => {
                assert!(told(key) || raw.get() == "null" || key == "temperature", "{key} has gone")
            }
        }
    }
    assert!(after.next().is_none(), "nothing is added");
}

/// What Bedrock asks of every conversation, whatever the client sent.
fn well_formed(sent: &[u8]) {
    let Ok(sent) = serde_json::from_slice::<Value>(sent) else { return };
    let mut before = "";
    let messages = sent["messages"].as_array().expect("a list");
    assert!(!messages.is_empty(), "a conversation");
    for message in messages {
        let role = message["role"].as_str().expect("a role");
        assert!(!before.is_empty() || role == "user", "{role} begins");
        assert_ne!(role, before, "in {sent}");
        before = role;
        let blocks = message["content"].as_array().expect("a list");
        assert!(!blocks.is_empty(), "an empty turn in {sent}");
        let is_result = |b: &&Value| !b["toolResult"].is_null() || b["type"] == "tool_result";
        let is_mark = |b: &&Value| !b["cachePoint"].is_null();
        let results = blocks.iter().filter(is_result).count();
        let leading = blocks.iter().filter(|b| !is_mark(b)).take_while(is_result).count();
        assert!(role == "assistant" || results == leading, "results stand first in {sent}");
        for text in blocks.iter().filter_map(|b| b["text"].as_str()) {
            assert!(!text.trim().is_empty(), "blank text in {sent}");
        }
    }
}

/// Without a limit to nesting: what the caller nested is passed on.
fn assert_json(body: &[u8]) {
    let parsed = serde_json::from_slice::<&RawValue>(body);
    assert!(parsed.is_ok(), "{parsed:?}: {}", String::from_utf8_lossy(body));
}
