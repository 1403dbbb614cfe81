//! A question on its way to the engine: prompt, stdin, files and settings become one request.

pub mod attach;
pub mod stdin;
pub mod turn;

use serde_json::{Map, Value, json};

use crate::cli::{AskArgs, Thinking};
use crate::exit::{Exit, Failure};

/// Asked where nobody named a model: the current middle size of the family that most people come for.
pub const DEFAULT_MODEL: &str = "claude-sonnet-4-5";
/// Names under which the one provider is known; mcp-cli calls it `bedrock`.
const PROVIDERS: [&str; 3] = ["bedrock", "aws-bedrock", "aws_bedrock"];

/// The request's body without its messages.
///
/// # Errors
/// A provider that there is not, or a system prompt that cannot be read.
pub fn settings(args: &AskArgs) -> anyhow::Result<Map<String, Value>> {
    known_provider(&args.provider)?;
    let mut body = Map::new();
    let model = args.model.as_deref().unwrap_or(DEFAULT_MODEL);
    body.insert("model".to_owned(), model.into());
    let numbers = [("temperature", args.temperature), ("top_p", args.top_p)];
    for (name, number) in numbers {
        if let Some(number) = number {
            body.insert(name.to_owned(), json!(number));
        }
    }
    if let Some(most) = args.max_tokens {
        body.insert("max_completion_tokens".to_owned(), most.into());
    }
    if !args.stop.is_empty() {
        body.insert("stop".to_owned(), json!(args.stop));
    }
    if let Some(effort) = &args.effort {
        body.insert("reasoning_effort".to_owned(), effort.as_str().into());
    }
    match args.thinking {
        Some(Thinking::Off) => {
            body.insert("thinking".to_owned(), json!({ "type": "disabled" }));
        }
        Some(Thinking::Tokens(most)) => {
            let thinking = json!({ "type": "enabled", "budget_tokens": most });
            body.insert("thinking".to_owned(), thinking);
        }
        None => {}
    }
    for (name, value) in &args.option {
        body.insert(name.clone(), value.clone());
    }
    Ok(body)
}

/// # Errors
/// A provider that there is not.
pub fn known_provider(provider: &str) -> anyhow::Result<()> {
    if !PROVIDERS.contains(&provider) {
        let what = format!("There is no provider `{provider}`.");
        return Err(Failure::new(Exit::Provider, what).mend("Outcrop knows bedrock.").into());
    }
    Ok(())
}

/// The system message, if there is to be one.
///
/// # Errors
/// When its file cannot be read.
pub fn system(args: &AskArgs) -> anyhow::Result<Option<Value>> {
    let text = match (&args.system, &args.system_file) {
        (Some(text), _) => text.clone(),
        (None, Some(path)) => attach::text_of(path)?,
        (None, None) => return Ok(None),
    };
    Ok(Some(json!({ "role": "system", "content": text })))
}
