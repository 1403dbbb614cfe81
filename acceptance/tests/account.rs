//! The models of the account: lists, profiles, and ARNs that do not say which model is behind them.

use std::sync::Arc;
use std::time::Duration;

use outcrop_aws::{
    AwsClient, ClientConfig, CredentialSource, Credentials, Endpoint, Endpoints, Region,
};
use outcrop_core::{Account, Cache, Listing};
use outcrop_emulator::{AccessKey, Config, Emulator, Fault, Injection, Received};
use outcrop_model::{Carrier, Catalog, Charge};
use serde_json::json;

use crate::support::{Answer, CLAUDE, NOVA, Options, Stack, chat};

const BARE: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";
const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";
const LLAMA: &str = "meta.llama3-1-70b-instruct-v1:0";

fn arn(resource: &str) -> String {
    format!("arn:aws:bedrock:us-east-1:123456789012:{resource}")
}

/// What one account owns: resource, the model behind.
const OWNED: [(&str, &str); 7] = [
    ("application-inference-profile/aaaaaaaaaaa1", CLAUDE),
    ("application-inference-profile/aaaaaaaaaaa2", HAIKU),
    ("provisioned-model/aaaaaaaaaaa3", HAIKU),
    ("custom-model-deployment/aaaaaaaaaaa4", NOVA),
    ("imported-model/aaaaaaaaaaa5", LLAMA),
    ("default-prompt-router/anthropic.claude:2", CLAUDE),
    ("prompt/AAAAAAAAAA", NOVA),
];

fn owning() -> Config {
    let owned = OWNED.iter().map(|(id, model)| (arn(id), (*model).to_owned())).collect();
    Config { owned, ..Config::default() }
}

async fn stack(lists: bool) -> Stack {
    Stack::with(Options { emulator: owning(), lists, ..Options::default() }).await
}

fn deny(stack: &Stack, operation: &str) {
    stack.emulator.inject_where(Injection {
        faults: Fault::parse_list("error=AccessDeniedException").unwrap(),
        times: 100,
        operation: Some(operation.to_owned()),
        model: None,
    });
}

/// The paths of the control plane that were asked for.
fn questions(stack: &Stack) -> Vec<String> {
    let requests = stack.emulator.requests();
    requests.iter().filter(|r| r.method == "GET").map(|r| r.raw_path.clone()).collect()
}

async fn ask(stack: &Stack, dialect: &str, model: &str) -> Answer {
    let (path, body) = chat(dialect, model, "say:hello", false);
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.status, 200, "{dialect} {model}: {}", answer.text());
    answer
}

/// What a receipt tells of an ARN: carrier of an Anthropic request, the model behind, what is charged.
type Expected = (Carrier, Option<(String, Charge)>, bool);

fn expected(resource: &str) -> Expected {
    let in_region = |id: &str| format!("arn:aws:bedrock:us-east-1::foundation-model/{id}");
    let behind = |model: String, charge| Some((model, charge));
    let (use_, other) = (Charge::Use, Charge::Other);
    match resource.split('/').next().unwrap() {
        "provisioned-model" => (Carrier::Invoke, behind(in_region(HAIKU), other), false),
        "custom-model-deployment" => (Carrier::Converse, behind(NOVA.to_owned(), use_), true),
        "imported-model" => (Carrier::Converse, None, false),
        "default-prompt-router" => (Carrier::Invoke, behind(CLAUDE.to_owned(), other), false),
        _ if resource.ends_with('1') => (Carrier::Invoke, behind(CLAUDE.to_owned(), use_), true),
        _ => (Carrier::Invoke, behind(in_region(HAIKU), use_), true),
    }
}

#[tokio::test]
async fn every_kind_of_arn_is_the_model_behind_it_in_every_dialect() {
    for lists in [true, false] {
        let mut stack = stack(lists).await;
        stack.emulator.clear_requests();
        for (resource, model) in OWNED.iter().filter(|(id, _)| !id.starts_with("prompt/")) {
            let id = arn(resource);
            let (carrier, behind, has_cost) = expected(resource);
            for dialect in ["openai", "anthropic", "converse"] {
                let answer = ask(&stack, dialect, &id).await;
                assert_eq!(answer.header("x-outcrop-model"), "", "nothing else was called");
                let receipt = stack.receipt().await;
                let told = receipt.behind.clone().map(|behind| (behind.model, behind.charge));
                assert_eq!(told, behind, "{resource} {lists}");
                let carried = if dialect == "converse" { Carrier::Converse } else { carrier };
                assert_eq!(receipt.carrier, Some(carried), "{resource} {dialect} {lists}");
                assert_eq!(receipt.cost.is_some(), has_cost, "{resource} {dialect}");
                if has_cost {
                    ask(&stack, dialect, model).await;
                    assert_eq!(stack.receipt().await.cost, receipt.cost, "{resource} {dialect}");
                }
            }
        }
        // What is listed is not asked about; what is not, once. Nothing is behind imported models.
        let asked = questions(&stack);
        assert_eq!(asked.len(), if lists { 0 } else { 5 }, "{asked:?}");
    }
}

#[tokio::test]
async fn a_prompt_is_the_model_that_it_names() {
    let mut stack = stack(false).await;
    let id = arn("prompt/AAAAAAAAAA:3");
    let path = format!("/model/{}/converse", id.replace(':', "%3A").replace('/', "%2F"));
    let body = json!({"promptVariables": {"what": {"text": "hello"}}});
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["output"]["message"]["content"][0]["text"], "hello");
    let receipt = stack.receipt().await;
    assert_eq!(receipt.behind.unwrap().model, NOVA);
    assert!(receipt.cost.is_some());
    let question = &stack.emulator.requests()[0];
    assert_eq!(question.raw_query, "promptVersion=3");
    assert!(question.raw_path.ends_with("AAAAAAAAAA/"), "{}", question.raw_path);
}

#[tokio::test]
async fn embeddings_find_the_model_behind_an_arn() {
    let titan = "amazon.titan-embed-text-v2:0";
    let id = arn("application-inference-profile/bbbbbbbbbbb1");
    let owned = vec![(id.clone(), titan.to_owned())];
    let emulator = Config { owned, ..Config::default() };
    let mut stack = Stack::with(Options { emulator, ..Options::default() }).await;
    let body = json!({"model": id, "input": "a fox"});
    let answer = stack.post("/v1/embeddings", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(stack.receipt().await.cost.is_some());
}

#[tokio::test]
async fn without_leave_to_ask_an_arn_is_a_model_that_nobody_described() {
    let mut stack = stack(false).await;
    deny(&stack, "GetInferenceProfile");
    let id = arn(OWNED[0].0);
    for _ in 0..2 {
        ask(&stack, "anthropic", &id).await;
        let receipt = stack.receipt().await;
        assert_eq!((receipt.carrier, receipt.behind), (Some(Carrier::Converse), None));
        assert_eq!(receipt.cost, None);
    }
    assert_eq!(questions(&stack).len(), 1, "it is not asked again and again");
}

#[tokio::test]
async fn no_request_hangs_on_a_silent_control_plane() {
    let mut stack = stack(false).await;
    stack.emulator.inject_where(Injection {
        faults: Fault::parse_list("slow=600000").unwrap(),
        times: 100,
        operation: Some("GetInferenceProfile".to_owned()),
        model: None,
    });
    ask(&stack, "openai", &arn(OWNED[0].0)).await;
    assert_eq!(stack.receipt().await.behind, None);
}

#[tokio::test]
async fn a_bare_id_goes_to_its_profile_at_once() {
    for (region, geography, profile) in [
        ("us-east-1", "home", Some("us")),
        ("eu-west-1", "home", Some("eu")),
        ("ap-northeast-1", "home", Some("jp")),
        ("ap-southeast-2", "home", Some("au")),
        ("eu-west-1", "global", Some("global")),
        // Nothing outside of the choice stands in.
        ("us-east-1", "eu", None),
        ("us-east-1", "off", None),
    ] {
        let geography = geography.to_owned();
        let options = Options { region, geography, lists: true, ..Options::default() };
        let mut stack = Stack::with(options).await;
        for dialect in ["openai", "anthropic", "converse"] {
            let (path, body) = chat(dialect, BARE, "hi", false);
            let answer = stack.post(&path, &body).await;
            let receipt = stack.receipt().await;
            let Some(profile) = profile else {
                assert_eq!(answer.status, 400, "{region}: {}", answer.text());
                assert!(answer.text().contains("on-demand throughput"), "{}", answer.text());
                continue;
            };
            let id = format!("{profile}.{BARE}");
            assert_eq!(answer.header("x-outcrop-model"), id, "{}", answer.text());
            assert_eq!((receipt.target, receipt.attempts), (Some(id), 1), "{region}");
        }
        for request in stack.emulator.requests().iter().filter(|r| r.method == "POST") {
            let own = profile.or((region == "us-east-1").then_some("eu")).unwrap_or_default();
            let model = request.raw_path.strip_prefix("/model/").unwrap();
            let is_own = model.starts_with("anthropic.") || model.starts_with(own);
            assert!(is_own, "{region}: {}", request.raw_path);
        }
    }
}

#[tokio::test]
async fn the_list_names_what_can_be_called_and_all_of_it_can() {
    let stack = stack(true).await;
    let answer = stack.get("/v1/models").await;
    assert_eq!(answer.header("x-outcrop-models"), "account");
    assert!(!answer.text().contains("123456789012"), "an account is nobody's business");
    let list = answer.json();
    let ids: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    for id in [BARE, "claude-sonnet-4-5", CLAUDE, NOVA, OWNED[0].0, OWNED[2].0, OWNED[4].0] {
        assert_eq!(ids.iter().filter(|one| **one == id).count(), 1, "{id} in {ids:?}");
    }
    assert!(!ids.contains(&"anthropic.claude-v2:1"), "it has ended");
    let mut chats = 0;
    for model in list["data"].as_array().unwrap() {
        let id = model["id"].as_str().unwrap();
        assert!(model["created"].as_i64().unwrap() > 0 && model["owned_by"] != "", "{model}");
        let one = stack.get(&format!("/v1/models/{}", id.replace('/', "%2F"))).await;
        assert_eq!(one.json(), *model);
        if !model["capabilities"].is_null() || id.starts_with("imported-model/") {
            let (path, body) = chat("openai", id, "say:hello", false);
            let answer = stack.post(&path, &body).await;
            let is_chat = !answer.text().contains("/v1/embeddings");
            assert!(answer.status == 200 || !is_chat, "{id}: {}", answer.text());
            assert!(!answer.header("x-outcrop-model").contains("123456789012"), "{id}");
            chats += usize::from(answer.status == 200);
        }
    }
    assert!(chats > 60, "only {chats} of {ids:?}");
    let profile = stack.get(&format!("/v1/models/{}", OWNED[0].0.replace('/', "%2F"))).await.json();
    let behind = stack.get(&format!("/v1/models/{CLAUDE}")).await.json();
    assert_eq!(profile["capabilities"], behind["capabilities"]);
    assert_eq!(profile["prices"], behind["prices"]);

    let unlisted = Stack::start().await;
    assert_eq!(unlisted.get("/v1/models").await.header("x-outcrop-models"), "catalog");
}

#[tokio::test]
async fn a_list_that_fails_leaves_the_last_and_a_new_one_drops_no_request() {
    let stack = stack(true).await;
    let lists = stack.account.models().unwrap().lists().clone();
    for operation in ["ListInferenceProfiles", "ListImportedModels"] {
        deny(&stack, operation);
        assert_eq!(stack.account.refresh(Some(lists.clone())).await, Some(lists.clone()));
        stack.emulator.clear_faults();
    }
    let refreshes = async {
        for _ in 0..20 {
            stack.account.refresh(Some(lists.clone())).await;
        }
    };
    let chats = async {
        for _ in 0..40 {
            let answer = ask(&stack, "openai", BARE).await;
            assert_eq!(answer.header("x-outcrop-model"), CLAUDE);
        }
    };
    tokio::join!(refreshes, chats);
    deny(&stack, "ListFoundationModels");
    deny(&stack, "ListInferenceProfiles");
    assert_eq!(stack.account.refresh(None).await, None);
    assert_eq!(ask(&stack, "openai", BARE).await.header("x-outcrop-model"), CLAUDE);
}

#[tokio::test]
async fn the_next_start_knows_the_list_at_once_and_no_other_identity_does() {
    let keys = ["AKIDONE", "AKIDTWO"].map(|id| AccessKey::new(id, "s3cr3t"));
    let config = Config { access_keys: keys.to_vec(), ..Config::default() };
    let emulator = Emulator::bind("127.0.0.1:0", config).await.unwrap();
    let account = |key: &str| {
        let region = Region::new("us-east-1", "test").unwrap();
        let endpoint = Endpoint::parse(&emulator.base_url(), "test").unwrap();
        let credentials = Credentials::keys(key, "s3cr3t", None).unwrap();
        let endpoints = Endpoints::single(region, endpoint);
        let config = ClientConfig::new(endpoints, CredentialSource::Static(credentials));
        Account::new(Arc::new(AwsClient::new(config).unwrap()), Catalog::built_in())
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("models.json");
    let listing =
        Listing { period: Duration::from_secs(3600), cache: Some(Cache::File(file.clone())) };

    let first = account("AKIDONE");
    let watch = first.watch(&listing);
    until(|| file.exists()).await;
    drop(watch);
    let lists = first.models().unwrap().lists().clone();

    for operation in ["ListFoundationModels", "ListInferenceProfiles"] {
        emulator.inject_where(Injection {
            faults: Fault::parse_list("error=AccessDeniedException").unwrap(),
            times: 100,
            operation: Some(operation.to_owned()),
            model: None,
        });
    }
    let next = account("AKIDONE");
    let _watch = next.watch(&listing);
    until(|| next.models().is_some()).await;
    assert_eq!(*next.models().unwrap().lists(), lists);

    emulator.clear_requests();
    let other = account("AKIDTWO");
    let _watch = other.watch(&listing);
    let by_other = |r: &Received| r.headers["authorization"].to_str().unwrap().contains("AKIDTWO");
    until(|| emulator.requests().iter().any(by_other)).await;
    assert!(other.models().is_none(), "what was kept is read before anything is asked");
}

/// Waits for something that a task of its own brings about.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}
