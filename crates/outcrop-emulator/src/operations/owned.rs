//! The control plane of what an account owns: custom and imported models, throughput, routers, prompts.

use serde_json::{Value, json};

use super::control::{CREATED, model_arn, page, region};
use crate::models::{Kind, Owned};
use crate::refusal::{Exception, Refusal};
use crate::reply::Reply;
use crate::route::Operation;
use crate::service::{Call, State};

/// What an operation is about: the kinds that have it, how one is shown, and the name of the list.
struct About {
    kinds: &'static [Kind],
    show: fn(&State, &Owned, &str) -> Value,
    member: &'static str,
}

pub(super) fn list(state: &State, call: &Call<'_>) -> Reply {
    let About { kinds, show, member } = about(call.routed.operation);
    let all = of(state, kinds).map(|owned| show(state, owned, region(call))).collect();
    page(all, member, call)
}

pub(super) fn get(state: &State, call: &Call<'_>) -> Result<Reply, Refusal> {
    let About { kinds, show, .. } = about(call.routed.operation);
    let (id, region) = (call.routed.id.as_str(), region(call));
    let is_meant = |owned: &&Owned| match call.routed.operation {
        Operation::GetCustomModel => id == owned.custom_model(region),
        _ => owned.is_named(id, region),
    };
    let owned = of(state, kinds).find(is_meant).ok_or_else(|| {
        Refusal::new(Exception::ResourceNotFound, "The provided ARN or name was not found.")
    })?;
    Ok(Reply::json(show(state, owned, region)))
}

fn of<'s>(state: &'s State, kinds: &'static [Kind]) -> impl Iterator<Item = &'s Owned> {
    kinds.iter().flat_map(|kind| state.catalog.owned(*kind))
}

fn about(operation: Operation) -> About {
    match operation {
        Operation::ListCustomModels | Operation::GetCustomModel => About {
            kinds: &[Kind::CustomModelDeployment],
            show: custom_model,
            member: "modelSummaries",
        },
        Operation::ListCustomModelDeployments | Operation::GetCustomModelDeployment => About {
            kinds: &[Kind::CustomModelDeployment],
            show: deployment,
            member: "modelDeploymentSummaries",
        },
        Operation::ListImportedModels | Operation::GetImportedModel => {
            About { kinds: &[Kind::ImportedModel], show: imported, member: "modelSummaries" }
        }
        Operation::ListProvisionedModelThroughputs | Operation::GetProvisionedModelThroughput => {
            About {
                kinds: &[Kind::ProvisionedModel],
                show: provisioned,
                member: "provisionedModelSummaries",
            }
        }
        Operation::ListPromptRouters | Operation::GetPromptRouter => About {
            kinds: &[Kind::DefaultPromptRouter, Kind::PromptRouter],
            show: router,
            member: "promptRouterSummaries",
        },
        _ => About { kinds: &[Kind::Prompt], show: prompt, member: "promptSummaries" },
    }
}

/// The ARN of the foundation model behind.
fn base_arn(state: &State, owned: &Owned, region: &str) -> String {
    let target = state.catalog.resolve(&owned.model, None);
    target.map(|target| model_arn(target.model, region)).unwrap_or_default()
}

fn custom_model(state: &State, owned: &Owned, region: &str) -> Value {
    json!({
        "modelArn": owned.custom_model(region),
        "modelName": owned.name,
        "creationTime": CREATED,
        "baseModelArn": base_arn(state, owned, region),
        "baseModelName": owned.model,
        "customizationType": "FINE_TUNING",
        "modelStatus": "Active",
    })
}

/// The list and the answer about one call the name differently.
fn deployment(_state: &State, owned: &Owned, region: &str) -> Value {
    json!({
        "customModelDeploymentArn": owned.arn(region),
        "customModelDeploymentName": owned.name,
        "modelDeploymentName": owned.name,
        "modelArn": owned.custom_model(region),
        "createdAt": CREATED,
        "lastUpdatedAt": CREATED,
        "status": "Active",
    })
}

fn imported(_state: &State, owned: &Owned, region: &str) -> Value {
    json!({
        "modelArn": owned.arn(region),
        "modelName": owned.name,
        "creationTime": CREATED,
        "instructSupported": true,
        "modelArchitecture": owned.model.split('.').next(),
    })
}

fn provisioned(state: &State, owned: &Owned, region: &str) -> Value {
    let base = base_arn(state, owned, region);
    json!({
        "provisionedModelArn": owned.arn(region),
        "provisionedModelName": owned.name,
        "modelArn": base,
        "desiredModelArn": base,
        "foundationModelArn": base,
        "modelUnits": 1,
        "desiredModelUnits": 1,
        "status": "InService",
        "creationTime": CREATED,
        "lastModifiedTime": CREATED,
    })
}

fn router(state: &State, owned: &Owned, region: &str) -> Value {
    let model = match state.catalog.model(&owned.model) {
        Some(model) => model_arn(model, region),
        None => {
            let account = crate::config::EXAMPLE_ACCOUNT;
            format!("arn:aws:bedrock:{region}:{account}:inference-profile/{}", owned.model)
        }
    };
    let kind = if owned.kind == Kind::PromptRouter { "custom" } else { "default" };
    json!({
        "promptRouterArn": owned.arn(region),
        "promptRouterName": owned.name,
        "routingCriteria": {"responseQualityDifference": 0.0},
        "models": [{"modelArn": model}],
        "fallbackModel": {"modelArn": model},
        "status": "AVAILABLE",
        "type": kind,
        "createdAt": CREATED,
        "updatedAt": CREATED,
    })
}

fn prompt(_state: &State, owned: &Owned, region: &str) -> Value {
    json!({
        "arn": owned.arn(region),
        "id": owned.id,
        "name": owned.name,
        "version": "DRAFT",
        "defaultVariant": "one",
        "variants": [{
            "name": "one",
            "modelId": owned.model,
            "templateType": "TEXT",
            "templateConfiguration": {"text": {"text": "Say {{what}}.", "inputVariables": [{"name": "what"}]}},
        }],
        "createdAt": CREATED,
        "updatedAt": CREATED,
    })
}
