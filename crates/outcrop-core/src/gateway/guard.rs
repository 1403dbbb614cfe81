//! The route's guardrail, for every chat that goes its way.
//!
//! 1. It takes the place of whatever guardrail the caller names: a safeguard of the operator's is not the
//!    caller's to change.
//! 2. It judges all of a chat: what the caller sets to have a part judged alone is undone, and told as
//!    approximated. Marked blocks of Converse become plain ones; InvokeModel's setting for tags goes.
//! 3. A chat that goes over a carrier on which Bedrock applies none is refused, never sent without.
//!
//! Source: Converse's `guardrailConfig` (service model), the headers of InvokeModel, which OpenAI's API on
//! `bedrock-runtime` takes too (Bedrock user guide, checked 2026-11-26).

use bytes::Bytes;
use http::HeaderValue;
use outcrop_aws::Outbound;
use outcrop_config::{BodyEdit, Guardrail, Mode};
use outcrop_model::json::{Members, parse_body};
use outcrop_model::{Carrier, ErrorClass, Fault, Ledger, Phase};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::edit::edit_body;

const IDENTIFIER: &str = "x-amzn-bedrock-guardrailidentifier";
const VERSION: &str = "x-amzn-bedrock-guardrailversion";
const TRACE: &str = "x-amzn-bedrock-trace";
/// The member of a Converse body.
const CONFIG: &str = "guardrailConfig";

/// The member of an InvokeModel body that says which tags mark what is to be judged, and how streams are.
const TAGS: &str = "amazon-bedrock-guardrailConfig";
/// The block of a Converse body that is judged alone.
const MARKED: &str = "guardContent";
const ALL: &str = "the gateway's own guardrail judges all of the request";

/// Puts the guardrail into a request that is about to be sent.
///
/// # Errors
/// `Unsupported` where it cannot be applied.
pub(super) fn guard(
    outbound: &mut Outbound,
    carrier: Carrier,
    guardrail: &Guardrail,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let Guardrail { id, version, trace } = guardrail;
    match carrier {
        Carrier::Converse => {
            let trace = if *trace { "enabled" } else { "disabled" };
            let config =
                json!({ "guardrailIdentifier": id, "guardrailVersion": version, "trace": trace });
            let edit = BodyEdit::Set {
                path: CONFIG.to_owned(),
                value: config.to_string(),
                mode: Mode::Override,
            };
            let had_one = parse_body::<Members<'_>>(&outbound.body)?.get(CONFIG).is_some();
            let guarded = edit_body(&outbound.body, [&edit].into_iter())?;
            if had_one {
                ledger.approximated(CONFIG, "the gateway's own guardrail is used");
            }
            outbound.body = whole(guarded, ledger)?;
        }
        Carrier::Invoke | Carrier::OpenAi => {
            let own = |text: &str| HeaderValue::try_from(text).map_err(|_| unsendable());
            if outbound.headers.contains_key(IDENTIFIER) {
                ledger.approximated(IDENTIFIER, "the gateway's own guardrail is used");
            }
            if parse_body::<Members<'_>>(&outbound.body)?.get(TAGS).is_some() {
                let edit = BodyEdit::Remove { path: TAGS.to_owned() };
                outbound.body = edit_body(&outbound.body, [&edit].into_iter())?;
                ledger.approximated(TAGS, ALL);
            }
            outbound.headers.insert(IDENTIFIER, own(id)?);
            outbound.headers.insert(VERSION, own(version)?);
            match trace {
                true => outbound.headers.insert(TRACE, HeaderValue::from_static("ENABLED")),
                false => outbound.headers.remove(TRACE),
            };
        }
        Carrier::Anthropic | Carrier::Mantle => {
            let message = "This gateway applies a guardrail, which Bedrock does not do on the way that was chosen for this model. The operator can choose another carrier.";
            return Err(Fault::new(ErrorClass::Unsupported, Phase::BeforeSend, message));
        }
        Carrier::CountTokens => {}
    }
    Ok(())
}

/// The Converse body without marks: `{"guardContent": {"text": {"text": "…"}}}` is `{"text": "…"}`, and an image
/// an image.
fn whole(body: Bytes, ledger: &mut Ledger) -> Result<Bytes, Fault> {
    // Most bodies hold no mark; an escape may hide one.
    let may_hold = |what: &[u8]| memchr::memmem::find(&body, what).is_some();
    if !may_hold(MARKED.as_bytes()) && !may_hold(b"\\u") {
        return Ok(body);
    }
    let mut marks = Vec::new();
    let members: Members<'_> = parse_body(&body)?;
    let text = object(&members, |name, value| match name {
        "system" => unmarked(value, "system", &mut marks),
        "messages" => each(value, |at, message| {
            let Ok(members) = serde_json::from_str::<Members<'_>>(message.get()) else {
                return None;
            };
            Some(object(&members, |name, value| match name {
                "content" => unmarked(value, &format!("messages.{at}.content"), &mut marks),
                _ => None,
            }))
        }),
        _ => None,
    });
    if marks.is_empty() {
        return Ok(body);
    }
    for path in marks {
        ledger.approximated(path, ALL);
    }
    Ok(text.into())
}

/// The blocks of a list, each without its mark; notes where there were some.
fn unmarked(list: &RawValue, place: &str, marks: &mut Vec<String>) -> Option<String> {
    each(list, |at, block| {
        let members = serde_json::from_str::<Members<'_>>(block.get()).ok()?;
        let marked = members.get(MARKED)?;
        marks.push(format!("{place}.{at}.{MARKED}"));
        let inner = serde_json::from_str::<Members<'_>>(marked.get()).ok()?;
        let text = inner.get("text").and_then(|text| {
            let text = serde_json::from_str::<Members<'_>>(text.get()).ok()?;
            Some(text.get("text")?.get().to_owned())
        });
        let image = || Some(inner.get("image")?.get().to_owned());
        match text {
            Some(text) => Some(format!("{{\"text\":{text}}}")),
            None => image().map(|image| format!("{{\"image\":{image}}}")),
        }
    })
}

/// A list with what becomes of each of its values; `None` for what stays, or is no list.
fn each(
    list: &RawValue,
    mut change: impl FnMut(usize, &RawValue) -> Option<String>,
) -> Option<String> {
    let values: Vec<&RawValue> = serde_json::from_str(list.get()).ok()?;
    let new = values
        .iter()
        .enumerate()
        .map(|(at, value)| change(at, value).unwrap_or_else(|| value.get().to_owned()));
    Some(format!("[{}]", new.collect::<Vec<_>>().join(",")))
}

fn object(
    members: &Members<'_>,
    mut change: impl FnMut(&str, &RawValue) -> Option<String>,
) -> String {
    let new = members.0.iter().map(|(name, value)| {
        let value = change(name, value).unwrap_or_else(|| value.get().to_owned());
        format!("{}:{value}", Value::from(&**name))
    });
    format!("{{{}}}", new.collect::<Vec<_>>().join(","))
}

fn unsendable() -> Fault {
    let message = "The gateway's guardrail has a name that cannot be sent.";
    Fault::new(ErrorClass::Internal, Phase::BeforeSend, message)
}
