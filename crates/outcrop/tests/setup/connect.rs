//! `outcrop connect`: what is shown for each client is in `connect.txt`, which `OUTCROP_BLESS=1` rewrites.

use std::path::Path;

use serde_json::{Value, json};

use crate::desk::{Desk, allow, write};

const GATEWAY: [&str; 4] = ["--url", "https://gateway.example.com/v1/", "--model", "nova-pro"];

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn what_is_shown_for_each_client() {
    let desk = Desk::without_account().await.env("OUTCROP_KEY", "sk-never-shown");
    let list = desk.run(&["connect"]).await.quiet();
    let mut shown = list.clone();
    for client in list.lines().map(|line| line.split(' ').next().unwrap()) {
        let said = desk.run(&[&["connect", client], &GATEWAY[..]].concat()).await.quiet();
        assert!(!said.contains('@') || client == "opencode" || client == "ai-sdk", "{said}");
        shown.push_str(&format!("\n== {client}\n{said}"));
    }
    assert!(!shown.contains("sk-never-shown"), "{shown}");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/setup/connect.txt");
    if std::env::var_os("OUTCROP_BLESS").is_some() {
        std::fs::write(&golden, &shown).unwrap();
    }
    assert_eq!(shown, text(&golden));
}

#[tokio::test]
async fn variables_are_for_a_shell() {
    let desk = Desk::without_account().await.env("OUTCROP_KEY", "sk-own");
    let script =
        "eval \"$(outcrop connect openai-sdk --env)\"; echo \"$OPENAI_BASE_URL $OPENAI_API_KEY\"";
    assert_eq!(desk.shell(script).await.quiet(), "http://127.0.0.1:8080/v1 sk-own\n");
    for (arguments, told) in [
        (&["connect", "langchain", "--env"][..], "outcrop connect langchain"),
        (&["connect", "cline", "--write"], "outcrop connect cline"),
        (&["connect", "claude"], "claude-code"),
        (&["connect", "boto3", "--url", "gateway:8080"], "http://127.0.0.1:8080"),
        (&["connect", "boto3", "--model", "a\"; rm -rf"], "outcrop models"),
        (&["connect", "boto3", "--key-env", "sk-1234"], "OUTCROP_KEY"),
    ] {
        let ended = desk.run(arguments).await;
        assert_eq!(ended.code, 20, "{ended:?}");
        assert!(ended.err.contains(told), "{told}: {ended:?}");
    }
}

#[tokio::test]
async fn settings_of_a_client_come_back_as_they_were() {
    let desk = Desk::without_account().await;
    for (client, file, before) in [
        (
            "claude-code",
            ".claude/settings.json",
            "{\"env\": {\"A\": \"1\", \"ANTHROPIC_MODEL\": \"mine\"},\n \"hooks\": []}",
        ),
        (
            "opencode",
            ".config/opencode/opencode.json",
            "{\"model\":\"other\",\"provider\":{\"x\":{}}}",
        ),
        (
            "codex",
            ".codex/config.toml",
            "model = \"gpt-5\" # mine\n\n[mcp_servers.a]\ncommand = \"b\"\n",
        ),
        ("zed", ".config/zed/settings.json", "{\"theme\": \"One\"}"),
    ] {
        let path = desk.home(file);
        write(&path, before);
        let connect = [&["connect", client, "--write"], &GATEWAY[..]].concat();
        desk.run(&connect).await.fine();
        let after = text(&path);
        assert!(after.contains("gateway.example.com") && after != before, "{after}");
        assert_eq!(text(&desk.home(&format!("{file}.backup"))), before);
        // Twice is as once, also with another address.
        assert!(desk.run(&connect).await.fine().contains("unchanged"), "{client}");
        desk.run(&["connect", client, "--write"]).await.fine();
        assert!(!text(&path).contains("gateway.example.com"), "{client}");
        desk.run(&["connect", client, "--uninstall"]).await.quiet();
        assert_eq!(text(&path), before, "{client}");
        assert_eq!(desk.run(&["connect", client, "--uninstall"]).await.code, 1);
        // Where there was nothing, nothing is left.
        std::fs::remove_file(&path).unwrap();
        desk.run(&connect).await.fine();
        desk.run(&["connect", client, "--uninstall"]).await.quiet();
        assert!(!path.exists(), "{client}");
    }
}

/// As Codex 0.169 begins: one request, with its prompt in the first message of the developer.
const CODEX: &str = r#"#!/usr/bin/env python3
import json, os, re, sys, urllib.request
url = re.search(r'base_url="([^"]+)"', " ".join(sys.argv)).group(1)
assert os.listdir(os.environ["CODEX_HOME"]) == [], "somebody's settings"
prompt = {"type": "input_text", "text": "You are a coding agent."}
body = json.dumps({"input": [{"role": "developer", "content": [prompt]}]}).encode()
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url + "/responses", body)
"#;

#[tokio::test]
async fn codex_is_told_of_models() {
    let desk = Desk::without_account().await;
    let program = desk.file("bin/codex", CODEX);
    allow(&program, 0o755);
    let (folder, moved) = (desk.path("bin"), desk.home("codex"));
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let desk = desk.env("PATH", &path).env("CODEX_HOME", &moved.display().to_string());
    let catalogue = moved.join("outcrop-models.json");
    for model in ["nova-pro", "claude-haiku-4-5"] {
        let connect = ["connect", "codex", "--write", "--model", model];
        let said = desk.run(&connect).await.fine();
        assert!(!said.contains("before:") || said.contains("config.toml"), "{said}");
        let config: toml::Table = text(&moved.join("config.toml")).parse().unwrap();
        assert_eq!(config["model_catalog_json"].as_str(), Some("outcrop-models.json"));
        let told: Value = serde_json::from_str(&text(&catalogue)).unwrap();
        assert_eq!(told["models"][0]["slug"], model);
        let all = told["models"].as_array().unwrap();
        let has = |id: &str| all.iter().filter(|one| one["slug"] == id).count();
        assert_eq!((has("claude-haiku-4-5"), has("cohere.embed-english-v3")), (1, 0), "{told}");
        assert!(all.iter().all(|one| one["base_instructions"] == "You are a coding agent."));
    }
    assert_eq!(desk.run(&["connect", "codex", "--uninstall"]).await.fine().lines().count(), 2);
    assert!(!catalogue.exists() && !moved.join("config.toml").exists());
    // Where Codex is not installed yet, the window is what can be said.
    std::fs::remove_file(&program).unwrap();
    let ended = desk.run(&["connect", "codex", "--write", "--model", "claude-haiku-4-5"]).await;
    assert!(ended.err.contains("codex is not installed"), "{ended:?}");
    let config: toml::Table = text(&moved.join("config.toml")).parse().unwrap();
    assert_eq!(config["model_context_window"].as_integer(), Some(200_000));
    assert!(!catalogue.exists());
}

#[tokio::test]
async fn what_was_changed_since_stays() {
    let desk = Desk::without_account().await;
    let path = desk.home(".claude/settings.json");
    write(&path, "{\"env\": {\"ANTHROPIC_MODEL\": \"mine\"}}");
    desk.run(&["connect", "claude-code", "--write"]).await.fine();
    let mut now: Value = serde_json::from_str(&text(&path)).unwrap();
    now["theme"] = json!("dark");
    write(&path, &now.to_string());
    desk.run(&["connect", "claude-code", "--uninstall"]).await.quiet();
    let left: Value = serde_json::from_str(&text(&path)).unwrap();
    assert_eq!(left, json!({ "env": { "ANTHROPIC_MODEL": "mine" }, "theme": "dark" }));

    let path = desk.home(".codex/config.toml");
    write(&path, "model = \"gpt-5\"\n[a]\nb = 1\n");
    desk.run(&["connect", "codex", "--write"]).await.fine();
    let now = text(&path) + "[c]\nd = 2\n";
    write(&path, &now);
    desk.run(&["connect", "codex", "--uninstall"]).await.quiet();
    assert_eq!(text(&path), "model = \"gpt-5\"\n[a]\nb = 1\n[c]\nd = 2\n");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_left_alone() {
    let desk = Desk::without_account().await;
    for (client, file, before) in [
        ("zed", ".config/zed/settings.json", "// my own words\n{}"),
        ("continue", ".continue/config.yaml", "models: []\n"),
        ("codex", ".codex/config.toml", "[model_providers.outcrop]\nname = \"x\"\n"),
    ] {
        let path = desk.home(file);
        write(&path, before);
        let ended = desk.run(&["connect", client, "--write"]).await;
        assert_eq!(ended.code, 19, "{ended:?}");
        assert!(ended.err.contains(&format!("outcrop connect {client}")), "{ended:?}");
        assert_eq!(text(&path), before);
    }
}
