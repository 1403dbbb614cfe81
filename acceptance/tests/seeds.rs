//! The documents that people come from: their files, unchanged, and their commands, word for word. See
//! `acceptance/seeds/README.md`.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use outcrop_config::{Severity, Source, load};
use outcrop_emulator::{AccessKey, Config, Emulator, Role};
use serde_json::Value;

use crate::support::{Answer, Stack};

/// Lifetime of the web-identity token.
const HOUR: Duration = Duration::from_secs(3600);
/// Keys that the documents' files have in them.
const KEYS: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ("YOUR_ACTUAL_ACCESS_KEY", "YOUR_ACTUAL_SECRET_KEY"),
    ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("<aws-access-key-id>", "<aws-secret-access-key>"),
];
/// Roles that they assume.
const ROLES: [&str; 2] = [
    "arn:aws:iam::123456789012:role/AIGatewayBedrockRole",
    "arn:aws:iam::123456789012:role/ai-gateway-bedrock-role",
];

#[derive(Default)]
struct Section {
    title: String,
    files: Vec<String>,
    variables: Vec<(String, String)>,
    engine: Option<String>,
    /// Each with what is expected of it.
    commands: Vec<(String, String)>,
}

#[tokio::test]
async fn envoy_ai_gateway() {
    document("envoy-ai-gateway").await;
}

#[tokio::test]
async fn anthropic_messages_on_bedrock() {
    document("anthropic-messages-on-bedrock").await;
}

#[tokio::test]
async fn agentgateway_bedrock() {
    document("agentgateway-bedrock").await;
}

#[tokio::test]
async fn kong_bedrock_plugin() {
    document("kong-bedrock-plugin").await;
}

#[tokio::test]
async fn kong_recipes() {
    document("kong-recipes").await;
}

#[tokio::test]
async fn mcp_cli_aws_bedrock() {
    document("mcp-cli-aws-bedrock").await;
}

async fn document(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
    let text = fs::read_to_string(path.with_extension("txt")).unwrap();
    let mut wrong = Vec::new();
    for section in sections(&text) {
        assert!(!section.commands.is_empty(), "{}: nothing is tried", section.title);
        for failure in run(&section).await {
            wrong.push(format!("{}: {failure}", section.title));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn run(section: &Section) -> Vec<String> {
    let emulator = emulator(section.engine.as_deref()).await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    let is_container = section.variables.iter().any(|(name, _)| name.contains("CONTAINER"));
    let text = match is_container {
        true => "pod-token".to_owned(),
        false => emulator.web_identity_token("system:serviceaccount:a:b", HOUR),
    };
    emulator.set_container_token("pod-token");
    fs::write(&token, text).unwrap();
    let mut variables: HashMap<String, String> = section
        .variables
        .iter()
        .map(|(name, value)| {
            let value = value.replace("@emulator", &emulator.base_url());
            (name.clone(), value.replace("@token", &token.display().to_string()))
        })
        .collect();
    variables.insert("AWS_ENDPOINT_URL".to_owned(), emulator.base_url());
    variables.insert("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned());
    let variables = Arc::new(variables);
    let lookup = |name: &str| variables.get(name).cloned();
    let texts: Vec<(String, String)> = section
        .files
        .iter()
        .map(|file| {
            let fixtures = "../crates/outcrop-config/tests/fixtures";
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(fixtures).join(file);
            (file.clone(), fs::read_to_string(path).unwrap())
        })
        .collect();
    let sources: Vec<Source<'_>> = texts.iter().map(|(name, text)| Source { name, text }).collect();
    let (mut config, diagnostics) = load(&sources, &lookup);
    let errors: Vec<String> = diagnostics
        .iter()
        .filter(|one| one.severity == Severity::Error)
        .map(|one| format!("{}: {}", one.origin, one.what))
        .collect();
    if !errors.is_empty() {
        return errors;
    }
    // The listener is the test's own.
    config.listeners.clear();
    config.routes.iter_mut().for_each(|route| route.listeners.clear());
    let of_gateway = Arc::clone(&variables);
    let stack =
        Stack::of(emulator, &config, Arc::new(move |name| of_gateway.get(name).cloned())).await;
    let mut wrong = Vec::new();
    for (command, expected) in &section.commands {
        let answer = send(&stack, command).await;
        if let Some(why) = differs(&answer, expected) {
            wrong.push(format!("{why}\n  {}\n  {}", command.trim(), answer.text()));
        }
    }
    wrong
}

async fn emulator(engine: Option<&str>) -> Emulator {
    let mut config = Config::default();
    if let Some(engine) = engine {
        config.engine = engine.parse().unwrap();
    }
    config.access_keys.extend(KEYS.iter().map(|(id, secret)| AccessKey::new(*id, *secret)));
    config.api_keys.push("ABSKdocument".to_owned());
    config.roles.extend(ROLES.iter().map(|arn| Role::new(*arn)));
    Emulator::bind("127.0.0.1:0", config).await.unwrap()
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut block = String::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("== ") {
            sections.push(Section { title: title.to_owned(), ..Section::default() });
            block.clear();
            continue;
        }
        let Some(section) = sections.last_mut() else { continue };
        if let Some(files) = line.strip_prefix("files ") {
            section.files = files.split(' ').map(str::to_owned).collect();
        } else if let Some(engine) = line.strip_prefix("engine ") {
            section.engine = Some(engine.to_owned());
        } else if let Some((name, value)) =
            line.strip_prefix("set ").and_then(|rest| rest.split_once('='))
        {
            section.variables.push((name.to_owned(), value.to_owned()));
        } else if let Some(expected) = line.strip_prefix("expect ") {
            let start = block.find("curl ").unwrap_or_else(|| panic!("no curl before: {line}"));
            section.commands.push((block[start..].to_owned(), expected.to_owned()));
            block.clear();
        } else {
            block.push_str(line);
            block.push('\n');
        }
    }
    sections
}

/// Sends what `curl` would.
async fn send(stack: &Stack, command: &str) -> Answer {
    let words = words(command);
    let (mut method, mut headers, mut body, mut url) = (None, Vec::new(), None, None);
    let mut words = words.iter().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "-X" => method = words.next().cloned(),
            "-H" => headers.extend(words.next().and_then(|header| {
                let (name, value) = header.split_once(':')?;
                Some((name.to_lowercase(), value.trim().to_owned()))
            })),
            "-d" => body = words.next().cloned(),
            "|" => break,
            other => url = Some(other.to_owned()),
        }
    }
    let url = url.unwrap_or_else(|| panic!("no address: {command}"));
    let path = url.trim_start_matches("http://");
    let path = path.find('/').map_or("/", |at| &path[at..]);
    let method = method.as_deref().unwrap_or(if body.is_some() { "POST" } else { "GET" });
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    stack.send(method, path, &headers, body.unwrap_or_default()).await
}

/// The words of a shell command, without what quotes and backslashes are for.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = command.chars();
    while let Some(char) = chars.next() {
        match char {
            '\'' => {
                let quoted: String = chars.by_ref().take_while(|c| *c != '\'').collect();
                word.get_or_insert_default().push_str(&quoted);
            }
            '"' => {
                let quoted: String = chars.by_ref().take_while(|c| *c != '"').collect();
                word.get_or_insert_default().push_str(&quoted);
            }
            '\\' => {
                if let Some(next) = chars.next().filter(|next| *next != '\n') {
                    word.get_or_insert_default().push(next);
                }
            }
            char if char.is_whitespace() => words.extend(word.take()),
            char => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

/// Why an answer is not what was expected.
fn differs(answer: &Answer, expected: &str) -> Option<String> {
    let mut parts = expected.splitn(3, ' ');
    let status: u16 = parts.next()?.parse().unwrap();
    if answer.status.as_u16() != status {
        return Some(format!("{} instead of {status}", answer.status));
    }
    let path = parts.next()?;
    let value = parts.next();
    if path == "sse" {
        let events = answer.events();
        let found = events.iter().any(|event| event["type"].as_str() == value);
        return (!found).then(|| format!("no event {value:?}"));
    }
    let json = answer.json();
    let found = path.split('.').fold(&json, |json, part| match part.parse::<usize>() {
        Ok(index) => &json[index],
        Err(_) => &json[part],
    });
    let good = match (found, value) {
        (Value::Null, _) => false,
        (_, None) => true,
        (Value::String(found), Some(value)) => found == value,
        (other, Some(value)) => *other == value,
    };
    (!good).then(|| format!("`{path}` is {found}"))
}
