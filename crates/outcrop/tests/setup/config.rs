//! `outcrop config`.

use serde_json::Value;

use crate::desk::{Desk, NOVA, PROVIDER, allow, write};

async fn configured() -> Desk {
    let desk = Desk::new().await;
    let embeddings = "amazon.titan-embed-text-v2:0";
    desk.run(&["init", "--no-verify", "--model", NOVA, "--embed-model", embeddings]).await.fine();
    desk
}

#[tokio::test]
async fn values_are_read_and_changed_one_by_one() {
    let desk = configured().await;
    let get = async |key: &str| desk.run(&["config", "get", key]).await;
    assert_eq!(get("provider.default_model").await.quiet(), format!("{NOVA}\n"));
    assert_eq!(get("embedding.default_model").await.quiet(), "amazon.titan-embed-text-v2:0\n");
    let path = desk.home(PROVIDER);
    let before = std::fs::read_to_string(&path).unwrap();
    desk.run(&["config", "set", "provider.default_model", "amazon.nova-pro-v1:0"]).await.quiet();
    let after = std::fs::read_to_string(&path).unwrap();
    assert_eq!(after, before.replace(NOVA, "amazon.nova-pro-v1:0"));
    desk.run(&["config", "set", "query.max_tokens", "77"]).await.quiet();
    assert_eq!(get("query.max_tokens").await.quiet(), "77\n");
    desk.run(&["query", "Hi"]).await.quiet();
    let request = desk.emulator.requests().pop().unwrap();
    assert_eq!(request.json().unwrap()["inferenceConfig"]["maxTokens"], 77);
    assert!(request.raw_path.contains("nova-pro"));
    for (key, value, code, told) in [
        ("query.max_tokens", "abc", 20, "settings.yaml:"),
        ("provider.max_tokens", "abc", 20, "aws-bedrock.yaml:"),
        ("query.max_tokns", "5", 20, "did you mean `max_tokens`"),
        ("provider.api_key", "ABSK-in-plain", 20, ".env"),
        ("query.max_tokens", "-5", 20, "settings.yaml:"),
        ("nonsense", "5", 20, "query.max_tokens"),
    ] {
        let ended = desk.run(&["config", "set", key, value]).await;
        assert_eq!(ended.code, code, "{ended:?}");
        assert!(ended.err.contains(told), "{told}: {ended:?}");
    }
    assert_eq!(get("query.temperature").await.code, 1);
    for (key, told) in [
        ("query.max_tokns", "`query.max_tokens`"),
        ("provider.aws_regoin", "`provider.aws_region`"),
        ("qery.max_tokens", "`query.max_tokens`"),
    ] {
        let ended = get(key).await;
        assert!(ended.code == 1 && ended.err.contains(told), "{ended:?}");
    }
    assert_eq!(desk.run(&["config", "validate", "--strict"]).await.code, 0);
    // A file in the folder of embeddings is one whatever it lists.
    desk.run(&["config", "set", "embedding.default_model", "cohere.embed-english-v3"])
        .await
        .quiet();
    let vectors = desk.run(&["embed", "Hi"]).await.quiet();
    assert!(vectors.contains("cohere.embed-english-v3"), "{vectors}");
    write(&desk.home("config/settings.yaml"), "query:\n  max_tokens: abc\n");
    for (arguments, code) in [(&["config", "validate"][..], 1), (&["query", "Hi"], 1)] {
        let ended = desk.run(arguments).await;
        assert_eq!(ended.code, code, "{ended:?}");
        let told = format!("{}{}", ended.out, ended.err);
        assert!(told.contains("settings.yaml:2:15") && told.contains("'abc'"), "{ended:?}");
    }
    desk.run(&["query", "Hi", "--max-tokens", "5"]).await.fine();
    desk.run(&["config", "set", "query.max_tokens", "5"]).await.quiet();
}

#[tokio::test]
async fn secrets_are_found_and_never_shown() {
    let desk = configured().await;
    let path = desk.home(PROVIDER);
    let text = std::fs::read_to_string(&path).unwrap();
    write(&path, &text.replace("${AWS_SECRET_ACCESS_KEY}", "very-secret"));
    write(&desk.home(".env"), "SOME_KEY=hidden\n");
    allow(&desk.home(".env"), 0o600);
    let shown = desk.run(&["config", "show"]).await.fine();
    assert!(
        shown.contains("aws_secret_access_key: ***") && shown.contains("SOME_KEY=***"),
        "{shown}"
    );
    assert!(shown.contains("${AWS_ACCESS_KEY_ID}"), "{shown}");
    assert!(!shown.contains("very-secret") && !shown.contains("hidden"), "{shown}");
    let got = desk.run(&["config", "get", "provider.aws_secret_access_key"]).await.fine();
    assert_eq!(got, "***\n");
    let ended = desk.run(&["config", "validate"]).await;
    for told in ["in plain text", "chmod 600"] {
        assert!(ended.out.contains(told), "{told}: {ended:?}");
    }
    assert_eq!(ended.code, 0);
    assert_eq!(desk.run(&["config", "validate", "--strict"]).await.code, 1);
}

#[tokio::test]
async fn places_and_keys_are_told() {
    let desk = configured().await;
    let file = desk.home("config.yaml").display().to_string();
    assert_eq!(desk.run(&["config", "path"]).await.fine().trim(), file);
    let all = desk.run(&["config", "path", "--all"]).await.fine();
    assert!(all.contains(&format!("used   {file} (user)")), "{all}");
    let schema = desk.run(&["config", "schema"]).await.quiet();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let settings = &schema["$defs"]["settings"]["properties"];
    assert!(settings["query"]["properties"].get("max_tokens").is_some(), "{schema:#}");
    let desk = desk.env("EDITOR", "sed -i 's/default_provider/default_provder/'");
    let edited = desk.run(&["config", "edit"]).await;
    assert!(edited.out.contains("did you mean `default_provider`"), "{edited:?}");
    let nothing = Desk::new().await.run(&["config", "show"]).await;
    assert_eq!(nothing.code, 10, "{nothing:?}");
}

#[tokio::test]
async fn the_default_models_are_told_and_chosen() {
    let desk = Desk::new().await;
    let told = desk.run(&["models", "default"]).await.quiet();
    assert_eq!(told, "chat     claude-sonnet-4-5\nvectors  cohere.embed-english-v3\n");
    assert_eq!(desk.run(&["models", "default", NOVA]).await.code, 10);
    desk.run(&["init", "--non-interactive", "--no-verify", "--model", "claude-haiku-4-5"])
        .await
        .fine();
    desk.run(&["models", "default", NOVA]).await.quiet();
    desk.run(&["models", "default", "amazon.titan-embed-text-v2:0"]).await.quiet();
    let told = desk.run(&["models", "default"]).await.quiet();
    assert_eq!(told, format!("chat     {NOVA}\nvectors  amazon.titan-embed-text-v2:0\n"));
    let ended = desk.run(&["models", "default", "amazon.nova-canvas-v1:0"]).await;
    assert_eq!(ended.code, 20, "{ended:?}");
}
