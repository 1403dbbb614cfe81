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

#[tokio::test]
async fn what_the_account_owns_is_listed_and_found_by_arn() {
    let emulator = emulator().await;
    for (list, member, one, arn) in [
        ("/custom-models", "modelSummaries", "/custom-models", "modelArn"),
        (
            "/model-customization/custom-model-deployments",
            "modelDeploymentSummaries",
            "/model-customization/custom-model-deployments",
            "customModelDeploymentArn",
        ),
        ("/imported-models", "modelSummaries", "/imported-models", "modelArn"),
        (
            "/provisioned-model-throughputs",
            "provisionedModelSummaries",
            "/provisioned-model-throughput",
            "provisionedModelArn",
        ),
        ("/prompt-routers", "promptRouterSummaries", "/prompt-routers", "promptRouterArn"),
    ] {
        let all = Ask::get(list, "maxResults=1").send(&emulator).await.ok().json();
        let listed = &all[member][0];
        let id = listed[arn].as_str().unwrap_or_else(|| panic!("{list}: {all}"));
        let path = format!("{one}/{}", id.replace(':', "%3A").replace('/', "%2F"));
        assert_eq!(Ask::get(&path, "").send(&emulator).await.ok().json(), *listed, "{list}");
        let nobody = path.replace("123456789012", "210987654321");
        let none = Ask::get(&nobody, "").send(&emulator).await;
        assert_eq!(none.refusal().1, "ResourceNotFoundException", "{list}");
    }
    let prompt = Ask::get("/prompts/ABCDEFGHIJ/", "promptVersion=1").send(&emulator).await;
    let prompt = prompt.ok().json();
    assert_eq!(prompt["variants"][0]["modelId"], "amazon.nova-lite-v1:0");
}
