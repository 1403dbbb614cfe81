//! What the control plane tells of models: which there are, through what, and whether they may be used.

use outcrop_aws::{AwsClient, Outbound, Service};
use outcrop_core::Geography;
use outcrop_model::{Catalog, Fault, Specialist, alias};
use serde_json::Value;

use super::Wishes;
use super::ailment::Stage;
use super::ask::ask;
use super::finding::{Check, Finding, Status};
use super::glance::Offer;

/// Pages of profiles that are read: a page has up to 1000, and a region has a few dozen.
const MOST_PAGES: usize = 20;
/// What GetFoundationModelAvailability tells, with the word for yes.
const AVAILABILITY: [(&str, &str, &str); 4] = [
    ("/regionAvailability", "regionAvailability", "AVAILABLE"),
    ("/authorizationStatus", "authorizationStatus", "AUTHORIZED"),
    ("/agreementAvailability/status", "agreementAvailability", "AVAILABLE"),
    ("/entitlementAvailability", "entitlementAvailability", "AVAILABLE"),
];

/// What was found of the lists, and of each model.
pub struct Access {
    pub listing: Vec<Finding>,
    pub models: Vec<Option<Finding>>,
}

/// What a region lists.
struct Lists {
    models: Vec<Value>,
    profiles: Vec<Value>,
}

pub async fn look(client: &AwsClient, wishes: &Wishes) -> Access {
    let region = client.endpoints().region.as_str();
    let lists = match lists(client).await {
        Ok(lists) => lists,
        Err(fault) => {
            let denied = Finding::of_fault(Check::Models, "lists", Stage::Access, &fault).mild();
            let models = wishes.models.iter().map(|_| None).collect();
            return Access { listing: vec![denied], models };
        }
    };
    let said = format!(
        "{} models and {} inference profiles in {region}",
        lists.models.len(),
        lists.profiles.len()
    );
    let mut listing = vec![Finding::new(Check::Models, Status::Fine, "lists", said)];
    listing.push(Finding::new(
        Check::Models,
        Status::Note,
        "quotas",
        format!(
            "tokens and requests per minute and day: aws service-quotas list-service-quotas --service-code bedrock --region {region}"
        ),
    ));
    let mut models = Vec::new();
    for model in &wishes.models {
        models.push(lists.about(client, model, &wishes.geography).await);
    }
    Access { listing, models }
}

async fn lists(client: &AwsClient) -> Result<Lists, Fault> {
    let mut models = get(client, "/foundation-models").await?;
    let mut profiles = Vec::new();
    let mut page = String::new();
    for _ in 0..MOST_PAGES {
        let mut body = get(client, &format!("/inference-profiles?maxResults=1000{page}")).await?;
        profiles.extend(take(&mut body, "inferenceProfileSummaries"));
        match body["nextToken"].as_str() {
            Some(token) => page = format!("&nextToken={}", encoded(token)),
            None => break,
        }
    }
    Ok(Lists { models: take(&mut models, "modelSummaries"), profiles })
}

/// What the region lists for calling: models by their own id, and profiles.
///
/// # Errors
/// When the lists cannot be had.
pub async fn offer(client: &AwsClient) -> Result<Offer, Fault> {
    let Lists { models, profiles } = lists(client).await?;
    let text = |of: &Value, member: &str| of[member].as_str().map(str::to_owned);
    let has = |of: &Value, member: &str, word: &str| {
        of[member].as_array().is_some_and(|words| words.iter().any(|one| one == word))
    };
    let mut offer = Offer::default();
    for profile in profiles.iter().filter(|profile| profile["status"] == "ACTIVE") {
        offer.chat.extend(text(profile, "inferenceProfileId"));
    }
    for model in models.iter().filter(|model| has(model, "inferenceTypesSupported", "ON_DEMAND")) {
        if has(model, "outputModalities", "EMBEDDING") {
            offer.embed.extend(text(model, "modelId"));
        } else if has(model, "outputModalities", "TEXT") {
            offer.chat.extend(text(model, "modelId"));
        }
    }
    offer.chat.retain(|id| Catalog::built_in().specialist(&alias::resolve(id).id).is_none());
    offer
        .embed
        .retain(|id| matches!(Catalog::built_in().specialist(id), Some(Specialist::Embeddings(_))));
    Ok(offer)
}

fn take(body: &mut Value, member: &str) -> Vec<Value> {
    match body[member].take() {
        Value::Array(items) => items,
        _not_a_list => Vec::new(),
    }
}

async fn get(client: &AwsClient, path: &str) -> Result<Value, Fault> {
    let question = Outbound {
        service: Service::Control,
        method: http::Method::GET,
        path_and_query: path.to_owned(),
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
        credentials: None,
    };
    let answer = ask(client, &question).await?;
    serde_json::from_slice(&answer).map_err(|error| {
        let class = outcrop_model::ErrorClass::Garbled;
        let phase = outcrop_model::Phase::BeforeCommit;
        Fault::new(class, phase, "the control plane's answer is not JSON")
            .with_detail(error.to_string())
    })
}

// === impl Lists ===

impl Lists {
    /// `None` for what the lists know nothing of.
    async fn about(
        &self,
        client: &AwsClient,
        name: &str,
        geography: &Geography,
    ) -> Option<Finding> {
        let id = alias::resolve(name).id;
        if id.starts_with("arn:") {
            let said = "named by an ARN, which is not looked up";
            return Some(Finding::new(Check::Models, Status::Note, name, said));
        }
        let catalog = Catalog::built_in();
        let base = catalog.foundation_id(&id);
        let through = self.through(base);
        let on_demand = self.on_demand(base);
        let ill =
            |said: String| Some(Finding::ill(Check::Models, name, (Stage::Access, None), said));
        if on_demand.is_none() && through.is_empty() {
            return ill(format!("{base} is not listed"));
        }
        let is_profile = base != id.as_ref();
        if is_profile && !through.contains(&id.as_ref()) {
            return ill(format!("{id} is not listed; profiles here: {}", through.join(", ")));
        }
        let target = match (is_profile, on_demand) {
            (true, _) | (false, Some(true)) => None,
            (false, _) => {
                let here = client.endpoints().region.as_str();
                let allowed = |prefix: &str| allows(geography, prefix, here);
                let found = through.iter().find(|one| allowed(one.split('.').next().unwrap_or("")));
                match found {
                    Some(profile) => Some(*profile),
                    None => {
                        return ill(format!("no profile of the geography: {}", through.join(", ")));
                    }
                }
            }
        };
        let said = match availability(client, base).await {
            Ok(wrong) if !wrong.is_empty() => return ill(wrong),
            Ok(_) => "available",
            // Not every region has this operation, and not every identity may call it.
            Err(_unknown) => "listed",
        };
        let said = match (target, on_demand) {
            (Some(profile), _) => format!("{said}, only through profiles: {profile} is called"),
            (None, Some(true)) if through.is_empty() => format!("{said}, on demand"),
            (None, Some(true)) => format!("{said}, on demand and through {}", through.join(", ")),
            (None, _) => format!("{said}, through {}", through.join(", ")),
        };
        let is_legacy = self.is_legacy(base);
        let status = if is_legacy { Status::Warning } else { Status::Fine };
        let said = if is_legacy { format!("{said}; legacy: it will end") } else { said };
        Some(Finding::new(Check::Models, status, name, said))
    }

    fn model(&self, base: &str) -> Option<&Value> {
        self.models.iter().find(|model| model["modelId"] == base)
    }

    /// Whether the model is called by its own id; `None` where it is not listed.
    fn on_demand(&self, base: &str) -> Option<bool> {
        let types = self.model(base)?["inferenceTypesSupported"].as_array()?;
        Some(types.iter().any(|kind| kind == "ON_DEMAND"))
    }

    fn is_legacy(&self, base: &str) -> bool {
        let model = self.model(base);
        model.is_some_and(|model| model["modelLifecycle"]["status"] == "LEGACY")
    }

    /// Ids of system profiles that lead to the model.
    fn through(&self, base: &str) -> Vec<&str> {
        let ids = self.profiles.iter().filter_map(|profile| profile["inferenceProfileId"].as_str());
        ids.filter(|id| *id != base && Catalog::built_in().foundation_id(id) == base).collect()
    }
}

fn allows(geography: &Geography, prefix: &str, region: &str) -> bool {
    match geography {
        Geography::Home => Catalog::built_in().homes(region).iter().any(|home| home == prefix),
        Geography::Named(name) => name == prefix,
        Geography::Off => false,
    }
}

/// What is missing, in the words of the answer; empty if nothing is.
async fn availability(client: &AwsClient, base: &str) -> Result<String, Fault> {
    let path = format!("/foundation-model-availability/{}", encoded(base));
    let answer = get(client, &path).await?;
    let wrong = |(place, name, yes): &(&str, &str, &str)| {
        let value = answer.pointer(place)?.as_str()?;
        (value != *yes).then(|| format!("{name} {value}"))
    };
    let wrong: Vec<String> = AVAILABILITY.iter().filter_map(wrong).collect();
    Ok(wrong.join(", "))
}

/// Percent-encoded for a segment or a query.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
