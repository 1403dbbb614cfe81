//! Anthropic's token count by way of Bedrock's CountTokens.
//!
//! 1. What is counted is what would be sent: the request takes the ordinary [plan](crate::plan), and
//!    the planned body becomes CountTokens' input, invoke-shaped or converse-shaped by its carrier.
//! 2. A count needs no `max_tokens`; the plan does, so [`complete`] sets one above the thinking budget.
//!
//! Source: CountTokens in the Bedrock service model (botocore 1.44.5); the gateway notes of Claude Code
//! on counting (no `model`, `max_tokens` above the budget, no empty tools). Checked 2026-11-21.

pub mod estimate;

use std::borrow::Cow;

use outcrop_model::json::{Members, parse_body, parse_raw};
use outcrop_model::{Carrier, Catalog, Dialect, ErrorClass, Fault, Ledger, Phase};
use serde_json::value::RawValue;

use super::envelope::{self, Envelope};
use crate::carry::{Chosen, Destination};
use crate::plan::{Outgoing, Way};
use crate::relay::{self, Toward};
use crate::write::JsonWriter;

/// Tokens left for an answer that is never given: every model takes as many.
const ANSWER: u64 = 1024;
/// The members of a Converse body that CountTokens takes.
const COUNTED: [&str; 4] = ["messages", "system", "toolConfig", "additionalModelRequestFields"];

/// A count's body as a Messages body that can be planned: `max_tokens` is there and above the thinking
/// budget, an empty `tools` and `stream` are gone. All else keeps its bytes.
///
/// # Errors
/// When the body is not a JSON object, or `thinking` is not one.
pub fn complete(body: &[u8]) -> Result<Vec<u8>, Fault> {
    let members: Members<'_> = parse_body(body)?;
    let least = ANSWER + budget(&members)?;
    let enough = members.get("max_tokens").is_some_and(|raw| !is_below(raw, least));
    let mut out = Vec::with_capacity(body.len() + 24);
    let mut w = JsonWriter::new(&mut out);
    w.open_object();
    for (key, value) in &members.0 {
        let gone = match &**key {
            "max_tokens" => !enough,
            "tools" => is_nothing(value),
            "stream" => true,
            _ => false,
        };
        if !gone {
            w.key_escaped(key);
            w.raw(value);
        }
    }
    if !enough {
        w.member_u64("max_tokens", least);
    }
    w.close_object();
    Ok(out)
}

/// The body of CountTokens for a planned request; `None` if its carrier has no count.
///
/// # Errors
/// Never for a body that a plan wrote; a fault all the same rather than a wrong count.
pub fn input(outgoing: &Outgoing) -> Result<Option<Vec<u8>>, Fault> {
    let mut out = Vec::with_capacity(outgoing.body.len() * 4 / 3 + 64);
    let mut w = JsonWriter::new(&mut out);
    w.open_object();
    w.key("input");
    w.open_object();
    match outgoing.carrier {
        Carrier::Invoke => {
            w.key("invokeModel");
            w.open_object();
            w.key("body");
            w.base64(&outgoing.body);
        }
        Carrier::Converse => {
            let members: Members<'_> = parse_body(&outgoing.body)?;
            w.key("converse");
            w.open_object();
            for (key, value) in members.0.iter().filter(|(key, _)| COUNTED.contains(&&**key)) {
                w.key_escaped(key);
                w.raw(value);
            }
        }
        Carrier::CountTokens | Carrier::OpenAi | Carrier::Anthropic | Carrier::Mantle => {
            return Ok(None);
        }
    }
    for _ in 0..3 {
        w.close_object();
    }
    Ok(Some(out))
}

/// The count that `bedrock-mantle` itself offers, where the request is to go there; `None` elsewhere.
///
/// # Errors
/// When the body cannot be read.
pub fn direct(
    body: &[u8],
    betas: Vec<Cow<'_, str>>,
    to: Destination<'_>,
    ledger: &mut Ledger,
) -> Result<Option<Outgoing>, Fault> {
    if to.pin != Some(Carrier::Mantle) {
        return Ok(None);
    }
    let Chosen { lane, dialect, model } = to.choose(Dialect::Anthropic)?;
    if dialect != Dialect::Anthropic {
        return Ok(None);
    }
    let mut members: Members<'_> = parse_body(body)?;
    members.0.retain(|(key, _)| !matches!(&**key, "stream" | "max_tokens"));
    let toward = Toward { card: to.card, lane };
    let envelope = Envelope::Direct { model };
    let (body, betas) = relay::uncounted_messages(&members, &betas, envelope, toward, ledger)?;
    Ok(Some(Outgoing {
        carrier: lane.carrier,
        path: Some(envelope::COUNT_PATH.to_owned()),
        stream: false,
        headers: envelope::direct_headers(to.card, &betas),
        body: body.into(),
        way: Way::RelayAnthropic,
    }))
}

/// The id under which CountTokens knows `model`: the foundation model behind a profile. What only AWS
/// can resolve stays as it is.
pub fn target<'m>(catalog: &Catalog, model: &'m str) -> &'m str {
    let is_plain = |arn: &str| {
        [":foundation-model/", ":inference-profile/"].iter().any(|kind| arn.contains(kind))
    };
    match model.starts_with("arn:") && !is_plain(model) {
        true => model,
        false => catalog.foundation_id(model),
    }
}

/// Reads Bedrock's answer.
///
/// # Errors
/// [`ErrorClass::Garbled`] when it holds no count.
pub fn read(body: &[u8]) -> Result<u64, Fault> {
    number(body, "inputTokens")
}

/// Reads the answer to a [`direct`] count.
///
/// # Errors
/// [`ErrorClass::Garbled`] when it holds no count.
pub fn read_direct(body: &[u8]) -> Result<u64, Fault> {
    number(body, "input_tokens")
}

fn number(body: &[u8], member: &str) -> Result<u64, Fault> {
    let members: Members<'_> = serde_json::from_slice(body).unwrap_or_default();
    let count = members.get(member).and_then(|raw| raw.get().parse().ok());
    count.ok_or_else(|| {
        let what = "Bedrock's answer holds no token count.";
        Fault::new(ErrorClass::Garbled, Phase::BeforeCommit, what)
            .with_detail(String::from_utf8_lossy(&body[..body.len().min(200)]))
    })
}

/// Writes the answer to the client.
pub fn answer(tokens: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut w = JsonWriter::new(&mut out);
    w.open_object();
    w.member_u64("input_tokens", tokens);
    w.close_object();
    out
}

/// Whether Bedrock's refusal is of the count, not of the request: the operation or the model is not
/// open to counting. `asked` is the caller's id, `target` the one that was sent.
pub fn is_refusal_to_count(fault: &Fault, asked: &str, target: &str) -> bool {
    match fault.class {
        ErrorClass::Unsupported
        | ErrorClass::ProfileNeeded
        | ErrorClass::WrongEndpoint
        | ErrorClass::AccessDenied => true,
        // Of an id that the caller wrote in full, Bedrock's word counts. The foundation model behind a
        // profile, and an ARN, may be unknown to CountTokens and serve chats all the same.
        ErrorClass::UnknownModel => asked != target || asked.starts_with("arn:"),
        _all_others_concern_the_request => false,
    }
}

fn budget(members: &Members<'_>) -> Result<u64, Fault> {
    let Some(raw) = members.get("thinking").filter(|raw| raw.get() != "null") else { return Ok(0) };
    let thinking: Members<'_> = parse_raw(raw, "thinking")?;
    // A budget of another type is the plan's to refuse.
    Ok(thinking.get("budget_tokens").and_then(|raw| raw.get().parse().ok()).unwrap_or(0))
}

/// A value that is no count at all is not below: the plan refuses it by name.
fn is_below(raw: &RawValue, least: u64) -> bool {
    raw.get() == "null" || raw.get().parse::<u64>().is_ok_and(|tokens| tokens < least)
}

fn is_nothing(raw: &RawValue) -> bool {
    let list: Option<Cow<'_, str>> = raw.get().strip_prefix('[').map(Cow::Borrowed);
    raw.get() == "null" || list.is_some_and(|rest| rest.trim_ascii() == "]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_model::Ledger;
    use serde_json::{Value, json};

    use crate::carry::Destination;
    use crate::plan::Peeked;

    fn completed(body: Value) -> Value {
        serde_json::from_slice(&complete(body.to_string().as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn the_limit_stands_above_the_budget() {
        let ask = |more: Value| {
            let mut body = json!({"model": "m", "messages": []});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            completed(body)["max_tokens"].clone()
        };
        assert_eq!(ask(json!({})), 1024);
        assert_eq!(ask(json!({"max_tokens": null})), 1024);
        assert_eq!(ask(json!({"max_tokens": 5})), 1024);
        assert_eq!(ask(json!({"max_tokens": 5000})), 5000);
        assert_eq!(ask(json!({"thinking": {"type": "enabled", "budget_tokens": 9000}})), 10024);
        assert_eq!(ask(json!({"max_tokens": "many"})), "many");
    }

    #[test]
    fn empty_tools_and_the_stream_are_left_out() {
        let body = completed(json!({"model": "m", "tools": [], "stream": true, "future": [1.50]}));
        assert_eq!(body, json!({"model": "m", "future": [1.50], "max_tokens": 1024}));
        assert!(completed(json!({"tools": [1]}))["tools"].is_array());
    }

    fn input_for(model: &str) -> Value {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}],
            "system": "s", "temperature": 0.5});
        let body = complete(body.to_string().as_bytes()).unwrap();
        let to = Destination::of(Catalog::built_in(), model);
        let peeked = Peeked::anthropic(&body, Vec::new()).unwrap();
        let outgoing = peeked.plan(to, &mut Ledger::default()).unwrap();
        serde_json::from_slice(&input(&outgoing).unwrap().unwrap()).unwrap()
    }

    #[test]
    fn the_input_has_the_models_own_shape() {
        let native = input_for("us.anthropic.claude-sonnet-4-5-20250929-v1:0");
        assert!(native["input"]["invokeModel"]["body"].is_string(), "{native}");
        let converse = input_for("amazon.nova-lite-v1:0")["input"]["converse"].clone();
        let keys: Vec<&String> = converse.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["messages", "system"], "{converse}");
    }

    #[test]
    fn profiles_are_counted_as_their_foundation_model() {
        let catalog = Catalog::built_in();
        let base = "anthropic.claude-sonnet-4-5-20250929-v1:0";
        let arn = format!("arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{base}");
        assert_eq!(target(catalog, &format!("us.{base}")), base);
        assert_eq!(target(catalog, &arn), base);
        let opaque =
            "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/ab12cd34ef56";
        assert_eq!(target(catalog, opaque), opaque);
    }

    #[test]
    fn an_answer_without_a_count_is_no_answer() {
        assert_eq!(read(br#"{"inputTokens":12,"future":1}"#), Ok(12));
        for body in ["", "{}", "[]", r#"{"inputTokens":"x"}"#] {
            assert_eq!(read(body.as_bytes()).unwrap_err().class, ErrorClass::Garbled, "{body}");
        }
    }

    #[test]
    fn only_refusals_of_the_count_itself_lead_to_an_estimate() {
        let refused = |class, asked: &str, target: &str| {
            let fault = Fault::new(class, Phase::AwaitingHead, "no");
            is_refusal_to_count(&fault, asked, target)
        };
        assert!(refused(ErrorClass::Unsupported, "m", "m"));
        assert!(refused(ErrorClass::UnknownModel, "us.m", "m"));
        assert!(!refused(ErrorClass::UnknownModel, "m", "m"));
        for class in [ErrorClass::InvalidRequest, ErrorClass::Throttled, ErrorClass::BadCredentials]
        {
            assert!(!refused(class, "us.m", "m"), "{class:?}");
        }
    }
}
