//! The control plane's lists.

use serde_json::json;

use crate::client::{Ask, emulator};

#[tokio::test]
async fn foundation_models_are_listed_and_found() {
    let emulator = emulator().await;
    let all = Ask::get("/foundation-models", "").send(&emulator).await.ok().json();
    let models = all["modelSummaries"].as_array().unwrap();
    let haiku = models.iter().find(|model| model["modelName"] == "Claude 3 Haiku").unwrap();
    assert_eq!(haiku["inferenceTypesSupported"], json!(["ON_DEMAND", "INFERENCE_PROFILE"]));
    let filtered =
        Ask::get("/foundation-models", "byProvider=Cohere").send(&emulator).await.ok().json();
    let filtered = filtered["modelSummaries"].as_array().unwrap();
    assert!(filtered.len() > 2 && filtered.iter().all(|model| model["providerName"] == "Cohere"));
    let path = "/foundation-models/anthropic.claude-3-haiku-20240307-v1%3A0";
    let one = Ask::get(path, "").send(&emulator).await.ok().json();
    assert_eq!(one["modelDetails"], *haiku);
    let none = Ask::get("/foundation-models/anthropic.nothing", "").send(&emulator).await;
    assert_eq!(none.refusal().1, "ResourceNotFoundException");
}

#[tokio::test]
async fn inference_profiles_come_in_pages() {
    let emulator = emulator().await;
    let all = Ask::get("/inference-profiles", "").send(&emulator).await.ok().json();
    let all = all["inferenceProfileSummaries"].as_array().unwrap().len();
    let mut token = String::new();
    let mut seen = 0;
    loop {
        let query = format!("maxResults=7{token}");
        let page = Ask::get("/inference-profiles", &query).send(&emulator).await.ok().json();
        seen += page["inferenceProfileSummaries"].as_array().unwrap().len();
        match page["nextToken"].as_str() {
            Some(next) => token = format!("&nextToken={next}"),
            None => break,
        }
    }
    assert_eq!(seen, all);
    let own = Ask::get("/inference-profiles", "type=APPLICATION").send(&emulator).await.ok().json();
    let arn =
        own["inferenceProfileSummaries"][0]["inferenceProfileArn"].as_str().unwrap().to_owned();
    let path = format!("/inference-profiles/{}", arn.replace(':', "%3A").replace('/', "%2F"));
    let one = Ask::get(&path, "").send(&emulator).await.ok().json();
    assert!(
        one["models"][0]["modelArn"]
            .as_str()
            .unwrap()
            .contains("foundation-model/anthropic.claude-sonnet-4-5")
    );
}
