//! Anthropic's body in InvokeModel's envelope, sent to a model that does not take it there.
//!
//! Anthropic's Bedrock clients write one body for every model; only Claude reads it. For other models
//! it is translated as a Messages request is, and the answer goes back in the envelope.
//!
//! 1. A body is taken for Anthropic's by its `anthropic_version` alone; any other is not looked into.
//! 2. A model that the catalog does not know may be Claude behind an opaque ARN: its body is relayed.
//! 3. Model and streaming are the path's, the betas the body's.
//! 4. Of InvokeModel's headers tier and metadata travel on; a guardrail is refused, never left out.

use std::borrow::Cow;

use outcrop_model::json::{Members, Str};
use outcrop_model::{
    Card, Carrier, Catalog, ChatRequest, Dialect, ErrorClass, Fault, Ledger, Phase,
};

use crate::{anthropic, latency};

const VERSION: &str = "anthropic_version";
/// What all of InvokeModel's own headers begin with.
const HEADERS: &str = "x-amzn-bedrock-";

/// Whether a body for InvokeModel is Anthropic's and `model` one that takes none.
pub fn is_foreign(body: &[u8], model: &str, catalog: &Catalog) -> bool {
    let is_refused = || {
        catalog.is_known(model)
            && catalog.specialist(model).is_none()
            && !takes_anthropic(catalog.card(model))
    };
    // The cheap looks come first: most bodies on this path are for Claude.
    memchr::memmem::find(body, VERSION.as_bytes()).is_some()
        && is_refused()
        && serde_json::from_slice::<Members<'_>>(body)
            .is_ok_and(|members| members.get(VERSION).is_some())
}

fn takes_anthropic(card: &Card) -> bool {
    let mut lanes = card.carriers.iter();
    lanes.any(|lane| lane.carrier == Carrier::Invoke && lane.speaks.contains(&Dialect::Anthropic))
}

/// Reads such a body; `headers` are the request's own, by their names in lower case.
pub(crate) fn decode<'a>(
    body: &'a [u8],
    model: Cow<'a, str>,
    stream: bool,
    headers: &[(&'a str, &'a str)],
    ledger: &mut Ledger,
) -> Result<ChatRequest<'a>, Fault> {
    let mut request = anthropic::decode_for(body, model)?;
    request.stream = stream;
    request.extra.retain(|(key, _)| key != VERSION);
    for (name, value) in headers {
        let Some(what) = name.strip_prefix(HEADERS) else { continue };
        match what {
            "service-tier" => request.service_tier = Some(Cow::Borrowed(value)),
            "performanceconfig-latency" => {
                request.latency = (*value != latency::STANDARD).then_some(Cow::Borrowed(value));
            }
            "request-metadata" => read_metadata(name, value, &mut request)?,
            "guardrailidentifier" | "guardrailversion" => return Err(no_guardrail(name)),
            // The form of the answer: there is but one.
            "accept" | "content-type" => {}
            _ => ledger.dropped(*name, "it has no place in a request to this model"),
        }
    }
    Ok(request)
}

fn read_metadata<'a>(
    name: &str,
    value: &'a str,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    let wrong = |_| Fault::invalid(name.to_owned(), "must be a JSON object of strings.");
    let members: Members<'a> = serde_json::from_str(value).map_err(wrong)?;
    for (key, raw) in members.0 {
        let Str(value) = serde_json::from_str(raw.get()).map_err(wrong)?;
        request.metadata.push((key, value));
    }
    Ok(())
}

fn no_guardrail(name: &str) -> Fault {
    let message = "a guardrail is not carried along when Anthropic's body is translated for another model. Ask by Converse, which takes one for every model.";
    Fault::new(ErrorClass::Unsupported, Phase::BeforeSend, message).with_param(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":5,"anthropic_beta":["b-1"],"messages":[{"role":"user","content":"x"}]}"#;

    fn is_foreign_to(model: &str, body: &str) -> bool {
        is_foreign(body.as_bytes(), model, Catalog::built_in())
    }

    #[test]
    fn rules_1_and_2() {
        for model in ["amazon.nova-lite-v1:0", "us.meta.llama3-3-70b-instruct-v1:0"] {
            assert!(is_foreign_to(model, BODY), "{model}");
        }
        for model in [
            "us.anthropic.claude-opus-4-8",
            "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/ab12cd34ef56",
            "newvendor.model-1",
            "amazon.nova-2-multimodal-embeddings-v1:0",
        ] {
            assert!(!is_foreign_to(model, BODY), "{model}");
        }
        for native in [r#"{"messages":[{"text":"anthropic_version"}]}"#, r#"{"prompt":"x"}"#, "["] {
            assert!(!is_foreign_to("amazon.nova-lite-v1:0", native), "{native}");
        }
    }

    fn read<'a>(
        headers: &[(&'a str, &'a str)],
        ledger: &mut Ledger,
    ) -> Result<ChatRequest<'a>, Fault> {
        decode(BODY.as_bytes(), "m".into(), true, headers, ledger)
    }

    #[test]
    fn rules_3_and_4() {
        let mut ledger = Ledger::default();
        let headers = [
            ("x-amzn-bedrock-service-tier", "flex"),
            ("x-amzn-bedrock-request-metadata", r#"{"team":"a"}"#),
            ("x-amzn-bedrock-accept", "*/*"),
            ("x-amzn-bedrock-trace", "ENABLED"),
            ("accept", "*/*"),
        ];
        let request = read(&headers, &mut ledger).unwrap();
        assert_eq!((&*request.model, request.stream), ("m", true));
        assert_eq!(request.betas, ["b-1"]);
        assert_eq!(request.service_tier.as_deref(), Some("flex"));
        assert_eq!(request.metadata, [("team".into(), "a".into())]);
        assert!(request.extra.is_empty(), "{:?}", request.extra);
        let lost: Vec<_> = ledger.losses().iter().map(|loss| &*loss.path).collect();
        assert_eq!(lost, ["x-amzn-bedrock-trace"]);
        for (name, value) in
            [("x-amzn-bedrock-guardrailidentifier", "g"), ("x-amzn-bedrock-request-metadata", "[]")]
        {
            let fault = read(&[(name, value)], &mut ledger).unwrap_err();
            assert_eq!(fault.param.as_deref(), Some(name));
        }
    }
}
