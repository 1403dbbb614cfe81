//! Where a configuration is found, and what it does.

use outcrop_emulator::{EXAMPLE_ACCESS_KEY_ID, EXAMPLE_REGION, EXAMPLE_SECRET_ACCESS_KEY};
use serde_json::Value;

use crate::desk::{Desk, NOVA, PROVIDER, allow, write};

const ROOT: &str = "includes: {providers: 'config/providers/*.yaml', embeddings: 'config/embeddings/*.yaml', settings: config/settings.yaml}\n";
const ACCOUNT: &str = "\
interface_type: aws_bedrock
provider_name: bedrock
config:
  aws_region: ${AWS_REGION}
  aws_access_key_id: ${AWS_ACCESS_KEY_ID}
  aws_secret_access_key: ${AWS_SECRET_ACCESS_KEY}
";

fn provider(model: &str) -> String {
    format!("{ACCOUNT}  default_model: {model}\n")
}

/// The model that was asked.
async fn asked(desk: &Desk, arguments: &[&str]) -> String {
    let ended = desk.run(&[&["query", "Hi", "--json"], arguments].concat()).await;
    let answer: Value = serde_json::from_str(&ended.fine()).unwrap();
    answer["model"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_nearest_configuration_counts() {
    let desk = Desk::new().await;
    // From the last place that is looked at to the first.
    let models = [
        "amazon.nova-micro-v1:0",
        "amazon.nova-lite-v1:0",
        "amazon.nova-pro-v1:0",
        "claude-haiku-4-5",
        "claude-sonnet-4-5",
    ];
    write(&desk.home(PROVIDER), &provider(models[0]));
    write(&desk.home("config.yaml"), "{}");
    assert_eq!(asked(&desk, &[]).await, models[0]);
    desk.file(&format!(".outcrop/{PROVIDER}"), &provider(models[1]));
    desk.file(".outcrop/config.yaml", ROOT);
    assert_eq!(asked(&desk, &[]).await, models[1]);
    // Another program's file of this name is passed over.
    desk.file(PROVIDER, &provider(models[2]));
    desk.file("config.yaml", "theme: dark\n");
    assert_eq!(asked(&desk, &[]).await, models[1]);
    desk.file("config.yaml", ROOT);
    assert_eq!(asked(&desk, &[]).await, models[2]);
    let by_variable = desk.file("variable/config.yaml", ROOT);
    desk.file(&format!("variable/{PROVIDER}"), &provider(models[3]));
    let desk = desk.env("OUTCROP_CONFIG", by_variable.to_str().unwrap());
    assert_eq!(asked(&desk, &[]).await, models[3]);
    desk.file("flag/config.yaml", ROOT);
    desk.file(&format!("flag/{PROVIDER}"), &provider(models[4]));
    assert_eq!(asked(&desk, &["--config", "flag"]).await, models[4]);
    let ended = desk.run(&["query", "Hi", "--config", "nowhere"]).await;
    assert_eq!(ended.code, 10, "{ended:?}");
    assert!(ended.err.contains("outcrop init"), "{ended:?}");
}

#[tokio::test]
async fn flags_win_over_the_environment_and_that_over_files() {
    let desk = Desk::new().await;
    desk.file("config.yaml", ROOT);
    desk.file(
        PROVIDER,
        &(provider("amazon.nova-pro-v1:0") + "  max_tokens: 7\n  temperature: 0.25\n"),
    );
    let settings =
        "ai: {default_system_prompt: Be brief.}\nquery: {max_tokens: '9', stop: [x, y]}\n";
    desk.file("config/settings.yaml", settings);
    let last = async |desk: &Desk, arguments: &[&str]| {
        desk.emulator.clear_requests();
        desk.run(&[&["query", "Hi"], arguments].concat()).await.quiet();
        let request = desk.emulator.requests().pop().unwrap();
        (request.raw_path.clone(), request.json().unwrap())
    };
    let (path, body) = last(&desk, &[]).await;
    assert!(path.contains("nova-pro"), "{path}");
    assert_eq!(body["inferenceConfig"]["maxTokens"], 9);
    assert_eq!(body["inferenceConfig"]["temperature"], 0.25);
    assert_eq!(body["inferenceConfig"]["stopSequences"], serde_json::json!(["x", "y"]));
    assert_eq!(body["system"][0]["text"], "Be brief.");
    let system = desk.file("system.txt", "From a file.");
    let flags = ["--max-tokens", "5", "-m", NOVA, "--system-file", system.to_str().unwrap()];
    let (path, body) = last(&desk, &flags).await;
    assert!(path.contains("nova-lite"), "{path}");
    assert_eq!(body["inferenceConfig"]["maxTokens"], 5);
    assert_eq!(body["system"][0]["text"], "From a file.");
    let desk = desk.env("OUTCROP_MODEL", "amazon.nova-micro-v1:0");
    assert!(last(&desk, &[]).await.0.contains("nova-micro"));
    assert!(last(&desk, &["-m", NOVA]).await.0.contains("nova-lite"));
    desk.file("config/settings.yaml", "query: {service_tier: flex}\n");
    let named = ["--config", "config.yaml"];
    assert_eq!(last(&desk, &named).await.1["serviceTier"]["type"], "flex");
    let option = [&named[..], &["-o", "service_tier=priority"]].concat();
    assert_eq!(last(&desk, &option).await.1["serviceTier"]["type"], "priority");
}

#[tokio::test]
async fn a_conversation_goes_on_as_it_was() {
    let desk = Desk::new().await;
    desk.file("config.yaml", ROOT);
    desk.file(PROVIDER, &provider("amazon.nova-pro-v1:0"));
    assert_eq!(asked(&desk, &["-m", NOVA]).await, NOVA);
    assert_eq!(asked(&desk, &["-c"]).await, NOVA);
    assert_eq!(asked(&desk, &[]).await, "amazon.nova-pro-v1:0");
}

#[tokio::test]
async fn dot_env_stands_behind_the_environment() {
    let desk = Desk::without_account().await;
    desk.file("config.yaml", ROOT);
    desk.file(PROVIDER, &provider(NOVA));
    let ended = desk.run(&["query", "Hi"]).await;
    assert_eq!(ended.code, 28, "{ended:?}");
    let variables = format!(
        "# Account\nexport AWS_ACCESS_KEY_ID={EXAMPLE_ACCESS_KEY_ID}\nAWS_SECRET_ACCESS_KEY='{EXAMPLE_SECRET_ACCESS_KEY}'\nAWS_REGION=us-west-2\nAWS_SESSION_TOKEN=\n"
    );
    let file = desk.file(".env", &variables);
    allow(&file, 0o600);
    let told = "note: the AWS account is that of ./.env, which gets what is asked";
    assert!(desk.run(&["query", "Hi", "--emulator"]).await.quiet().ends_with("Hi\n"));
    assert!(desk.run(&["query", "Hi"]).await.err.starts_with(told));
    desk.run(&["query", "Hi"]).await.quiet();
    let region = |desk: &Desk| {
        let request = desk.emulator.requests().pop().unwrap();
        let signed = request.header("authorization").unwrap().to_owned();
        signed.split('/').nth(2).unwrap().to_owned()
    };
    assert_eq!(region(&desk), "us-west-2");
    // Half of an account is never completed from the other half.
    let desk = desk.env("AWS_ACCESS_KEY_ID", "AKIAOTHER").env("AWS_REGION", "eu-west-1");
    let ended = desk.run(&["query", "Hi"]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("half a key pair"), "{ended:?}");
    let desk = desk.unset("AWS_ACCESS_KEY_ID");
    desk.run(&["query", "Hi"]).await.quiet();
    assert_eq!(region(&desk), "eu-west-1");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let ended = desk.run(&["query", "Hi"]).await;
    assert!(ended.err.contains("chmod 600"), "{ended:?}");
    desk.file(".env", "AWS_SECRET_ACCESS_KEY='never told\n");
    let ended = desk.run(&["query", "Hi"]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains(".env") && !ended.err.contains("never"), "{ended:?}");
}

#[tokio::test]
async fn what_is_not_known_is_told_with_the_nearest_name() {
    let desk = Desk::new().await;
    desk.file("config.yaml", &ROOT.replace("settings:", "setings: x, settings:"));
    desk.file(PROVIDER, &(provider(NOVA) + "  max_retris: 3\n  context_window: 8000\n"));
    desk.file(
        "config/settings.yaml",
        "ai: {default_sytem_prompt: x}\nlogging: {level: info}\nqury: {}\n",
    );
    let ended = desk.run(&["query", "Hi"]).await;
    let told = [
        "config.yaml:1:121 (includes.setings): `includes.setings` is not known and not used; did you mean `settings`?",
        "`ai.default_sytem_prompt` is not known and not used; did you mean `default_system_prompt`?",
        "`qury` is not known and not used; did you mean `query`?",
        "`max_retris` is not known and not used; did you mean `max_retries`?",
    ];
    for told in told {
        let told = told.trim_start_matches("config.yaml:1:121 (includes.setings): ");
        assert!(ended.err.contains(told), "{told}: {ended:?}");
    }
    assert_eq!(ended.err.lines().count(), 4, "{ended:?}");
    assert_eq!(ended.fine(), "You said: Hi\n");
}

#[tokio::test]
async fn one_of_several_providers_is_chosen() {
    let desk = Desk::new().await;
    desk.file("config.yaml", ROOT);
    desk.file(PROVIDER, &provider(NOVA));
    desk.file(
        "config/providers/work.yaml",
        &provider("amazon.nova-pro-v1:0").replace(": bedrock", ": work"),
    );
    desk.file(
        "config/providers/openai.yaml",
        "interface_type: openai_compatible\nprovider_name: openai\nconfig: {api_key: x}\n",
    );
    desk.file("config/settings.yaml", "ai: {default_provider: work}\n");
    assert_eq!(asked(&desk, &[]).await, "amazon.nova-pro-v1:0");
    assert_eq!(asked(&desk, &["-p", "bedrock"]).await, NOVA);
    for (provider, told) in [("openai", "openai_compatible"), ("nobody", "bedrock, openai, work")] {
        let ended = desk.run(&["query", "Hi", "-p", provider]).await;
        assert_eq!(ended.code, 11, "{ended:?}");
        assert!(ended.err.contains(told), "{ended:?}");
    }
}

/// `embeddings.default_provider` is nobody's here, and who is asked is not looked up by it.
#[tokio::test]
async fn a_default_in_another_file_stops_no_provider() {
    let desk = Desk::new().await;
    let second = "    second: {aws_region: us-east-1, aws_access_key_id: '${AWS_ACCESS_KEY_ID}', aws_secret_access_key: '${AWS_SECRET_ACCESS_KEY}', default_model: amazon.nova-pro-v1:0}\n";
    let whole = |default: &str| {
        format!(
            "embeddings: {{default_provider: b, interfaces: {{}}}}\nai:\n  default_provider: {default}\n  interfaces:\n   aws_bedrock:\n    providers:\n {second}"
        )
    };
    desk.file("config.yaml", &whole("bedrock"));
    desk.file(PROVIDER, &provider(NOVA));
    assert_eq!(asked(&desk, &[]).await, NOVA);
    assert_eq!(asked(&desk, &["-p", "second"]).await, "amazon.nova-pro-v1:0");
    desk.file("config.yaml", &whole("nobody"));
    assert_eq!(asked(&desk, &["-p", "second"]).await, "amazon.nova-pro-v1:0");
    desk.file(
        PROVIDER,
        "interface_type: openai_compatible\nprovider_name: openai\nconfig: {api_key: x}\n",
    );
    let ended = desk.run(&["query", "Hi"]).await;
    assert!(ended.err.contains("no provider `nobody`"), "{ended:?}");
}

#[tokio::test]
async fn a_file_that_nobody_named_sends_nothing_elsewhere() {
    let desk = Desk::new().await;
    desk.file("config.yaml", ROOT);
    desk.file(PROVIDER, &(provider(NOVA) + "  api_endpoint: http://127.0.0.1:9\n"));
    let ended = desk.run(&["query", "Hi"]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("--config config.yaml"), "{ended:?}");
    // The environment says where, also to a file that was named.
    desk.run(&["query", "Hi", "--config", "config.yaml"]).await.quiet();
    desk.file(PROVIDER, &provider(NOVA));
    desk.file("config/settings.yaml", "query: {via: 'http://127.0.0.1:9', output: stolen}\n");
    allow(&desk.file(".env", "OUTCROP_VIA=http://127.0.0.1:9\n"), 0o600);
    let ended = desk.run(&["query", "Hi"]).await;
    assert!(ended.err.contains("`OUTCROP_VIA` is not taken"), "{ended:?}");
    assert_eq!(ended.fine(), "You said: Hi\n");
    assert!(!desk.path("stolen").exists());
}

#[tokio::test]
async fn a_foreign_folder_learns_nothing_and_brings_no_account_in_secret() {
    let desk = Desk::without_account().await.env("TOKEN", "s3cr3t");
    let keys = provider(NOVA)
        .replace("${AWS_ACCESS_KEY_ID}", EXAMPLE_ACCESS_KEY_ID)
        .replace("${AWS_SECRET_ACCESS_KEY}", EXAMPLE_SECRET_ACCESS_KEY)
        .replace("${AWS_REGION}", EXAMPLE_REGION);
    desk.file("config.yaml", ROOT);
    allow(&desk.file(PROVIDER, &keys), 0o600);
    desk.file("config/settings.yaml", "query: {model: 'm-${TOKEN}'}\n");
    let ended = desk.run(&["query", "Hi", "--json"]).await;
    assert!(ended.err.contains("account is that of config/providers"), "{ended:?}");
    assert!(!(ended.err + &ended.out).contains("s3cr3t"), "the model is asked for with a secret");
    allow(&desk.file(PROVIDER, &format!("{keys}# changed\n")), 0o600);
    assert!(desk.run(&["query", "Hi", "-m", NOVA]).await.err.contains("account"), "told again");
    assert_eq!(asked(&desk, &["-m", NOVA]).await, NOVA);
    let hidden = desk.path(".outcrop");
    std::fs::create_dir(&hidden).unwrap();
    for name in ["config.yaml", "config"] {
        std::fs::rename(desk.path(name), hidden.join(name)).unwrap();
    }
    let ended = desk.run(&["query", "Hi"]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("brings an AWS account of its own"), "{ended:?}");
    let named = ["-m", NOVA, "--config", ".outcrop/config.yaml"];
    assert_eq!(asked(&desk, &named).await, NOVA);
}

#[tokio::test]
async fn embeddings_have_a_model_and_cuts_of_their_own() {
    let desk = Desk::new().await;
    desk.file("config.yaml", ROOT);
    desk.file(PROVIDER, &provider(NOVA));
    let embeddings = ACCOUNT.to_owned()
        + "  default_model: amazon.titan-embed-text-v2:0\n  embedding_models: {'amazon.titan-embed-text-v2:0': {dimensions: 1024}}\n";
    desk.file("config/embeddings/aws-bedrock.yaml", &embeddings);
    desk.file("config/settings.yaml", "embeddings: {default_chunk_strategy: none}\n");
    let said = desk.run(&["embed", "One. Two."]).await.quiet();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["model"], "amazon.titan-embed-text-v2:0");
    assert_eq!(said["chunks"].as_array().unwrap().len(), 1);
    // Nor need the file list any.
    let alone = ACCOUNT.to_owned() + "  default_model: cohere.embed-english-v3\n";
    desk.file("config/embeddings/aws-bedrock.yaml", &alone);
    let said: Value = serde_json::from_str(&desk.run(&["embed", "One."]).await.quiet()).unwrap();
    assert_eq!(said["model"], "cohere.embed-english-v3");
    assert_eq!(asked(&desk, &[]).await, NOVA);
}
