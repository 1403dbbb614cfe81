//! Asking the control plane: lists, page by page, and what is behind one ARN.
//!
//! 1. Nothing here has no bound: pages, bytes, attempts and hops.
//! 2. A list that fails says which action it needs; the others are asked all the same.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, header};
use outcrop_aws::{AwsClient, Backoff, Outbound, Service};
use outcrop_model::{Behind, Catalog, Charge, ErrorClass, Fault, Phase};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use super::arn::{self, Kind};
use super::lists::{self, Lists, Routed};
use super::models::place;
use crate::attempt::Retries;
use crate::model_id::percent_encode;

/// Largest answer: a thousand profiles are about 1 MB.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// Longest wait for one answer. The client's own patience is for models that think.
const ANSWER: Duration = Duration::from_secs(20);
/// Most pages of one list, of up to 1000 elements each.
const MOST_PAGES: usize = 20;
/// Most ARNs on the way from one that is called to the model behind it: a prompt may name an
/// application profile, a deployment an imported custom model.
const MOST_HOPS: usize = 3;

/// A list that could not be had.
#[derive(Debug)]
pub struct Missing {
    /// What the identity must be allowed to do.
    pub action: &'static str,
    pub fault: Fault,
}

/// An operation that lists.
struct List {
    action: &'static str,
    path: &'static str,
    member: &'static str,
}

const FOUNDATION: List = List {
    action: "bedrock:ListFoundationModels",
    path: "/foundation-models",
    member: "modelSummaries",
};
const SYSTEM_PROFILES: List = List {
    action: "bedrock:ListInferenceProfiles",
    path: "/inference-profiles?type=SYSTEM_DEFINED",
    member: "inferenceProfileSummaries",
};
const OWN_PROFILES: List = List { path: "/inference-profiles?type=APPLICATION", ..SYSTEM_PROFILES };
const DEPLOYMENTS: List = List {
    action: "bedrock:ListCustomModelDeployments",
    path: "/model-customization/custom-model-deployments",
    member: "modelDeploymentSummaries",
};
const IMPORTED: List = List {
    action: "bedrock:ListImportedModels",
    path: "/imported-models",
    member: "modelSummaries",
};
const PROVISIONED: List = List {
    action: "bedrock:ListProvisionedModelThroughputs",
    path: "/provisioned-model-throughputs",
    member: "provisionedModelSummaries",
};
const ROUTERS: List = List {
    action: "bedrock:ListPromptRouters",
    path: "/prompt-routers",
    member: "promptRouterSummaries",
};

/// Asks for everything, one list after the other. A list that fails keeps what `last` holds of it; `None`
/// where that leaves it unknown which models there are.
pub async fn everything(aws: &AwsClient, last: Option<Lists>) -> (Option<Lists>, Vec<Missing>) {
    let is_known = last.is_some();
    let last = last.unwrap_or_default();
    let mut missing = Vec::new();
    let mut keep = |fault: Option<Missing>| missing.extend(fault);
    let profiles = match (list(aws, &SYSTEM_PROFILES).await, list(aws, &OWN_PROFILES).await) {
        (Ok(mut system), Ok(own)) => {
            system.extend(own);
            Ok(system)
        }
        (Err(fault), _) | (_, Err(fault)) => Err(fault),
    };
    let lists = Lists {
        foundation: settle(list(aws, &FOUNDATION).await, last.foundation, &mut keep),
        profiles: settle(profiles, last.profiles, &mut keep),
        deployments: settle(list(aws, &DEPLOYMENTS).await, last.deployments, &mut keep),
        imported: settle(list(aws, &IMPORTED).await, last.imported, &mut keep),
        provisioned: settle(list(aws, &PROVISIONED).await, last.provisioned, &mut keep),
        routers: settle(list(aws, &ROUTERS).await, last.routers, &mut keep),
    };
    let needed = [FOUNDATION.action, SYSTEM_PROFILES.action];
    let is_whole = !missing.iter().any(|missing| needed.contains(&missing.action));
    ((is_known || is_whole).then_some(lists), missing)
}

fn settle<T>(
    listed: Result<Vec<T>, Missing>,
    last: Vec<T>,
    keep: &mut impl FnMut(Option<Missing>),
) -> Vec<T> {
    match listed {
        Ok(listed) => listed,
        Err(missing) => {
            keep(Some(missing));
            last
        }
    }
}

async fn list<T: DeserializeOwned>(aws: &AwsClient, list: &List) -> Result<Vec<T>, Missing> {
    pages(aws, list).await.map_err(|fault| Missing { action: list.action, fault })
}

async fn pages<T: DeserializeOwned>(aws: &AwsClient, list: &List) -> Result<Vec<T>, Fault> {
    let mut items = Vec::new();
    let mut path = list.path.to_owned();
    for _ in 0..MOST_PAGES {
        let body = get(aws, &path).await?;
        let page = lists::page::<T>(&body, list.member).ok_or_else(unreadable)?;
        if page.unread > 0 {
            tracing::debug!(list = list.path, unread = page.unread, "elements of a list left out");
        }
        items.extend(page.items);
        let Some(token) = page.next else { return Ok(items) };
        let sign = if list.path.contains('?') { '&' } else { '?' };
        path = format!("{}{sign}nextToken={}", list.path, percent_encode(&token));
    }
    tracing::debug!(list = list.path, "the list goes on; its first pages are taken");
    Ok(items)
}

/// Asks what is behind an opaque ARN; `None` when AWS names no model.
///
/// # Errors
/// What the control plane answered, with the action that was asked for.
pub async fn behind(
    aws: &AwsClient,
    catalog: &Catalog,
    arn: &str,
) -> Result<Option<Behind>, Missing> {
    let mut at = arn.to_owned();
    let mut charge = Charge::Use;
    for _ in 0..MOST_HOPS {
        let Some(kind) = arn::kind(&at) else {
            return Ok(Some(Behind { model: arn::plain(&at).to_owned(), charge }));
        };
        if let Some(base) = arn::base(&at) {
            return Ok(Some(Behind { model: base.to_owned(), charge }));
        }
        charge = match (charge_of(kind), charge) {
            (Charge::Use, Charge::Use) => Charge::Use,
            (Charge::Other, _) | (_, Charge::Other) => Charge::Other,
        };
        let (action, path) = question(kind, &at);
        let body = get(aws, &path).await.map_err(|fault| Missing { action, fault })?;
        let body: Value =
            serde_json::from_slice(&body).map_err(|_| Missing { action, fault: unreadable() })?;
        let Some(next) = answer(kind, &body, catalog) else { return Ok(None) };
        at = next;
    }
    Ok(None)
}

fn charge_of(kind: Kind) -> Charge {
    match kind {
        Kind::ApplicationProfile | Kind::Deployment | Kind::Prompt => Charge::Use,
        // By the hour, by the minute of a copy, or for whichever model the router took.
        Kind::Provisioned | Kind::Imported | Kind::CustomModel | Kind::Router => Charge::Other,
    }
}

/// The operation that tells of an ARN: what it needs leave for, and its path.
fn question(kind: Kind, id: &str) -> (&'static str, String) {
    let (action, path) = match kind {
        Kind::ApplicationProfile => ("bedrock:GetInferenceProfile", "inference-profiles"),
        Kind::Provisioned => {
            ("bedrock:GetProvisionedModelThroughput", "provisioned-model-throughput")
        }
        Kind::Deployment => {
            ("bedrock:GetCustomModelDeployment", "model-customization/custom-model-deployments")
        }
        Kind::CustomModel => ("bedrock:GetCustomModel", "custom-models"),
        Kind::Imported => ("bedrock:GetImportedModel", "imported-models"),
        Kind::Router => ("bedrock:GetPromptRouter", "prompt-routers"),
        Kind::Prompt => ("bedrock:GetPrompt", "prompts"),
    };
    if let (Kind::Prompt, Some((prompt, version))) = (kind, versioned(id)) {
        return (action, format!("/{path}/{}/?promptVersion={version}", percent_encode(prompt)));
    }
    let slash = if kind == Kind::Prompt { "/" } else { "" };
    (action, format!("/{path}/{}{slash}", percent_encode(id)))
}

/// The ARN of a prompt and its version, where it names one.
fn versioned(id: &str) -> Option<(&str, &str)> {
    let (prompt, version) = id.rsplit_once(':')?;
    version.bytes().all(|byte| byte.is_ascii_digit()).then_some((prompt, version))
}

/// The next ARN or id on the way to the model.
fn answer(kind: Kind, body: &Value, catalog: &Catalog) -> Option<String> {
    let text = |member: &str| body[member].as_str().map(str::to_owned);
    match kind {
        Kind::ApplicationProfile => {
            let models: Vec<Routed> = serde_json::from_value(body["models"].clone()).ok()?;
            place(&models, &[], catalog)
        }
        Kind::Provisioned => text("foundationModelArn"),
        Kind::Deployment => text("modelArn"),
        Kind::CustomModel => text("baseModelArn"),
        // Nothing of Bedrock's is behind it.
        Kind::Imported => None,
        // Every model that a router may take is of the same family.
        Kind::Router => body["fallbackModel"]["modelArn"].as_str().map(str::to_owned),
        Kind::Prompt => prompted(body),
    }
}

/// The model of a prompt's default variant.
fn prompted(body: &Value) -> Option<String> {
    let variants = body["variants"].as_array()?;
    let is_default = |variant: &&Value| variant["name"] == body["defaultVariant"];
    let variant = variants.iter().find(is_default).or_else(|| variants.first())?;
    variant["modelId"].as_str().map(str::to_owned)
}

/// A whole answer, tried again as the table says.
async fn get(aws: &AwsClient, path: &str) -> Result<bytes::Bytes, Fault> {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let service = match path.starts_with("/prompts/") {
        true => Service::Agent,
        false => Service::Control,
    };
    let outbound = Outbound {
        service,
        method: Method::GET,
        path_and_query: path.to_owned(),
        headers,
        body: bytes::Bytes::new(),
        credentials: None,
    };
    let policy = Backoff::default();
    let mut retries = Retries::new(&policy);
    loop {
        let answer = async { aws.send(&outbound).await?.body.collect(MAX_ANSWER).await };
        match timeout(ANSWER, answer).await.unwrap_or_else(|_elapsed| Err(silent())) {
            Ok(body) => return Ok(body),
            Err(fault) => retries.after(fault).await?,
        }
    }
}

fn silent() -> Fault {
    let message = "Bedrock's control plane did not answer in time.";
    Fault::new(ErrorClass::UpstreamTimeout, Phase::AwaitingHead, message)
}

fn unreadable() -> Fault {
    let message = "The answer of Bedrock's control plane could not be read.";
    Fault::new(ErrorClass::Garbled, Phase::BeforeCommit, message)
}
