//! `outcrop tokens`: how many tokens a text is to a model, and what sending it costs.

use std::io::IsTerminal;

use outcrop_model::{PicoUsd, Units};
use serde::Serialize;
use serde_json::{Value, json};

use crate::ask::attach;
use crate::ask::stdin::{self, Wanted};
use crate::cli::TokensArgs;
use crate::dollars::Dollars;
use crate::engine::Engine;
use crate::exit::{Exit, Failure};
use crate::print::print_line;

/// What `--json` prints.
#[derive(Serialize)]
struct Counted<'c> {
    model: &'c str,
    input_tokens: u64,
    /// Whether Bedrock counted.
    exact: bool,
    cost_usd: Option<Dollars>,
}

pub async fn run(args: TokensArgs) -> anyhow::Result<()> {
    let content = content(&args).await?;
    let engine = Engine::start(&args.engine).await?;
    let input = json!([{ "role": "user", "content": content }]);
    let body = json!({ "model": args.model, "input": input });
    let answer = engine.post("/v1/responses/input_tokens", &body).await?;
    let exact = !answer.headers.contains_key("x-outcrop-estimate");
    let tokens = answer.json().await?["input_tokens"].as_u64().ok_or_else(|| {
        Failure::new(Exit::RequestFailed, "The answer does not say how many tokens there are.")
    })?;
    let cost = price(&engine, &args.model).await.map(|price| price * tokens);
    if args.json {
        let counted = Counted {
            model: &args.model,
            input_tokens: tokens,
            exact,
            cost_usd: cost.map(Dollars),
        };
        return print_line(&serde_json::to_string(&counted)?);
    }
    let whose = if exact { "counted by Bedrock" } else { "estimated; may be off by a quarter" };
    let cost = match cost {
        Some(cost) => format!("${cost}"),
        None => "price unknown".to_owned(),
    };
    print_line(&format!("{tokens} tokens to {} ({whose}), {cost}", args.model))
}

/// Text and files as parts of a message, in the words of the Responses API.
async fn content(args: &TokensArgs) -> anyhow::Result<Vec<Value>> {
    let text = args.text.join(" ");
    let mut parts = Vec::new();
    let mut wants_stdin = text == "-" || args.file.iter().any(|file| file.as_os_str() == "-");
    if text != "-" && !text.trim().is_empty() {
        parts.push(json!({ "type": "input_text", "text": text }));
    }
    let files = args.file.iter().filter(|file| file.as_os_str() != "-").cloned();
    for part in attach::all(&files.collect::<Vec<_>>()).await? {
        parts.push(as_input(part)?);
    }
    // A prompt never waits for a stdin that nobody named.
    wants_stdin |= parts.is_empty() && !std::io::stdin().is_terminal();
    if wants_stdin && let Some(bytes) = stdin::read(Wanted::Surely)? {
        parts.push(match String::from_utf8(bytes) {
            Ok(text) => json!({ "type": "input_text", "text": text }),
            Err(error) => as_input(attach::part("stdin", error.into_bytes())?)?,
        });
    }
    if parts.is_empty() {
        return Err(Failure::new(Exit::Usage, "There is nothing to count.")
            .mend("Say it, as in: outcrop tokens \"Some text\", or name a file with -f.")
            .into());
    }
    Ok(parts)
}

/// A part of a chat as one of the Responses API.
fn as_input(part: Value) -> anyhow::Result<Value> {
    match part["type"].as_str() {
        Some("text") => Ok(json!({ "type": "input_text", "text": part["text"] })),
        Some("image_url") => {
            Ok(json!({ "type": "input_image", "image_url": part["image_url"]["url"] }))
        }
        Some("file") => {
            let file = &part["file"];
            let (name, data) = (&file["filename"], &file["file_data"]);
            Ok(json!({ "type": "input_file", "filename": name, "file_data": data }))
        }
        _audio_or_video => {
            let what = "Tokens of audio and video are not known before they are sent.";
            Err(Failure::new(Exit::Attachment, what).into())
        }
    }
}

/// Of one token of input, by the list of models.
async fn price(engine: &Engine, model: &str) -> Option<PicoUsd> {
    // What is in no list may be called all the same; its price is unknown.
    let model = engine.model(model).await.ok()?;
    let rates = model["prices"]["rates"].as_array()?;
    let standard = rates.iter().find(|rate| rate["tier"] == "standard")?;
    PicoUsd::per_unit(standard["input"].as_str()?, Units::Million).ok()
}
