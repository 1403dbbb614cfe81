//! What the policy of a configuration allows is enough for its traffic, and not for more.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use outcrop_config::{Lookup, Source, load};
use outcrop_core::{Gateway, ReceiptSink, Settings};
use outcrop_emulator::{
    Access, Config, EXAMPLE_ACCESS_KEY_ID, EXAMPLE_SECRET_ACCESS_KEY, Emulator,
};
use outcrop_server::Direct;
use serde_json::{Value, json};

const ROUTES: &str = "
routes:
  - {name: fast, match: {model: fast}, targets: {backend: main, model: us.amazon.nova-lite-v1:0}}
  - {name: claude, match: {model: claude-sonnet-4-5}, targets: main}
";
const ONE_MORE: &str = "  - {name: more, match: {model: more}, targets: {backend: main, model: us.amazon.nova-pro-v1:0}}\n";

struct Nothing;

impl Lookup for Nothing {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &std::path::Path) -> Result<String, String> {
        Err("there are no files".to_owned())
    }
}

/// What the policy allows, in the emulator's words.
fn access(policy: &Value) -> Access {
    let mut access = Access { models: Vec::new(), actions: Vec::new() };
    for statement in policy["Statement"].as_array().unwrap() {
        let texts = |name: &str| {
            let list = statement[name].as_array().unwrap().iter();
            list.map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        access.actions.extend(texts("Action"));
        let models = texts("Resource").into_iter();
        access.models.extend(
            models.filter_map(|arn| Some(arn.split_once(":foundation-model/")?.1.to_owned())),
        );
    }
    access
}

async fn gateway(text: &str) -> Direct {
    let (config, found) = load(&[Source { name: "a.yaml", text }], &Nothing);
    assert!(!outcrop_config::has_errors(&found), "{found:?}");
    let gateway = Gateway::new(Settings::default(), ReceiptSink::new(drop));
    gateway.reload(&config).await.unwrap();
    Direct::new(gateway)
}

async fn ask(gateway: &Direct, model: &str) -> u16 {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let request = Request::post("/v1/chat/completions")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    gateway.call(request).await.status().as_u16()
}

#[tokio::test]
async fn an_identity_with_the_policy_serves_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("outcrop.yaml");
    std::fs::write(&file, format!("backends: {{main: us-east-1}}\n{ROUTES}")).unwrap();
    let output =
        crate::support::outcrop(&["iam-policy", "-f", file.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let policy: Value = serde_json::from_slice(&output.stdout).unwrap();
    let allowed = access(&policy);
    let mut config = Config::default();
    config.access.insert(EXAMPLE_ACCESS_KEY_ID.to_owned(), allowed);
    let emulator = Emulator::bind("127.0.0.1:0", config).await.unwrap();
    let backend = format!(
        "backends: {{main: {{region: us-east-1, endpoint: '{}', identity: {{keys: {{access_key_id: {EXAMPLE_ACCESS_KEY_ID}, secret_access_key: '{EXAMPLE_SECRET_ACCESS_KEY}'}}}}}}}}\n",
        emulator.base_url()
    );
    let served = gateway(&format!("{backend}{ROUTES}{ONE_MORE}")).await;
    assert_eq!(ask(&served, "fast").await, 200);
    assert_eq!(ask(&served, "claude-sonnet-4-5").await, 200);
    assert_ne!(ask(&served, "more").await, 200, "the policy allows more than it need");
}
