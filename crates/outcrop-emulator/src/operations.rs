//! What each operation answers, once the caller is known.

mod control;
mod converse;
mod count;
mod guardrail;
mod invoke;
pub(crate) mod jobs;
pub(crate) mod judge;
mod owned;
mod rerank;
mod vendor;

use serde_json::Value;

use crate::access;
use crate::config::{EXAMPLE_ACCOUNT, EXAMPLE_REGION};
use crate::models::Target;
use crate::refusal::{Exception, Refusal};
use crate::reply::Reply;
use crate::respond;
use crate::route::{Operation, Routed};
use crate::service::{Call, State};
use crate::surface::Surface;

/// Answers a call, from the cassette when there is one.
pub(crate) fn answer(state: &State, call: &Call<'_>) -> Result<Reply, Refusal> {
    if let Some(cassette) = &state.config.cassette {
        let body = serde_json::from_slice(call.body).unwrap_or(Value::Null);
        let take = cassette.play(call.routed.operation.name(), call.raw_path, &body)?;
        return Ok(Reply {
            status: take.status,
            headers: take.headers.into_iter().filter(|(name, _)| is_replayed(name)).collect(),
            payload: respond::recorded(take.body),
        });
    }
    let body = judge::body(call)?;
    if !call.routed.operation.is_about_a_model() {
        call.caller.check(&action(call, &body), None)?;
    }
    if call.routed.operation.api().is_none() {
        judge::constraints(call, &body)?;
    }
    match call.routed.operation {
        Operation::Converse | Operation::ConverseStream => converse::answer(state, call, &body),
        Operation::InvokeModel | Operation::InvokeModelWithResponseStream => {
            invoke::answer(state, call, &body)
        }
        Operation::CountTokens => count::answer(state, call, &body),
        Operation::ApplyGuardrail => guardrail::apply(call, &body),
        Operation::InvokeGuardrailChecks => Ok(guardrail::checks(&body)),
        Operation::StartAsyncInvoke => jobs::start(state, call, &body),
        Operation::GetAsyncInvoke => jobs::get(state, call),
        Operation::ListAsyncInvokes => Ok(jobs::list(state, call)),
        Operation::Rerank => rerank::answer(call, &body),
        Operation::ListFoundationModels => Ok(control::list_models(state, call)),
        Operation::GetFoundationModel => control::get_model(state, call),
        Operation::GetFoundationModelAvailability => control::availability(state, call),
        Operation::ListInferenceProfiles => Ok(control::list_profiles(state, call)),
        Operation::GetInferenceProfile => control::get_profile(state, call),
        Operation::ListCustomModels
        | Operation::ListCustomModelDeployments
        | Operation::ListImportedModels
        | Operation::ListProvisionedModelThroughputs
        | Operation::ListPromptRouters => Ok(owned::list(state, call)),
        Operation::GetCustomModel
        | Operation::GetCustomModelDeployment
        | Operation::GetImportedModel
        | Operation::GetProvisionedModelThroughput
        | Operation::GetPromptRouter
        | Operation::GetPrompt => owned::get(state, call),
        Operation::ChatCompletions => vendor::chat(state, call, body),
        Operation::Responses => vendor::responses(state, call, body),
        Operation::Messages => vendor::messages(state, call, body),
        Operation::CountMessages => vendor::count(state, call, body),
        Operation::ListMantleModels => Ok(vendor::models(state)),
    }
}

/// Headers that belong to a message, not to the connection it was recorded on.
fn is_replayed(name: &str) -> bool {
    const OWN: [&str; 5] =
        ["connection", "content-length", "date", "keep-alive", "transfer-encoding"];
    !OWN.contains(&name.to_ascii_lowercase().as_str())
}

/// The model a call means, if the account may use it.
fn resolve<'s>(state: &'s State, call: &Call<'_>) -> Result<Target<'s>, Refusal> {
    let region = call.caller.region.as_deref();
    let target = match call.routed.operation {
        Operation::CountTokens => state.catalog.resolve_for_count(&call.routed.id, region)?,
        _ => state.catalog.resolve(&call.routed.id, region)?,
    };
    if state.config.denied_models.contains(&target.model.id) {
        return Err(Refusal::plain(Exception::AccessDenied));
    }
    let region = region.unwrap_or(EXAMPLE_REGION);
    let resource = match &target.profile {
        _ if call.routed.id.starts_with("arn:") => call.routed.id.clone(),
        Some(id) => format!("arn:aws:bedrock:{region}:{EXAMPLE_ACCOUNT}:inference-profile/{id}"),
        None => foundation_model(region, &target.model.id),
    };
    call.caller.check(&action(call, &Value::Null), Some((&target.model.id, &resource)))?;
    Ok(target)
}

/// IAM's action for a call.
fn action(call: &Call<'_>, body: &Value) -> String {
    let Routed { operation, surface, .. } = call.routed;
    let streams = operation.streams() || body["stream"] == true;
    access::action(*operation, *surface == Surface::Mantle, streams)
}

fn foundation_model(region: &str, id: &str) -> String {
    format!("arn:aws:bedrock:{region}::foundation-model/{id}")
}
