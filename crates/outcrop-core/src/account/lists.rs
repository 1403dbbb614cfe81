//! What the control plane lists, as it words it.
//!
//! 1. Unknown members are ignored and unknown words are kept: the enums of the service model lag behind
//!    what Bedrock says.
//! 2. An element that cannot be read is left out and counted; it never takes the others with it.
//!
//! Source: service model of `bedrock` (2023-04-20), checked 2026-11-26.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything that was listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lists {
    pub foundation: Vec<Foundation>,
    pub profiles: Vec<Profile>,
    pub deployments: Vec<Deployment>,
    pub imported: Vec<Imported>,
    pub provisioned: Vec<Provisioned>,
    #[serde(default)]
    pub routers: Vec<Router>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Foundation {
    pub model_id: String,
    #[serde(default)]
    pub model_name: Option<String>,
    #[serde(default)]
    pub provider_name: Option<String>,
    #[serde(default)]
    pub input_modalities: Vec<String>,
    #[serde(default)]
    pub output_modalities: Vec<String>,
    #[serde(default)]
    pub inference_types_supported: Vec<String>,
    #[serde(default)]
    pub model_lifecycle: Option<Lifecycle>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycle {
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub start_of_life_time: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    pub inference_profile_id: String,
    pub inference_profile_arn: String,
    #[serde(default)]
    pub inference_profile_name: String,
    #[serde(default)]
    pub models: Vec<Routed>,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub r#type: String,
    #[serde(default)]
    pub created_at: Option<String>,
}

/// A model that a profile or router sends requests to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Routed {
    pub model_arn: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    pub custom_model_deployment_arn: String,
    #[serde(default)]
    pub custom_model_deployment_name: String,
    /// Of the custom model.
    pub model_arn: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub created_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    pub model_arn: String,
    #[serde(default)]
    pub model_name: String,
    #[serde(default)]
    pub creation_time: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provisioned {
    pub provisioned_model_arn: String,
    #[serde(default)]
    pub provisioned_model_name: String,
    /// Of the base, also where the throughput is for a custom model.
    pub foundation_model_arn: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub creation_time: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Router {
    pub prompt_router_arn: String,
    #[serde(default)]
    pub prompt_router_name: String,
    pub fallback_model: Routed,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub created_at: Option<String>,
}

/// One page of a list.
pub struct Page<T> {
    pub items: Vec<T>,
    /// Elements that could not be read.
    pub unread: usize,
    pub next: Option<String>,
}

/// Reads the list `member` of an answer; `None` when the answer holds none.
pub fn page<T: DeserializeOwned>(body: &[u8], member: &str) -> Option<Page<T>> {
    let mut body: Value = serde_json::from_slice(body).ok()?;
    let next = body["nextToken"].as_str().filter(|token| !token.is_empty()).map(str::to_owned);
    let Value::Array(elements) = body.get_mut(member)?.take() else { return None };
    let all = elements.len();
    // What is left out is counted below.
    let items: Vec<T> =
        elements.into_iter().filter_map(|element| serde_json::from_value(element).ok()).collect();
    Some(Page { unread: all - items.len(), items, next })
}

// === impl Foundation ===

impl Foundation {
    /// Whether it can be called by its own id.
    pub fn is_on_demand(&self) -> bool {
        self.inference_types_supported.iter().any(|word| word == "ON_DEMAND")
    }
}

// === impl Profile ===

impl Profile {
    pub fn is_system_defined(&self) -> bool {
        self.r#type == "SYSTEM_DEFINED"
    }

    pub fn is_active(&self) -> bool {
        self.status == "ACTIVE"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_members_and_words_are_no_obstacle() {
        let body = br#"{"nextToken":"t","modelSummaries":[
            {"modelId":"a.b","future":{"x":1},"outputModalities":["SMELL"],"inferenceTypesSupported":["ON_DEMAND","LATER"],
             "modelLifecycle":{"status":"DREAMING","endOfLifeTime":"2030-01-01T00:00:00Z"}},
            {"modelName":"without an id"},
            7
        ]}"#;
        let page: Page<Foundation> = page(body, "modelSummaries").unwrap();
        assert_eq!((page.items.len(), page.unread, page.next.as_deref()), (1, 2, Some("t")));
        let model = &page.items[0];
        assert!(model.is_on_demand());
        assert_eq!(model.output_modalities, ["SMELL"]);
        assert_eq!(model.model_lifecycle.as_ref().unwrap().status, "DREAMING");
    }

    #[test]
    fn what_is_no_list_is_none() {
        for body in ["", "[]", "{}", r#"{"modelSummaries":{}}"#, r#"{"modelSummaries":null}"#] {
            assert!(page::<Foundation>(body.as_bytes(), "modelSummaries").is_none(), "{body}");
        }
    }
}
