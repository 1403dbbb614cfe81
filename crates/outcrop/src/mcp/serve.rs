//! `outcrop mcp serve`: models as tools of an MCP server, on stdin and stdout or by streamable HTTP.
//!
//! 1. What goes wrong with a request is the result of its call, never the end of the server.
//! 2. A call ends when its client cancels it; one that takes long tells a client that wants to know.
//! 3. With a budget calls are made one after another, and none is that may cost more than is left.

mod tools;
mod web;

use std::convert::Infallible;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use outcrop_model::{PicoUsd, Receipt};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode,
    Implementation, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::transport::stdio_pipes;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, Semaphore};

use self::tools::{Defaults, Tool, tools};
use self::web::Door;
use crate::ask::DEFAULT_MODEL;
use crate::cli::McpServeArgs;
use crate::engine::Engine;
use crate::exit::{Exit, Failure};
use crate::stop::Stop;

/// Most calls at once; more of them wait.
const CALLS: u32 = 64;
/// How often a client that wants to know is told that its call is still going on. Clients give up after
/// 30 s and more without a word.
const SIGN: Duration = Duration::from_secs(10);

/// The server, whoever speaks to it.
struct Models {
    engine: Engine,
    defaults: Defaults,
    tools: [Tool; 3],
    /// One for each call that may still be made.
    calls: Semaphore,
    budget: Option<Mutex<Budget>>,
}

/// What calls may cost.
struct Budget {
    most: PicoUsd,
    /// `None` once it is not known.
    spent: Option<PicoUsd>,
}

pub async fn serve(args: &McpServeArgs) -> anyhow::Result<()> {
    let door = Door::of(&args.web)?;
    let models = Arc::new(Models::new(args).await?);
    match door {
        Some(door) => web::serve(models, door).await,
        None => on_stdio(models).await,
    }
}

async fn on_stdio(models: Arc<Models>) -> anyhow::Result<()> {
    let mut stop = Stop::watch()?;
    if std::io::stdin().is_terminal() {
        note!(
            "note: waiting for a client on stdin, which starts this command; --listen serves by HTTP"
        );
    }
    let client = |what: String| Failure::new(Exit::Other, what);
    let serving = tokio::select! {
        serving = models.serve(stdio_pipes()) => serving.map_err(|error| {
            let why = super::fault::of_client(&error);
            client(format!("The client on stdin does not speak MCP: {why}."))
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
        let tools = self.tools.iter().map(|Tool { name, about, input, .. }| {
            let input = input.as_object().cloned().unwrap_or_default();
            rmcp::model::Tool::new(*name, *about, Arc::new(input))
        });
        Ok(ListToolsResult::with_all_items(tools.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = self.tools.iter().find(|tool| tool.name == request.name) else {
            let what = "There is no such tool: query, embed and models are all.";
            return Err(ErrorData::invalid_params(what, None));
        };
        let answered = tokio::select! {
            answered = self.answer(tool, request.arguments.unwrap_or_default()) => answered,
            () = context.ct.cancelled() => {
                return Err(ErrorData::new(ErrorCode::INTERNAL_ERROR, "The call was cancelled.", None));
            }
            never = give_signs(&context) => match never {},
        };
        let result = answered.unwrap_or_else(|error| {
            CallToolResult::error(vec![ContentBlock::text(format!("{error:#}"))])
        });
        Ok(CallToolResponse::Complete(result))
    }
}

/// Tells the client that its call still goes on, if it wants to know.
async fn give_signs(context: &RequestContext<RoleServer>) -> Infallible {
    let Some(token) = context.meta.get_progress_token() else {
        return std::future::pending().await;
    };
    let mut seconds = 0.0;
    loop {
        tokio::time::sleep(SIGN).await;
        seconds += SIGN.as_secs_f64();
        let sign = ProgressNotificationParam::new(token.clone(), seconds)
            .with_message(format!("{seconds} s"));
        // A client that is gone shows in the call itself.
        let _gone = context.peer.notify_progress(sign).await;
    }
}

// === impl Models ===

impl Models {
    async fn new(args: &McpServeArgs) -> anyhow::Result<Self> {
        let defaults = Defaults {
            model: args.model.clone().unwrap_or_else(|| DEFAULT_MODEL.to_owned()),
            embed_model: args.embed_model.clone(),
        };
        let budget = |most| Mutex::new(Budget { most, spent: Some(PicoUsd::ZERO) });
        Ok(Self {
            engine: Engine::start(&args.engine).await?,
            tools: tools(&defaults)?,
            defaults,
            calls: Semaphore::new(CALLS as usize),
            budget: args.max_budget_usd.map(budget),
        })
    }

    async fn answer(
        &self,
        tool: &Tool,
        arguments: Map<String, Value>,
    ) -> anyhow::Result<CallToolResult> {
        let _turn = self.calls.acquire().await?;
        let mut budget = match &self.budget {
            Some(budget) => Some(budget.lock().await),
            None => None,
        };
        // Taken also where nobody asks what calls cost: else they would be kept for ever.
        let receipts = self.engine.take_receipts();
        let left = budget.as_mut().map(|budget| budget.left(&receipts)).transpose()?;
        tool.call((&self.engine, left), &self.defaults, arguments).await
    }
}

// === impl Budget ===

impl Budget {
    /// What is left after the calls of `receipts`.
    ///
    /// # Errors
    /// [`Exit::Budget`] where that is nothing, or nobody knows.
    fn left(&mut self, receipts: &[Receipt]) -> anyhow::Result<PicoUsd> {
        // What Bedrock did not answer has cost nothing.
        for receipt in receipts.iter().filter(|receipt| receipt.usage.is_some()) {
            self.spent = self.spent.zip(receipt.cost).map(|(sum, cost)| sum + cost);
        }
        let what = match self.spent {
            Some(spent) if spent < self.most => {
                return Ok(PicoUsd::new(self.most.get() - spent.get()));
            }
            Some(spent) => format!("Calls have cost ${spent}; the budget is ${}.", self.most),
            None => "A call's cost is not known, so the budget cannot be kept.".to_owned(),
        };
        Err(Failure::new(Exit::Budget, what)
            .mend("Start `outcrop mcp serve` anew, with a larger --max-budget-usd or without.")
            .into())
    }
}
