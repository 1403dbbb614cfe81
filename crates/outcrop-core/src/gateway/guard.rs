//! The route's guardrail, for every chat that goes its way.
//!
//! 1. It takes the place of whatever guardrail the caller names: a safeguard of the operator's is not the
//!    caller's to change.
//! 2. A chat that goes over a carrier on which Bedrock applies none is refused, never sent without.
//!
//! Source: Converse's `guardrailConfig` (service model), the headers of InvokeModel, which OpenAI's API on
//! `bedrock-runtime` takes too (Bedrock user guide, checked 2026-11-26).

use http::HeaderValue;
use outcrop_aws::Outbound;
use outcrop_config::{BodyEdit, Guardrail, Mode};
use outcrop_model::json::{Members, parse_body};
use outcrop_model::{Carrier, ErrorClass, Fault, Ledger, Phase};
use serde_json::json;

use crate::edit::edit_body;

const IDENTIFIER: &str = "x-amzn-bedrock-guardrailidentifier";
const VERSION: &str = "x-amzn-bedrock-guardrailversion";
const TRACE: &str = "x-amzn-bedrock-trace";
/// The member of a Converse body.
const CONFIG: &str = "guardrailConfig";

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
            outbound.body = guarded;
        }
        Carrier::Invoke | Carrier::OpenAi => {
            let own = |text: &str| HeaderValue::try_from(text).map_err(|_| unsendable());
            if outbound.headers.contains_key(IDENTIFIER) {
                ledger.approximated(IDENTIFIER, "the gateway's own guardrail is used");
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

fn unsendable() -> Fault {
    let message = "The gateway's guardrail has a name that cannot be sent.";
    Fault::new(ErrorClass::Internal, Phase::BeforeSend, message)
}
