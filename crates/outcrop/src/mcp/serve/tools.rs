//! The tools that `outcrop mcp serve` has: what each takes, and what it gives.
//!
//! 1. Arguments that a tool does not have are refused, never passed over.
//! 2. An answer that was cut off says so; one that was refused is no success.

use jsonschema::{PatternOptions, Validator};
use outcrop_model::PicoUsd;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject};
use serde_json::{Map, Value, json};

use crate::ask::budget::Budget;
use crate::engine::Engine;
use crate::exit::{Exit, Failure};

/// The models of calls that name none.
#[derive(Debug)]
pub struct Defaults {
    pub model: String,
    pub embed_model: String,
}

/// A tool.
#[derive(Debug)]
pub struct Tool {
    pub name: &'static str,
    pub about: &'static str,
    pub input: Value,
    what: What,
    validator: Validator,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Query,
    Embed,
    Models,
}

/// All tools.
///
/// # Errors
/// None that a user could cause.
pub fn tools(defaults: &Defaults) -> anyhow::Result<[Tool; 3]> {
    let Defaults { model, embed_model } = defaults;
    let text = |about: &str| json!({ "type": "string", "description": about });
    let number = |about: &str| json!({ "type": "integer", "minimum": 1, "description": about });
    Ok([
        Tool::new(
            (What::Query, "query", "Ask a model of Amazon Bedrock one question."),
            json!({ "type": "object", "required": ["prompt"], "additionalProperties": false, "properties": {
                "prompt": text("The question."),
                "model": text(&format!("An id, or a name such as claude-sonnet-4-5; {model} unless told otherwise.")),
                "system": text("The system prompt."),
                "max_tokens": number("Most tokens of the answer."),
                "temperature": { "type": "number", "minimum": 0, "description": "How freely the model chooses its words." },
            }}),
        )?,
        Tool::new(
            (What::Embed, "embed", "Turn texts into vectors."),
            json!({ "type": "object", "required": ["texts"], "additionalProperties": false, "properties": {
                "texts": { "type": "array", "items": { "type": "string" }, "minItems": 1 },
                "model": text(&format!("{embed_model} unless told otherwise.")),
                "dimensions": number("Length of the vectors, where the model has several."),
                "input_type": text("search_document, search_query, classification or clustering."),
            }}),
        )?,
        Tool::new(
            (What::Models, "models", "List the models that can be asked."),
            json!({ "type": "object", "additionalProperties": false, "properties": {
                "words": text("Only models whose id holds all of these words."),
            }}),
        )?,
    ])
}

// === impl Tool ===

impl Tool {
    fn new(
        (what, name, about): (What, &'static str, &'static str),
        input: Value,
    ) -> anyhow::Result<Self> {
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
        let validator =
            options.build(&input).map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
        Ok(Self { name, about, input, what, validator })
    }

    /// What it gives for `arguments`, for no more dollars than are left.
    ///
    /// # Errors
    /// Arguments that it does not take, and all that can go wrong with a request.
    pub async fn call(
        &self,
        (engine, left): (&Engine, Option<PicoUsd>),
        defaults: &Defaults,
        arguments: Map<String, Value>,
    ) -> anyhow::Result<CallToolResult> {
        let arguments = Value::Object(arguments);
        self.check(&arguments)?;
        match self.what {
            What::Query => query((engine, left), &defaults.model, &arguments).await,
            What::Embed => embed(engine, &defaults.embed_model, &arguments).await,
            What::Models => models(engine, &arguments).await,
        }
    }

    fn check(&self, arguments: &Value) -> anyhow::Result<()> {
        let Some(error) = self.validator.iter_errors(arguments).next() else { return Ok(()) };
        let place = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
        let place = if place.is_empty() { String::new() } else { format!(" at `{place}`") };
        let known = self.input["properties"].as_object().into_iter().flatten();
        let known: Vec<_> = known.map(|(name, _)| name.as_str()).collect();
        let what = format!("The arguments of `{}` are wrong{place}: {error}.", self.name);
        Err(Failure::new(Exit::InvalidArgument, what)
            .mend(format!("It takes {}.", known.join(", ")))
            .into())
    }
}

async fn query(
    (engine, left): (&Engine, Option<PicoUsd>),
    model: &str,
    arguments: &Value,
) -> anyhow::Result<CallToolResult> {
    let mut messages = Vec::new();
    if let Some(system) = arguments.get("system") {
        messages.push(json!({ "role": "system", "content": system }));
    }
    messages.push(json!({ "role": "user", "content": arguments["prompt"] }));
    let model = arguments.get("model").cloned().unwrap_or_else(|| model.into());
    let mut body = json!({ "model": model, "messages": messages });
    for (argument, member) in
        [("max_tokens", "max_completion_tokens"), ("temperature", "temperature")]
    {
        if let Some(value) = arguments.get(argument) {
            body[member] = value.clone();
        }
    }
    if let Some(left) = left {
        Budget::new(left).hold(engine, &body).await?;
    }
    let answer = engine.post("/v1/chat/completions", &body).await?.json().await?;
    let choice = &answer["choices"][0];
    let text = choice["message"]["content"].as_str().unwrap_or_default();
    let refused = |what: String| Failure::new(Exit::Refused, what);
    if let Some(refusal) = choice["message"]["refusal"].as_str() {
        return Err(refused(format!("The model refused: {refusal}")).into());
    }
    let mut content = vec![ContentBlock::text(text)];
    match choice["finish_reason"].as_str() {
        Some("length") => content.push(ContentBlock::text(
            "[The answer was cut off here. A larger max_tokens lets the model say more.]",
        )),
        Some("content_filter") => {
            return Err(refused(format!("The answer was withheld by a filter. {text}")).into());
        }
        _ if text.is_empty() => {
            return Err(Failure::new(Exit::RequestFailed, "The model's answer is empty.").into());
        }
        _ => {}
    }
    Ok(with_usage(CallToolResult::success(content), &answer))
}

async fn embed(engine: &Engine, model: &str, arguments: &Value) -> anyhow::Result<CallToolResult> {
    let model = arguments.get("model").cloned().unwrap_or_else(|| model.into());
    let mut body = json!({ "model": model, "input": arguments["texts"] });
    for name in ["dimensions", "input_type"] {
        if let Some(value) = arguments.get(name) {
            body[name] = value.clone();
        }
    }
    let mut answer = engine.post("/v1/embeddings", &body).await?.json().await?;
    let data = answer["data"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let vectors = data.into_iter().map(|mut datum| datum["embedding"].take());
    let value = json!({ "model": answer["model"], "vectors": vectors.collect::<Vec<_>>() });
    Ok(with_usage(written(value), &answer))
}

async fn models(engine: &Engine, arguments: &Value) -> anyhow::Result<CallToolResult> {
    let words = arguments["words"].as_str().unwrap_or_default();
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let mut all = engine.get("/v1/models").await?.json().await?;
    let mut models = all["data"].as_array_mut().map(std::mem::take).unwrap_or_default();
    models.retain(|model| {
        let id = model["id"].as_str().unwrap_or_default().to_lowercase();
        words.iter().all(|word| id.contains(word))
    });
    let brief = models.iter().map(|model| {
        json!({
            "id": model["id"], "name": model["display_name"],
            "max_input_tokens": model["max_input_tokens"],
        })
    });
    Ok(written(json!({ "models": brief.collect::<Vec<_>>() })))
}

/// As JSON, and as text for clients that know texts only.
fn written(value: Value) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(value.to_string())]);
    result.structured_content = Some(value);
    result
}

/// Who answered and what it took, for the client; models need not see it.
fn with_usage(mut result: CallToolResult, answer: &Value) -> CallToolResult {
    let mut meta = MetaObject::new();
    for name in ["model", "usage"] {
        if !answer[name].is_null() {
            meta.insert(format!("outcrop/{name}"), answer[name].clone());
        }
    }
    result.meta = Some(meta);
    result
}
