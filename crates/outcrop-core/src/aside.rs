//! What Bedrock does beside inference: calls that are relayed as they are, signed anew.

use std::borrow::Cow;

use http::Method;
use outcrop_aws::Service;
use outcrop_dialect::rerank;
use outcrop_model::json::{Members, Str};
use outcrop_model::{ErrorClass, Fault, Phase, Wares};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::model_id::percent_decode;

/// A call to be relayed. The path is raw: nothing of it has been decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    pub call: Call,
    pub path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    ListFoundationModels,
    GetFoundationModel,
    ListInferenceProfiles,
    GetInferenceProfile,
    ApplyGuardrail,
    InvokeGuardrailChecks,
    StartAsyncInvoke,
    GetAsyncInvoke,
    ListAsyncInvokes,
    Rerank,
}

// === impl Call ===

impl Call {
    /// The word for logs and metrics: the operation's name in the service model, in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Call::ListFoundationModels => "list_foundation_models",
            Call::GetFoundationModel => "get_foundation_model",
            Call::ListInferenceProfiles => "list_inference_profiles",
            Call::GetInferenceProfile => "get_inference_profile",
            Call::ApplyGuardrail => "apply_guardrail",
            Call::InvokeGuardrailChecks => "invoke_guardrail_checks",
            Call::StartAsyncInvoke => "start_async_invoke",
            Call::GetAsyncInvoke => "get_async_invoke",
            Call::ListAsyncInvokes => "list_async_invokes",
            Call::Rerank => "rerank",
        }
    }

    /// Whether the call makes a model work, rather than tell of one.
    pub fn runs_a_model(self) -> bool {
        self.runs().is_some()
    }

    /// Where the body names the model that the call makes work.
    pub fn runs(self) -> Option<&'static str> {
        match self {
            Call::StartAsyncInvoke => Some("modelId"),
            Call::Rerank => Some(
                "rerankingConfiguration.bedrockRerankingConfiguration.modelConfiguration.modelArn",
            ),
            Call::ListFoundationModels
            | Call::GetFoundationModel
            | Call::ListInferenceProfiles
            | Call::GetInferenceProfile
            | Call::ApplyGuardrail
            | Call::InvokeGuardrailChecks
            | Call::GetAsyncInvoke
            | Call::ListAsyncInvokes => None,
        }
    }

    pub fn service(self) -> Service {
        match self {
            Call::ListFoundationModels
            | Call::GetFoundationModel
            | Call::ListInferenceProfiles
            | Call::GetInferenceProfile => Service::Control,
            Call::ApplyGuardrail
            | Call::InvokeGuardrailChecks
            | Call::StartAsyncInvoke
            | Call::GetAsyncInvoke
            | Call::ListAsyncInvokes => Service::Runtime,
            Call::Rerank => Service::AgentRuntime,
        }
    }

    pub fn method(self) -> Method {
        match self {
            Call::ListFoundationModels
            | Call::GetFoundationModel
            | Call::ListInferenceProfiles
            | Call::GetInferenceProfile
            | Call::GetAsyncInvoke
            | Call::ListAsyncInvokes => Method::GET,
            Call::ApplyGuardrail
            | Call::InvokeGuardrailChecks
            | Call::StartAsyncInvoke
            | Call::Rerank => Method::POST,
        }
    }
}

// === impl Aside ===

impl Aside {
    /// The model that the call is about, where it names one. What cannot be read is AWS's to refuse.
    pub fn model<'b>(&'b self, body: &'b [u8]) -> Option<Cow<'b, str>> {
        match self.call {
            Call::GetFoundationModel => {
                let raw = self.path.rsplit('/').next()?;
                Some(percent_decode(raw).into())
            }
            Call::StartAsyncInvoke
            | Call::Rerank
            | Call::ListFoundationModels
            | Call::ListInferenceProfiles
            | Call::GetInferenceProfile
            | Call::ApplyGuardrail
            | Call::InvokeGuardrailChecks
            | Call::GetAsyncInvoke
            | Call::ListAsyncInvokes => {
                let path: Vec<&str> = self.call.runs()?.split('.').collect();
                text_at(body, &path)
            }
        }
    }

    /// What the call takes of all that is charged by number; `None` where nobody can tell beforehand what a
    /// job is charged for: one over pictures, sound or film costs by their length.
    pub fn wares(&self, body: &[u8]) -> Option<Wares> {
        match self.call {
            Call::StartAsyncInvoke => {
                let job: Job = serde_json::from_slice(body).unwrap_or_default();
                (!holds_media(&job.model_input)).then_some(Wares { queries: 1, ..Wares::default() })
            }
            Call::Rerank => {
                let Ranking { queries, sources } = serde_json::from_slice(body).unwrap_or_default();
                let each = rerank::queries(sources.len().max(1));
                let queries = each.saturating_mul(queries.len().max(1) as u64);
                Some(Wares { queries, ..Wares::default() })
            }
            Call::ListFoundationModels
            | Call::GetFoundationModel
            | Call::ListInferenceProfiles
            | Call::GetInferenceProfile
            | Call::ApplyGuardrail
            | Call::InvokeGuardrailChecks
            | Call::GetAsyncInvoke
            | Call::ListAsyncInvokes => Some(Wares::default()),
        }
    }

    /// Refuses ids that could lead elsewhere: some proxies resolve dot segments, also encoded ones.
    ///
    /// # Errors
    /// `UnknownPath` for dot segments and control characters.
    pub fn check(&self) -> Result<(), Fault> {
        let decoded = percent_decode(&self.path);
        let climbs = decoded.split('/').any(|segment| matches!(segment, "." | ".."));
        match climbs || decoded.chars().any(char::is_control) {
            false => Ok(()),
            true => {
                let message = "Nothing in Bedrock has such an id.";
                Err(Fault::new(ErrorClass::UnknownPath, Phase::BeforeSend, message))
            }
        }
    }

    /// Whether the call may be sent again when it is not known how far it came: a job without a token
    /// of the caller's could be started twice.
    pub fn is_repeatable(&self, body: &[u8]) -> bool {
        self.call != Call::StartAsyncInvoke || text_at(body, &["clientRequestToken"]).is_some()
    }
}

/// What is read of a job.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Job {
    model_input: Value,
}

/// What is read of a ranking.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Ranking {
    queries: Vec<IgnoredAny>,
    sources: Vec<IgnoredAny>,
}

/// Whether there is anything but text in a model's input: bytes, or the address of something.
///
/// Source: the inputs of Nova's, TwelveLabs' and Luma's models in Bedrock's user guide (unverified).
fn holds_media(input: &Value) -> bool {
    const BYTES: [&str; 3] = ["bytes", "base64String", "data"];
    match input {
        Value::Object(members) => members.iter().any(|(name, value)| {
            (BYTES.contains(&name.as_str()) && value.is_string()) || holds_media(value)
        }),
        Value::Array(values) => values.iter().any(holds_media),
        Value::String(text) => text.starts_with("s3://") || text.starts_with("data:"),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The string below `path` of a JSON body.
pub(crate) fn text_at<'b>(body: &'b [u8], path: &[&str]) -> Option<Cow<'b, str>> {
    let (last, objects) = path.split_last()?;
    let mut members: Members<'b> = serde_json::from_slice(body).ok()?;
    for name in objects {
        members = serde_json::from_str(members.get(name)?.get()).ok()?;
    }
    let Str(text) = serde_json::from_str(members.get(last)?.get()).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aside(call: Call, path: &str) -> Aside {
        Aside { call, path: path.to_owned() }
    }

    #[test]
    fn the_model_is_found_where_the_call_names_it() {
        let get = aside(Call::GetFoundationModel, "/foundation-models/a.b-v1%3A0");
        assert_eq!(get.model(b"").as_deref(), Some("a.b-v1:0"));
        let start = aside(Call::StartAsyncInvoke, "/async-invoke");
        assert_eq!(start.model(br#"{"modelId":"m\u0041"}"#).as_deref(), Some("mA"));
        let rerank = aside(Call::Rerank, "/rerank");
        let body = br#"{"rerankingConfiguration":{"bedrockRerankingConfiguration":{"modelConfiguration":{"modelArn":"arn"}}}}"#;
        assert_eq!(rerank.model(body).as_deref(), Some("arn"));
        for body in ["", "[]", "{}", r#"{"rerankingConfiguration":7}"#, "nope"] {
            assert_eq!(rerank.model(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn no_id_climbs_out_of_its_path() {
        for path in ["/foundation-models/..", "/async-invoke/a%2F%2e%2e%2Fb", "/async-invoke/%0A"] {
            assert!(aside(Call::GetAsyncInvoke, path).check().is_err(), "{path}");
        }
        assert!(aside(Call::GetAsyncInvoke, "/async-invoke/a.b%2Fc..d").check().is_ok());
    }

    #[test]
    fn a_job_without_a_token_is_started_once_at_the_most() {
        let start = aside(Call::StartAsyncInvoke, "/async-invoke");
        assert!(start.is_repeatable(br#"{"clientRequestToken":"t"}"#));
        assert!(!start.is_repeatable(br#"{"modelId":"m"}"#));
        assert!(aside(Call::Rerank, "/rerank").is_repeatable(b"{}"));
    }
}
