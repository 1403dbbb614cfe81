//! Which operation a request asks for, read from the raw path.
//!
//! The path is split before anything is decoded: a `%2F` inside a model ARN stays part of its segment.

use crate::refusal::{Exception, Refusal};

/// The operations the emulator serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Converse,
    ConverseStream,
    InvokeModel,
    InvokeModelWithResponseStream,
    CountTokens,
    ApplyGuardrail,
    InvokeGuardrailChecks,
    StartAsyncInvoke,
    GetAsyncInvoke,
    ListAsyncInvokes,
    /// Of bedrock-agent-runtime.
    Rerank,
    ListFoundationModels,
    GetFoundationModel,
    ListInferenceProfiles,
    GetInferenceProfile,
}

/// A request's operation and the decoded id in its path (empty for lists).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Routed {
    pub(crate) operation: Operation,
    pub(crate) id: String,
    /// The second member in the path: a guardrail's version.
    pub(crate) version: String,
}

impl Operation {
    /// The name in the service model.
    pub fn name(self) -> &'static str {
        match self {
            Self::Converse => "Converse",
            Self::ConverseStream => "ConverseStream",
            Self::InvokeModel => "InvokeModel",
            Self::InvokeModelWithResponseStream => "InvokeModelWithResponseStream",
            Self::CountTokens => "CountTokens",
            Self::ApplyGuardrail => "ApplyGuardrail",
            Self::InvokeGuardrailChecks => "InvokeGuardrailChecks",
            Self::StartAsyncInvoke => "StartAsyncInvoke",
            Self::GetAsyncInvoke => "GetAsyncInvoke",
            Self::ListAsyncInvokes => "ListAsyncInvokes",
            Self::Rerank => "Rerank",
            Self::ListFoundationModels => "ListFoundationModels",
            Self::GetFoundationModel => "GetFoundationModel",
            Self::ListInferenceProfiles => "ListInferenceProfiles",
            Self::GetInferenceProfile => "GetInferenceProfile",
        }
    }

    pub(crate) fn streams(self) -> bool {
        matches!(self, Self::ConverseStream | Self::InvokeModelWithResponseStream)
    }

    /// Whether the request body belongs to the model, not to the service.
    pub(crate) fn is_invoke(self) -> bool {
        matches!(self, Self::InvokeModel | Self::InvokeModelWithResponseStream)
    }
}

/// Routes on the raw segments.
pub(crate) fn route(method: &str, raw_path: &str) -> Result<Routed, Refusal> {
    let segments: Vec<&str> = raw_path.trim_start_matches('/').split('/').collect();
    let mut version = "";
    let found = match (method, segments.as_slice()) {
        ("POST", ["guardrail", id, "version", of, "apply"]) => {
            version = of;
            Some((Operation::ApplyGuardrail, *id))
        }
        ("POST", ["guardrail-checks", "invoke"]) => Some((Operation::InvokeGuardrailChecks, "")),
        ("POST", ["async-invoke"]) => Some((Operation::StartAsyncInvoke, "")),
        ("GET", ["async-invoke"]) => Some((Operation::ListAsyncInvokes, "")),
        ("GET", ["async-invoke", id]) => Some((Operation::GetAsyncInvoke, *id)),
        ("POST", ["rerank"]) => Some((Operation::Rerank, "")),
        ("POST", ["model", id, verb]) => verb_operation(verb).map(|operation| (operation, *id)),
        ("GET", ["foundation-models"]) => Some((Operation::ListFoundationModels, "")),
        ("GET", ["foundation-models", id]) => Some((Operation::GetFoundationModel, *id)),
        ("GET", ["inference-profiles"]) => Some((Operation::ListInferenceProfiles, "")),
        ("GET", ["inference-profiles", id]) => Some((Operation::GetInferenceProfile, *id)),
        _ => None,
    };
    let (operation, id) = found.ok_or_else(|| Refusal::plain(Exception::UnknownOperation))?;
    Ok(Routed { operation, id: percent_decode(id), version: percent_decode(version) })
}

fn verb_operation(verb: &str) -> Option<Operation> {
    match verb {
        "converse" => Some(Operation::Converse),
        "converse-stream" => Some(Operation::ConverseStream),
        "invoke" => Some(Operation::InvokeModel),
        "invoke-with-response-stream" => Some(Operation::InvokeModelWithResponseStream),
        "count-tokens" => Some(Operation::CountTokens),
        _ => None,
    }
}

/// Decodes `%XX`; anything that is not such a triple stays as it is.
pub(crate) fn percent_decode(text: &str) -> String {
    String::from_utf8_lossy(&percent_decode_bytes(text)).into_owned()
}

pub(crate) fn percent_decode_bytes(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let triple = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match triple {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

/// The decoded pairs of a query string.
pub(crate) fn query_pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(name), percent_decode(value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_inside_an_arn_stays_in_its_segment() {
        let raw = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x/converse";
        let routed = route("POST", raw).unwrap();
        assert_eq!(routed.operation, Operation::Converse);
        assert_eq!(routed.id, "arn:aws:bedrock:us-east-1:1:inference-profile/us.x");
        assert!(route("POST", "/model/arn:aws/us.x/converse").is_err());
    }

    #[test]
    fn wrong_method_is_an_unknown_operation() {
        let refusal = route("GET", "/model/x/converse").unwrap_err();
        assert_eq!((refusal.status, refusal.name.as_str()), (404, "UnknownOperationException"));
    }
}
