//! mcp-cli's `config.yaml` that has everything in it: read as it is, and made into a tree by `config migrate`.

use crate::desk::{Desk, NOVA, PROVIDER, allow, write};

const KEY: &str = outcrop_emulator::EXAMPLE_ACCESS_KEY_ID;
const SECRET: &str = outcrop_emulator::EXAMPLE_SECRET_ACCESS_KEY;

/// As mcp-cli's loader takes it.
fn whole() -> String {
    format!(
        "\
# My settings.
servers:
  files:
    command: npx
    args: [-y, server-files]
    env: {{ROOT: \"$HOME\"}}
    system_prompt: Be careful.
ai:
  default_provider: bedrock
  default_system_prompt: Be brief.
  # Whom to ask.
  interfaces:
    openai_compatible:
      providers:
        openai:
          api_key: sk-other
          default_model: gpt-4o
    aws_bedrock:
      providers:
        bedrock:
          aws_region: us-east-1  # home
          aws_access_key_id: {KEY}
          aws_secret_access_key: {SECRET}
          default_model: {NOVA}
          max_tokens: 77
          timeout_secs: 5
        other: {{aws_region: eu-west-1, default_model: amazon.nova-pro-v1:0, api_key: \"\"}}
embeddings:
  default_chunk_strategy: sentence
  output_precision: 6
  interfaces:
    aws_bedrock:
      providers:
        bedrock:
          aws_region: us-east-1
          aws_access_key_id: {KEY}
          aws_secret_access_key: {SECRET}
          default_model: amazon.titan-embed-text-v2:0
skills:
  outputs_dir: /tmp/out
"
    )
}

async fn asked(desk: &Desk, arguments: &[&str]) -> (String, String) {
    let said = desk.run(arguments).await.fine();
    let request = desk.emulator.requests().pop().unwrap();
    (said, format!("{} {}", request.raw_path, request.json().unwrap()))
}

/// What both layouts come to.
async fn check(desk: &Desk) {
    let (said, request) = asked(desk, &["query", "Hi"]).await;
    assert_eq!(said, "You said: Hi\n");
    for part in ["nova-lite", "\"maxTokens\":77", "Be brief."] {
        assert!(request.contains(part), "{part}: {request}");
    }
    let (_, request) = asked(desk, &["query", "Hi", "--provider", "other"]).await;
    assert!(request.contains("nova-pro") && !request.contains("77"), "{request}");
    let (_, request) = asked(desk, &["embed", "Hi"]).await;
    assert!(request.contains("titan-embed-text-v2"), "{request}");
    let elsewhere = desk.run(&["query", "Hi", "--provider", "openai"]).await;
    assert_eq!(elsewhere.code, 11, "{elsewhere:?}");
    let servers = desk.run(&["mcp", "list"]).await.fine();
    assert!(servers.contains("files"), "{servers}");
}

#[tokio::test]
async fn everything_in_one_file_is_read_as_it_is() {
    let desk = Desk::without_account().await;
    let file = desk.home("config.yaml");
    write(&file, &whole());
    allow(&file, 0o600);
    // `other` has no keys of its own.
    let desk = desk.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
    check(&desk).await;
    let said = desk.run(&["config", "validate"]).await.fine();
    for told in ["config.yaml:26:", "timeout_secs", "did you mean `timeout_seconds`", "skills"] {
        assert!(said.contains(told), "{told}: {said}");
    }
    assert!(!said.contains("`servers`") && !said.contains("`ai.interfaces`"), "{said}");
    desk.run(&["config", "set", "provider.default_model", "amazon.nova-micro-v1:0"]).await.fine();
    desk.run(&["config", "set", "query.max_turns", "3"]).await.fine();
    let now = std::fs::read_to_string(&file).unwrap();
    let changed = whole().replace(NOVA, "amazon.nova-micro-v1:0") + "query:\n  max_turns: 3\n";
    assert_eq!(now, changed);
}

#[tokio::test]
async fn one_file_becomes_a_tree_and_nothing_is_lost() {
    let desk = Desk::without_account().await;
    let desk = desk.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
    let file = desk.home("config.yaml");
    write(&file, &whole());
    allow(&file, 0o600);
    let shown = desk.run(&["config", "migrate", "--dry-run"]).await.fine();
    assert!(shown.contains("+provider_name: bedrock"), "{shown}");
    assert!(!shown.contains(SECRET) && !shown.contains("sk-other"), "{shown}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), whole());
    let said = desk.run(&["config", "migrate"]).await.fine();
    for told in [
        "config.yaml:7:5 ",
        "`system_prompt` of a server",
        "config.yaml:26:",
        "`skills` means nothing here",
        "`embeddings.output_precision` means nothing here",
        "openai_compatible",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    assert!(!said.contains(SECRET), "{said}");
    check(&desk).await;
    let text = |name: &str| std::fs::read_to_string(desk.home(name)).unwrap();
    assert_eq!(text("config.yaml.backup"), whole());
    assert_eq!(
        text(PROVIDER),
        format!(
            "interface_type: aws_bedrock\nprovider_name: bedrock\nconfig:\n  aws_region: us-east-1  # home\n  \
             aws_access_key_id: ${{AWS_ACCESS_KEY_ID}}\n  aws_secret_access_key: ${{AWS_SECRET_ACCESS_KEY}}\n  \
             default_model: {NOVA}\n  max_tokens: 77\n  timeout_secs: 5\n"
        )
    );
    assert_eq!(
        text("config/settings.yaml"),
        "# My settings.\nai:\n  default_provider: bedrock\n  default_system_prompt: Be brief.\n  # Whom to ask.\n\
         embeddings:\n  default_chunk_strategy: sentence\n  output_precision: 6\nskills:\n  outputs_dir: /tmp/out\n"
    );
    assert!(text("config/servers/files.yaml").ends_with("  system_prompt: Be careful.\n"));
    assert!(text("config/providers/openai.yaml").contains("api_key: ${OPENAI_API_KEY}"));
    assert!(text(".env").contains("OPENAI_API_KEY='sk-other'") && text(".env").contains(SECRET));
    for name in [".env", "config.yaml.backup"] {
        assert_eq!(mode(&desk, name), 0o600, "{name}");
    }
    let again = desk.run(&["config", "migrate"]).await.fine();
    assert!(again.contains("is as it should be"), "{again}");
}

fn mode(desk: &Desk, name: &str) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(desk.home(name)).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_tree_comes_over_from_another_folder() {
    let desk = Desk::without_account().await;
    let root = "includes:\n  providers: config/providers/*.yaml\n  runas: config/runas/*.yaml\n";
    let source = desk.file("mcp-cli/config.yaml", root);
    let provider = format!(
        "interface_type: aws_bedrock\nprovider_name: bedrock\nconfig:\n  aws_region: us-east-1\n  \
         aws_access_key_id: ${{AWS_ACCESS_KEY_ID}}\n  aws_secret_access_key: {SECRET} # plain\n  default_model: {NOVA}\n"
    );
    desk.file(&format!("mcp-cli/{PROVIDER}"), &provider);
    desk.file("mcp-cli/.env", &format!("# keys\nexport AWS_ACCESS_KEY_ID={KEY}\n"));
    let to = desk.home("").display().to_string();
    let source = source.display().to_string();
    let migrate = ["config", "migrate", "--config", &source, "--dir", &to];
    let said = desk.run(&migrate).await.fine();
    assert!(said.contains("mcp-cli/config.yaml:3:3 (includes.runas)"), "{said}");
    assert_eq!(mode(&desk, ".env"), 0o600);
    assert_eq!(asked(&desk, &["query", "Hi"]).await.0, "You said: Hi\n");
    let text = std::fs::read_to_string(desk.home(PROVIDER)).unwrap();
    assert_eq!(text, provider.replace(SECRET, "${AWS_SECRET_ACCESS_KEY}"));
    // What is there already is never replaced.
    write(&desk.home(PROVIDER), "mine");
    let ended = desk.run(&migrate).await;
    assert_eq!(ended.code, 19, "{ended:?}");
    assert_eq!(std::fs::read_to_string(desk.home(PROVIDER)).unwrap(), "mine");
}
