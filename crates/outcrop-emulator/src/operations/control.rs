//! The control plane: foundation models and inference profiles.

use serde_json::{Value, json};

use crate::config::{EXAMPLE_ACCOUNT, EXAMPLE_REGION};
use crate::models::{Kind, Lifecycle, Model, Owned};
use crate::refusal::{Exception, Refusal};
use crate::reply::Reply;
use crate::route::query_pairs;
use crate::service::{Call, State};

/// When everything here came to be.
pub(super) const CREATED: &str = "2025-01-01T00:00:00Z";
/// Profiles of one page unless the caller asks for another number.
const PAGE: usize = 1000;

/// Where a model can be called through each geographic prefix.
const REGIONS: &[(&str, &[&str])] = &[
    ("us", &["us-east-1", "us-east-2", "us-west-2"]),
    ("eu", &["eu-central-1", "eu-west-1", "eu-west-3"]),
    ("apac", &["ap-northeast-1", "ap-south-1", "ap-southeast-1"]),
    ("jp", &["ap-northeast-1", "ap-northeast-3"]),
    ("au", &["ap-southeast-2", "ap-southeast-4"]),
];

pub(super) fn list_models(state: &State, call: &Call<'_>) -> Reply {
    let filters = query_pairs(call.raw_query);
    let region = region(call);
    let models: Vec<Value> = state
        .catalog
        .models()
        .iter()
        .filter(|model| model.lifecycle != Lifecycle::Eol)
        .filter(|model| filters.iter().all(|(name, value)| passes(model, name, value)))
        .map(|model| summary(model, region))
        .collect();
    Reply::json(json!({"modelSummaries": models}))
}

pub(super) fn get_model(state: &State, call: &Call<'_>) -> Result<Reply, Refusal> {
    let id = call.routed.id.rsplit("foundation-model/").next().unwrap_or_default();
    let model =
        state.catalog.model(id).ok_or_else(|| Refusal::plain(Exception::ResourceNotFound))?;
    Ok(Reply::json(json!({"modelDetails": summary(model, region(call))})))
}

/// A model that is denied to the account is one whose agreement nobody has made.
pub(super) fn availability(state: &State, call: &Call<'_>) -> Result<Reply, Refusal> {
    let id = &call.routed.id;
    let model =
        state.catalog.model(id).ok_or_else(|| Refusal::plain(Exception::ResourceNotFound))?;
    let is_denied = state.config.denied_models.contains(&model.id);
    let agreed = if is_denied { "NOT_AVAILABLE" } else { "AVAILABLE" };
    Ok(Reply::json(json!({
        "modelId": id,
        "agreementAvailability": {"status": agreed},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": agreed,
        "regionAvailability": "AVAILABLE",
    })))
}

pub(super) fn list_profiles(state: &State, call: &Call<'_>) -> Reply {
    let query = query_pairs(call.raw_query);
    let asked =
        |name: &str| query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    let all: Vec<Value> = profiles(state, region(call))
        .into_iter()
        .filter(|profile| asked("type").is_none_or(|kind| profile["type"] == kind))
        .collect();
    page(all, "inferenceProfileSummaries", call)
}

/// The part of a list that the caller asks for.
pub(super) fn page(all: Vec<Value>, member: &str, call: &Call<'_>) -> Reply {
    let query = query_pairs(call.raw_query);
    let asked = |name: &str| {
        query.iter().find(|(found, _)| found == name).and_then(|(_, value)| value.parse().ok())
    };
    let start: usize = asked("nextToken").unwrap_or(0);
    let page: Vec<&Value> =
        all.iter().skip(start).take(asked("maxResults").unwrap_or(PAGE)).collect();
    let end = start + page.len();
    let mut body = json!({});
    body[member] = json!(page);
    if end < all.len() {
        body["nextToken"] = Value::from(end.to_string());
    }
    Reply::json(body)
}

pub(super) fn get_profile(state: &State, call: &Call<'_>) -> Result<Reply, Refusal> {
    let id = &call.routed.id;
    profiles(state, region(call))
        .into_iter()
        .find(|profile| {
            profile["inferenceProfileId"] == *id || profile["inferenceProfileArn"] == *id
        })
        .map(Reply::json)
        .ok_or_else(|| {
            Refusal::new(
                Exception::ResourceNotFound,
                "The requested inference profile was not found.",
            )
        })
}

pub(super) fn region<'a>(call: &'a Call<'_>) -> &'a str {
    call.caller.region.as_deref().unwrap_or(EXAMPLE_REGION)
}

fn passes(model: &Model, filter: &str, value: &str) -> bool {
    match filter {
        "byProvider" => model.provider.eq_ignore_ascii_case(value),
        "byOutputModality" => model.output.iter().any(|modality| modality == value),
        "byInferenceType" => inference_types(model).contains(&value),
        "byCustomizationType" => false,
        _ => true,
    }
}

fn inference_types(model: &Model) -> Vec<&'static str> {
    let on_demand = model.on_demand.then_some("ON_DEMAND");
    let profile = (!model.profiles.is_empty()).then_some("INFERENCE_PROFILE");
    on_demand.into_iter().chain(profile).collect()
}

fn summary(model: &Model, region: &str) -> Value {
    let status = match model.lifecycle {
        Lifecycle::Active => "ACTIVE",
        Lifecycle::Legacy | Lifecycle::Eol => "LEGACY",
    };
    json!({
        "modelArn": model_arn(model, region),
        "modelId": model.id,
        "modelName": model.name,
        "providerName": model.provider,
        "inputModalities": model.input,
        "outputModalities": model.output,
        "responseStreamingSupported": model.streaming,
        "customizationsSupported": [],
        "inferenceTypesSupported": inference_types(model),
        "modelLifecycle": {"status": status, "startOfLifeTime": CREATED},
    })
}

pub(super) fn model_arn(model: &Model, region: &str) -> String {
    format!("arn:aws:bedrock:{region}::foundation-model/{}", model.id)
}

/// Every profile callable from `region`.
fn profiles(state: &State, region: &str) -> Vec<Value> {
    let catalog = &state.catalog;
    let system = catalog.models().iter().flat_map(|model| {
        model
            .profiles
            .iter()
            .map(move |prefix| (format!("{prefix}.{}", model.id), prefix, model))
            .filter(|(id, _, _)| catalog.resolve(id, Some(region)).is_ok())
            .map(|(id, prefix, model)| system_profile(&id, prefix, model, region))
    });
    let own = catalog.owned(Kind::ApplicationInferenceProfile).filter_map(|profile| {
        let target = catalog.resolve(&profile.model, None).ok()?;
        let prefix = target.profile.as_ref().and_then(|id| id.split('.').next());
        Some(application_profile(profile, models(target.model, prefix, region), region))
    });
    system.chain(own).collect()
}

fn system_profile(id: &str, prefix: &str, model: &Model, region: &str) -> Value {
    json!({
        "inferenceProfileId": id,
        "inferenceProfileArn": format!("arn:aws:bedrock:{region}:{EXAMPLE_ACCOUNT}:inference-profile/{id}"),
        "inferenceProfileName": format!("{} {}", prefix.to_uppercase(), model.name),
        "models": models(model, Some(prefix), region),
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
        "description": format!("Routes requests to {}.", model.name),
        "createdAt": CREATED,
        "updatedAt": CREATED,
    })
}

/// Where a profile sends requests: everywhere, to the regions of its prefix, or to the one it is in.
fn models(model: &Model, prefix: Option<&str>, region: &str) -> Vec<Value> {
    let here = [region];
    let everywhere = [region, ""];
    let regions = match prefix {
        Some("global") => &everywhere[..],
        Some(prefix) => REGIONS.iter().find(|row| row.0 == prefix).map_or(&here[..], |row| row.1),
        None => &here[..],
    };
    regions.iter().map(|at| json!({"modelArn": model_arn(model, at)})).collect()
}

fn application_profile(profile: &Owned, models: Vec<Value>, region: &str) -> Value {
    json!({
        "inferenceProfileId": profile.id,
        "inferenceProfileArn": profile.arn(region),
        "inferenceProfileName": profile.name,
        "models": models,
        "status": "ACTIVE",
        "type": "APPLICATION",
        "createdAt": CREATED,
        "updatedAt": CREATED,
    })
}
