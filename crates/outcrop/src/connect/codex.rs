//! Codex's catalogue of models: without an entry it warns, and takes every window for that of its own models.
//!
//! 1. An entry has to carry the prompt that Codex gives to the model. It is that of the installed Codex for models
//!    that it does not know: Codex runs once, in an empty home, and asks a listener of this process.
//! 2. Nothing of the user's is in that request, and nothing of it leaves the machine.
//! 3. Without Codex, or with one that asks otherwise, there is no catalogue; the window is written alone.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use outcrop_model::catalog::EffortStyle;
use outcrop_model::{Card, Catalog, alias};
use serde_json::{Value, json};

/// Far above what it takes to start.
const PATIENCE: Duration = Duration::from_secs(20);
/// Above any request that Codex begins with.
const LARGEST: usize = 4 << 20;

/// The line of `config.toml` that tells how long a prompt may be; empty where nobody knows.
pub fn window(model: &str) -> String {
    match card(model).max_input_tokens {
        0 => String::new(),
        tokens => format!("model_context_window = {tokens}"),
    }
}

/// The catalogue: `model`, and those that every gateway lists.
///
/// # Errors
/// Why there is none.
pub fn catalogue(model: &str, scratch: &Path) -> Result<String, String> {
    std::fs::create_dir_all(scratch).map_err(|error| error.to_string())?;
    let prompt = prompt(scratch);
    // What Codex left there is of no use to anybody.
    let _ = std::fs::remove_dir_all(scratch);
    let prompt = prompt?;
    let listed = Catalog::built_in().listed().iter();
    let listed = listed.map(|one| (one.alias.as_deref().unwrap_or(&one.id), one.name.as_str()));
    let mut names = vec![(model, model)];
    names.extend(listed.filter(|(id, _)| *id != model && chats_with_tools(id)));
    let models: Vec<Value> = names
        .into_iter()
        .enumerate()
        .map(|(place, (id, name))| entry((id, name), place, &prompt))
        .collect();
    Ok(format!("{:#}\n", json!({ "models": models })))
}

fn card(model: &str) -> &'static Card {
    Catalog::built_in().card(&alias::resolve(model).id)
}

fn chats_with_tools(model: &str) -> bool {
    Catalog::built_in().specialist(&alias::resolve(model).id).is_none() && card(model).tools
}

/// What Codex 0.169 wants to know of a model. Where it is not known here, as Codex has it for unknown models.
fn entry((id, name): (&str, &str), place: usize, prompt: &str) -> Value {
    let card = card(id);
    let effort = |word: &String| json!({ "effort": word, "description": format!("{word} effort") });
    let thinks = card.effort != EffortStyle::None;
    let efforts = card.efforts.iter().filter(|_| thinks).map(effort);
    let mut entry = json!({
        "slug": id,
        "display_name": name,
        "priority": place,
        "visibility": "list",
        "supported_in_api": true,
        "base_instructions": prompt,
        "input_modalities": if card.images { json!(["text", "image"]) } else { json!(["text"]) },
        "supported_reasoning_levels": efforts.collect::<Vec<_>>(),
        "supports_reasoning_summaries": thinks,
        "supports_parallel_tool_calls": true,
        "support_verbosity": false,
        "shell_type": "default",
        "truncation_policy": { "mode": "bytes", "limit": 10_000 },
        "experimental_supported_tools": [],
    });
    if card.max_input_tokens > 0 {
        entry["context_window"] = json!(card.max_input_tokens);
    }
    entry
}

/// What the installed Codex tells a model that it does not know.
fn prompt(home: &Path) -> Result<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    let mut codex = start(home, port).map_err(|error| match error.kind() {
        ErrorKind::NotFound => "codex is not installed here; connect again once it is".to_owned(),
        _other => format!("codex cannot be run: {error}"),
    })?;
    let (sender, received) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let prompt = asked(stream).and_then(|body| prompt_of(&body));
            // Whoever waited may have given up.
            if prompt.is_some_and(|prompt| sender.send(prompt).is_ok()) {
                break;
            }
        }
    });
    let prompt = received.recv_timeout(PATIENCE);
    // It may have ended.
    let _ = codex.kill();
    let _ = codex.wait();
    prompt.map_err(|_| "codex did not ask as expected".to_owned())
}

fn start(home: &Path, port: u16) -> std::io::Result<Child> {
    let provider = format!(
        "model_providers.outcrop={{name=\"Outcrop\",base_url=\"http://127.0.0.1:{port}/v1\",\
         wire_api=\"responses\",request_max_retries=0,stream_max_retries=0}}"
    );
    let settings = [
        "model=\"outcrop\"",
        "model_provider=\"outcrop\"",
        &provider,
        "analytics.enabled=false",
        "check_for_update_on_startup=false",
    ];
    let mut codex = Command::new("codex");
    codex.args(["exec", "--skip-git-repo-check"]);
    for setting in settings {
        codex.args(["-c", setting]);
    }
    codex.arg("Hello").current_dir(home).env("CODEX_HOME", home).env("NO_PROXY", "127.0.0.1");
    codex.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

/// The body of a request, which is answered with a refusal.
fn asked(mut stream: TcpStream) -> Option<Vec<u8>> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.trim().split_once(':') else {
            if line.trim().is_empty() {
                break;
            }
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok().filter(|length| *length <= LARGEST)?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    // What becomes of Codex does not matter any more.
    let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}");
    Some(body)
}

/// In `instructions`, or, as Codex has it today, in the first message of the developer.
fn prompt_of(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let first = &body["input"][0];
    let developer = (first["role"] == "developer").then(|| &first["content"][0]["text"]);
    let texts = [Some(&body["instructions"]), developer];
    let text = texts.into_iter().flatten().find_map(|text| text.as_str().filter(|t| !t.is_empty()));
    text.map(str::to_owned)
}
