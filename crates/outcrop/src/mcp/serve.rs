//! `outcrop mcp serve`: models as tools of an MCP server, on stdin and stdout.
//!
//! What goes wrong with a request is the result of its call, never the end of the server.

use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode,
    Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
    Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::stdio_pipes;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde_json::{Map, Value, json};

use crate::ask::DEFAULT_MODEL;
use crate::cli::McpServeArgs;
use crate::engine::Engine;
use crate::exit::{Exit, Failure};
use crate::stop::Stop;

struct Models {
    engine: Engine,
    model: String,
    embed_model: String,
}

pub async fn serve(args: &McpServeArgs) -> anyhow::Result<()> {
    let models = Models {
        engine: Engine::start(&args.engine).await?,
        model: args.model.clone().unwrap_or_else(|| DEFAULT_MODEL.to_owned()),
        embed_model: args.embed_model.clone(),
    };
    let mut stop = Stop::watch()?;
    let client = |what: String| Failure::new(Exit::Other, what);
    let serving = tokio::select! {
        serving = models.serve(stdio_pipes()) => serving.map_err(|error| {
            client(format!("The client on stdin does not speak MCP: {error}."))
                .mend("A client starts this command; `outcrop mcp serve --help` says how.")
        })?,
        _ = stop.asked() => leave(),
    };
    tokio::select! {
        ended = serving.waiting() => {
            ended.map_err(|error| client(format!("The server ended: {error}.")))?;
            Ok(())
        }
        _ = stop.asked() => leave(),
    }
}

/// Ends at once: a read of a terminal's stdin would hold up any other way out.
fn leave() -> ! {
    std::process::exit(i32::from(Exit::Interrupted.code()))
}

impl ServerHandler for Models {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("outcrop", env!("CARGO_PKG_VERSION")))
            .with_instructions("Models of Amazon Bedrock: ask them, make vectors, list them.")
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = tools(&self.model, &self.embed_model).map(|(name, about, input)| {
            Tool::new(name, about, Arc::new(input.as_object().cloned().unwrap_or_default()))
        });
        Ok(ListToolsResult::with_all_items(tools.to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let answered = tokio::select! {
            answered = self.answer(&request.name, &arguments) => answered,
            () = context.ct.cancelled() => {
                return Err(ErrorData::new(ErrorCode::INTERNAL_ERROR, "The call was cancelled.", None));
            }
        };
        let result = match answered {
            Ok(Some((text, structured))) => {
                let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
                result.structured_content = structured;
                result
            }
            Ok(None) => {
                let what = "There is no such tool: query, embed and models are all.";
                return Err(ErrorData::invalid_params(what, None));
            }
            Err(error) => CallToolResult::error(vec![ContentBlock::text(format!("{error:#}"))]),
        };
        Ok(CallToolResponse::Complete(result))
    }
}

/// Name, description and schema of each tool.
fn tools(model: &str, embed_model: &str) -> [(&'static str, String, Value); 3] {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let number = |about: &str| json!({ "type": "integer", "minimum": 1, "description": about });
    [
        (
            "query",
            "Ask a model of Amazon Bedrock one question.".to_owned(),
            json!({ "type": "object", "required": ["prompt"], "properties": {
                "prompt": text("The question."),
                "model": text(&format!("An id, or a name such as claude-sonnet-4-5; {model} unless told otherwise.")),
                "system": text("The system prompt."),
                "max_tokens": number("Most tokens of the answer."),
            }}),
        ),
        (
            "embed",
            "Turn texts into vectors.".to_owned(),
            json!({ "type": "object", "required": ["texts"], "properties": {
                "texts": { "type": "array", "items": { "type": "string" }, "minItems": 1 },
                "model": text(&format!("{embed_model} unless told otherwise.")),
                "dimensions": number("Length of the vectors, where the model has several."),
                "input_type": text("search_document, search_query, classification or clustering."),
            }}),
        ),
        (
            "models",
            "List the models that can be asked.".to_owned(),
            json!({ "type": "object", "properties": {
                "words": text("Only models whose id holds all of these words."),
            }}),
        ),
    ]
}

// === impl Models ===

impl Models {
    /// The result as text, and as JSON where it is more than text; `None` for a tool that there is not.
    async fn answer(
        &self,
        tool: &str,
        arguments: &Map<String, Value>,
    ) -> anyhow::Result<Option<(String, Option<Value>)>> {
        Ok(Some(match tool {
            "query" => (self.query(arguments).await?, None),
            "embed" => written(self.embed(arguments).await?),
            "models" => written(self.models(arguments).await?),
            _ => return Ok(None),
        }))
    }

    async fn query(&self, arguments: &Map<String, Value>) -> anyhow::Result<String> {
        let mut messages = Vec::new();
        if let Some(system) = arguments.get("system") {
            messages.push(json!({ "role": "system", "content": system }));
        }
        messages.push(json!({ "role": "user", "content": needed(arguments, "prompt")? }));
        let model = arguments.get("model").cloned().unwrap_or_else(|| self.model.as_str().into());
        let mut body = json!({ "model": model, "messages": messages });
        if let Some(most) = arguments.get("max_tokens") {
            body["max_completion_tokens"] = most.clone();
        }
        let answer = self.engine.post("/v1/chat/completions", &body).await?.json().await?;
        let message = &answer["choices"][0]["message"];
        let text = message["content"].as_str().or(message["refusal"].as_str());
        Ok(text.unwrap_or_default().to_owned())
    }

    async fn embed(&self, arguments: &Map<String, Value>) -> anyhow::Result<Value> {
        let model =
            arguments.get("model").cloned().unwrap_or_else(|| self.embed_model.as_str().into());
        let mut body = json!({ "model": model, "input": needed(arguments, "texts")? });
        for name in ["dimensions", "input_type"] {
            if let Some(value) = arguments.get(name) {
                body[name] = value.clone();
            }
        }
        let mut answer = self.engine.post("/v1/embeddings", &body).await?.json().await?;
        let data = answer["data"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let vectors = data.into_iter().map(|mut datum| datum["embedding"].take());
        Ok(json!({ "model": answer["model"], "vectors": vectors.collect::<Vec<_>>() }))
    }

    async fn models(&self, arguments: &Map<String, Value>) -> anyhow::Result<Value> {
        let words = arguments.get("words").and_then(Value::as_str).unwrap_or_default();
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        let mut all = self.engine.get("/v1/models").await?.json().await?;
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
        Ok(json!({ "models": brief.collect::<Vec<_>>() }))
    }
}

fn needed<'a>(arguments: &'a Map<String, Value>, name: &str) -> anyhow::Result<&'a Value> {
    arguments.get(name).ok_or_else(|| {
        Failure::new(Exit::InvalidArgument, format!("The argument `{name}` is missing.")).into()
    })
}

fn written(value: Value) -> (String, Option<Value>) {
    (value.to_string(), Some(value))
}
