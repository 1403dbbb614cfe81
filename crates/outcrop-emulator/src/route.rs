//! Which operation a request asks for, read from the raw path.
//!
//! The path is split before anything is decoded: a `%2F` inside a model ARN stays part of its segment.

use crate::refusal::{Exception, Refusal};
use crate::surface::Surface;
use crate::vendor::Api;

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
    GetFoundationModelAvailability,
    ListInferenceProfiles,
    GetInferenceProfile,
    ListCustomModels,
    GetCustomModel,
    ListCustomModelDeployments,
    GetCustomModelDeployment,
    ListImportedModels,
    GetImportedModel,
    ListProvisionedModelThroughputs,
    GetProvisionedModelThroughput,
    ListPromptRouters,
    GetPromptRouter,
    /// Of bedrock-agent.
    GetPrompt,
    /// OpenAI's Chat Completions, on the runtime or on mantle.
    ChatCompletions,
    /// OpenAI's Responses, likewise.
    Responses,
    /// Anthropic's Messages, likewise.
    Messages,
    /// Anthropic's count, on mantle.
    CountMessages,
    /// The models of mantle.
    ListMantleModels,
}

/// A request's operation and the decoded id in its path (empty for lists).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Routed {
    pub(crate) operation: Operation,
    pub(crate) id: String,
    /// The second member in the path: a guardrail's version.
    pub(crate) version: String,
    pub(crate) surface: Surface,
    /// What stands before the vendor's own path: `/openai`, `/anthropic` or nothing.
    pub(crate) prefix: &'static str,
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
            Self::GetFoundationModelAvailability => "GetFoundationModelAvailability",
            Self::ListInferenceProfiles => "ListInferenceProfiles",
            Self::GetInferenceProfile => "GetInferenceProfile",
            Self::ListCustomModels => "ListCustomModels",
            Self::GetCustomModel => "GetCustomModel",
            Self::ListCustomModelDeployments => "ListCustomModelDeployments",
            Self::GetCustomModelDeployment => "GetCustomModelDeployment",
            Self::ListImportedModels => "ListImportedModels",
            Self::GetImportedModel => "GetImportedModel",
            Self::ListProvisionedModelThroughputs => "ListProvisionedModelThroughputs",
            Self::GetProvisionedModelThroughput => "GetProvisionedModelThroughput",
            Self::ListPromptRouters => "ListPromptRouters",
            Self::GetPromptRouter => "GetPromptRouter",
            Self::GetPrompt => "GetPrompt",
            Self::ChatCompletions => "ChatCompletions",
            Self::Responses => "Responses",
            Self::Messages => "Messages",
            Self::CountMessages => "CountMessages",
            Self::ListMantleModels => "ListMantleModels",
        }
    }

    /// Whose API it is, if not Bedrock's.
    pub(crate) fn api(self) -> Option<Api> {
        match self {
            Self::ChatCompletions | Self::ListMantleModels => Some(Api::Chat),
            Self::Responses => Some(Api::Responses),
            Self::Messages | Self::CountMessages => Some(Api::Messages),
            _ => None,
        }
    }

    /// Whether a model answers.
    pub(crate) fn is_inference(self) -> bool {
        match self {
            Self::Converse
            | Self::ConverseStream
            | Self::InvokeModel
            | Self::InvokeModelWithResponseStream
            | Self::ChatCompletions
            | Self::Responses
            | Self::Messages => true,
            Self::CountTokens
            | Self::ApplyGuardrail
            | Self::InvokeGuardrailChecks
            | Self::StartAsyncInvoke
            | Self::GetAsyncInvoke
            | Self::ListAsyncInvokes
            | Self::Rerank
            | Self::ListFoundationModels
            | Self::GetFoundationModel
            | Self::GetFoundationModelAvailability
            | Self::ListInferenceProfiles
            | Self::GetInferenceProfile
            | Self::ListCustomModels
            | Self::GetCustomModel
            | Self::ListCustomModelDeployments
            | Self::GetCustomModelDeployment
            | Self::ListImportedModels
            | Self::GetImportedModel
            | Self::ListProvisionedModelThroughputs
            | Self::GetProvisionedModelThroughput
            | Self::ListPromptRouters
            | Self::GetPromptRouter
            | Self::GetPrompt
            | Self::CountMessages
            | Self::ListMantleModels => false,
        }
    }

    /// Whether it is about a model that the caller must be allowed to call.
    pub(crate) fn is_about_a_model(self) -> bool {
        self.is_inference()
            || matches!(
                self,
                Self::CountTokens | Self::CountMessages | Self::StartAsyncInvoke | Self::Rerank
            )
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
pub(crate) fn route(method: &str, raw_path: &str, surface: Surface) -> Result<Routed, Refusal> {
    if let Some((operation, prefix)) = vendor(method, raw_path, surface) {
        let (id, version) = (String::new(), String::new());
        return Ok(Routed { operation, id, version, surface, prefix });
    }
    if surface == Surface::Mantle {
        return Err(Refusal::plain(Exception::UnknownOperation));
    }
    let prefix = "";
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
        ("GET", ["foundation-model-availability", id]) => {
            Some((Operation::GetFoundationModelAvailability, *id))
        }
        ("GET", ["inference-profiles"]) => Some((Operation::ListInferenceProfiles, "")),
        ("GET", ["inference-profiles", id]) => Some((Operation::GetInferenceProfile, *id)),
        ("GET", rest) => owned(rest),
        _ => None,
    };
    let (operation, id) = found.ok_or_else(|| Refusal::plain(Exception::UnknownOperation))?;
    let (id, version) = (percent_decode(id), percent_decode(version));
    Ok(Routed { operation, id, version, surface, prefix })
}

/// What an account owns.
fn owned<'s>(segments: &[&'s str]) -> Option<(Operation, &'s str)> {
    let found = match segments {
        ["custom-models"] => (Operation::ListCustomModels, ""),
        ["custom-models", id] => (Operation::GetCustomModel, *id),
        ["model-customization", "custom-model-deployments"] => {
            (Operation::ListCustomModelDeployments, "")
        }
        ["model-customization", "custom-model-deployments", id] => {
            (Operation::GetCustomModelDeployment, *id)
        }
        ["imported-models"] => (Operation::ListImportedModels, ""),
        ["imported-models", id] => (Operation::GetImportedModel, *id),
        ["provisioned-model-throughputs"] => (Operation::ListProvisionedModelThroughputs, ""),
        ["provisioned-model-throughput", id] => (Operation::GetProvisionedModelThroughput, *id),
        ["prompt-routers"] => (Operation::ListPromptRouters, ""),
        ["prompt-routers", id] => (Operation::GetPromptRouter, *id),
        ["prompts", id, ""] => (Operation::GetPrompt, *id),
        _ => return None,
    };
    Some(found)
}

/// The vendors' own paths (protocol facts 4.2).
fn vendor(method: &str, path: &str, surface: Surface) -> Option<(Operation, &'static str)> {
    let mantle = surface == Surface::Mantle;
    let (prefix, rest) = ["/openai", "/anthropic"]
        .into_iter()
        .find_map(|prefix| Some((prefix, path.strip_prefix(prefix)?)))
        .unwrap_or(("", path));
    let operation = match (method, prefix, rest) {
        ("POST", "/openai", "/v1/chat/completions") => Operation::ChatCompletions,
        ("POST", "/openai", "/v1/responses") => Operation::Responses,
        ("POST", "/anthropic", "/v1/messages") => Operation::Messages,
        ("POST", "", "/v1/chat/completions") if mantle => Operation::ChatCompletions,
        ("POST", "", "/v1/responses") if mantle => Operation::Responses,
        ("POST", "/anthropic", "/v1/messages/count_tokens") if mantle => Operation::CountMessages,
        ("GET", "" | "/openai", "/v1/models") if mantle => Operation::ListMantleModels,
        _ => return None,
    };
    Some((operation, prefix))
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
        let routed = route("POST", raw, Surface::Runtime).unwrap();
        assert_eq!(routed.operation, Operation::Converse);
        assert_eq!(routed.id, "arn:aws:bedrock:us-east-1:1:inference-profile/us.x");
        assert!(route("POST", "/model/arn:aws/us.x/converse", Surface::Runtime).is_err());
    }

    #[test]
    fn wrong_method_is_an_unknown_operation() {
        let refusal = route("GET", "/model/x/converse", Surface::Runtime).unwrap_err();
        assert_eq!((refusal.status, refusal.name.as_str()), (404, "UnknownOperationException"));
    }
}
