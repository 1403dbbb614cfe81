//! What a request becomes for a model, easy to look into.

use std::borrow::Cow;

use outcrop_dialect::cache::CachePoints;
use outcrop_dialect::carry::Destination;
use outcrop_dialect::plan::Peeked;
use outcrop_model::{Carrier, Catalog, Fault, Fidelity, Ledger};
use serde_json::{Map, Value};

pub const SONNET_4_5: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
pub const SONNET_3_7: &str = "us.anthropic.claude-3-7-sonnet-20250219-v1:0";
pub const HAIKU_3: &str = "anthropic.claude-3-haiku-20240307-v1:0";
pub const OPUS_4_5: &str = "us.anthropic.claude-opus-4-5-20251101-v1:0";
pub const SONNET_4_6: &str = "us.anthropic.claude-sonnet-4-6";
pub const OPUS_4_8: &str = "us.anthropic.claude-opus-4-8";
pub const OPUS_5_5: &str = "us.anthropic.claude-opus-5-5";
pub const NOVA: &str = "amazon.nova-lite-v1:0";
pub const NOVA_2: &str = "us.amazon.nova-2-lite-v1:0";
pub const LLAMA: &str = "us.meta.llama3-3-70b-instruct-v1:0";
pub const MISTRAL_7B: &str = "mistral.mistral-7b-instruct-v0:2";
pub const GPT_OSS: &str = "openai.gpt-oss-120b-1:0";
pub const GPT: &str = "us.openai.gpt-5.6-sol";
pub const GROK: &str = "us.xai.grok-4.6";
pub const KIMI_K3: &str = "us.moonshotai.kimi-k3";
pub const DEEPSEEK_R1: &str = "us.deepseek.r1-v1:0";
pub const DEEPSEEK_V3: &str = "deepseek.v3-v1:0";
pub const UNKNOWN: &str = "newvendor.model-1";

/// What left for Bedrock.
pub struct Sent {
    pub body: Value,
    pub headers: Vec<(&'static str, String)>,
    /// `dropped|approximated PATH (WHY); …`
    pub losses: String,
}

impl Sent {
    pub fn at(&self, pointer: &str) -> Value {
        self.body.pointer(pointer).cloned().unwrap_or(Value::Null)
    }

    pub fn has(&self, pointer: &str) -> bool {
        self.body.pointer(pointer).is_some()
    }
}

/// A chat of OpenAI's dialect with `members` beside its one message, for `model`.
pub fn openai(model: &str, members: Value) -> Sent {
    try_openai(model, members).unwrap()
}

pub fn try_openai(model: &str, members: Value) -> Result<Sent, Fault> {
    let body = body(model, members, &[]);
    send(to(model), Peeked::openai(&body)?)
}

/// The same where the operator wants cache points.
pub fn cached(model: &str, members: Value, points: CachePoints) -> Sent {
    let body = body(model, members, &[]);
    send(to(model).caching(Some(points)), Peeked::openai(&body).unwrap()).unwrap()
}

/// The same of Anthropic's; `max_tokens` is 9000 unless said otherwise.
pub fn anthropic(model: &str, members: Value) -> Sent {
    try_anthropic(model, members).unwrap()
}

pub fn try_anthropic(model: &str, members: Value) -> Result<Sent, Fault> {
    with_betas(model, &[], members)
}

/// A chat of OpenAI's dialect for a model, by the carrier that the plan chooses.
pub fn relayed(model: &str, members: Value) -> Sent {
    let body = body(model, members, &[]);
    planned(to(model), Peeked::openai(&body).unwrap()).unwrap()
}

/// A chat of OpenAI's dialect for a model that is asked over Converse, whatever else it speaks.
pub fn over_converse(model: &str, members: Value) -> Sent {
    let body = body(model, members, &[]);
    let pinned = to(model).pinned(Some(Carrier::Converse));
    send(pinned, Peeked::openai(&body).unwrap()).unwrap()
}

pub fn with_betas(model: &str, betas: &[&str], members: Value) -> Result<Sent, Fault> {
    let body = body(model, members, &[("max_tokens", 9000.into())]);
    let betas = betas.iter().map(|beta| Cow::Borrowed(*beta)).collect();
    send(to(model), Peeked::anthropic(&body, betas)?)
}

fn body(model: &str, members: Value, usual: &[(&str, Value)]) -> Vec<u8> {
    let Value::Object(members) = members else { panic!("members of a body are an object") };
    let mut all = Map::new();
    all.insert("model".to_owned(), model.into());
    all.insert("messages".to_owned(), serde_json::json!([{"role": "user", "content": "Hi"}]));
    all.extend(usual.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    all.extend(members);
    serde_json::to_vec(&all).unwrap()
}

fn to(model: &str) -> Destination<'_> {
    Destination::of(Catalog::built_in(), model)
}

fn send(to: Destination<'_>, peeked: Peeked<'_>) -> Result<Sent, Fault> {
    // The rules are of Bedrock's own dialects, also where the client's own would be relayed.
    let first = to.card.carriers[0].carrier;
    planned(to.pinned(to.pin.or(Some(first))), peeked)
}

fn planned(to: Destination<'_>, peeked: Peeked<'_>) -> Result<Sent, Fault> {
    let mut ledger = Ledger::default();
    let outgoing = peeked.plan(to, &mut ledger)?;
    ledger.verdict(Fidelity::Lenient)?;
    Ok(Sent {
        body: serde_json::from_slice(&outgoing.body).unwrap(),
        headers: outgoing.headers,
        losses: ledger.header().unwrap_or_default(),
    })
}
