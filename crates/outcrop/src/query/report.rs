//! What is known of a run, as JSON: the same members whether it ended well or not.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::ask::turn::{Call, Outcome, Spent, ToolResult};
use crate::dollars::Dollars;
use crate::engine::{self, Engine};
use crate::exit::{Exit, exit_of};

/// What is known of a run beside its outcome.
#[derive(Debug, Clone)]
pub struct Run {
    /// By the clock on the wall, tools and all.
    pub took: Duration,
    pub provider: String,
    /// As it was asked for; empty where that is not known yet.
    pub model: String,
    /// `None` where a gateway elsewhere chooses it.
    pub region: Option<String>,
    /// The session's name, once there is one.
    pub session: Option<String>,
    /// Names of the MCP servers that were started.
    pub servers: Vec<String>,
}

/// All that is known.
#[derive(Debug, Serialize)]
pub struct Report<'r> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    response: &'r str,
    reasoning: &'r str,
    tool_calls: Vec<Used<'r>>,
    provider: &'r str,
    model: Option<&'r str>,
    target: Option<&'r str>,
    region: Option<&'r str>,
    session_id: Option<&'r str>,
    server_connections: &'r [String],
    id: Option<&'r str>,
    request_id: Option<&'r str>,
    stop_reason: Option<&'r str>,
    usage: Usage,
    cost_usd: Option<Dollars>,
    /// Nanoseconds, as mcp-cli tells it.
    time_taken: u64,
    latency_ms: Option<u64>,
    ttft_ms: Option<u64>,
    attempts: Option<u32>,
    losses: Option<&'r str>,
    error: Option<Told>,
}

/// An event of `stream-json`.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event<'e> {
    Start {
        provider: &'e str,
        model: &'e str,
        region: Option<&'e str>,
        session_id: Option<&'e str>,
        server_connections: &'e [String],
    },
    Text {
        text: &'e str,
    },
    Reasoning {
        text: &'e str,
    },
    ToolCall {
        id: &'e str,
        server: Option<&'e str>,
        name: &'e str,
        arguments: Value,
    },
    ToolResult {
        id: &'e str,
        server: Option<&'e str>,
        name: &'e str,
        result: &'e Value,
        success: bool,
        error: Option<String>,
    },
    /// Of one request.
    Usage {
        usage: Usage,
        cost_usd: Option<Dollars>,
    },
    Error {
        error: Told,
    },
}

/// A call of a tool and what became of it.
#[derive(Debug, Serialize)]
struct Used<'r> {
    id: &'r str,
    server: Option<&'r str>,
    name: &'r str,
    arguments: Value,
    result: &'r Value,
    success: bool,
    error: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Usage {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
    reasoning: u64,
    /// An answer broke off, and nobody told all of its tokens.
    estimated: bool,
}

/// A failure as programs read it.
#[derive(Debug, Clone, Serialize)]
pub struct Told {
    message: String,
    code: Exit,
    exit_code: u8,
    request_id: Option<String>,
}

// === impl Run ===

impl Run {
    /// Of a run of which nothing is known yet.
    pub fn new(provider: &str, model: &str) -> Self {
        Self {
            took: Duration::ZERO,
            provider: provider.to_owned(),
            model: model.to_owned(),
            region: None,
            session: None,
            servers: Vec::new(),
        }
    }

    pub fn at(self, engine: &Engine) -> Self {
        Self { region: engine.region.clone(), ..self }
    }
}

// === impl Report ===

impl<'r> Report<'r> {
    pub fn of(run: &'r Run, outcome: &'r Outcome, error: Option<&anyhow::Error>) -> Self {
        let Outcome { text, reasoning, calls, spent, last, end: _ } = outcome;
        let Run { took, provider, model, region, session, servers } = run;
        // Only an engine of this process knows what its calls took.
        let is_known = spent.attempts > 0;
        Self {
            kind: None,
            response: text,
            reasoning,
            tool_calls: calls.iter().map(|(call, result)| Used::of(call, result)).collect(),
            provider,
            model: Some(model.as_str()).filter(|model| !model.is_empty()),
            target: last.target.as_deref(),
            region: region.as_deref(),
            session_id: session.as_deref(),
            server_connections: servers,
            id: last.id.as_deref(),
            request_id: last.request_id.as_deref(),
            stop_reason: outcome.stop_reason(),
            usage: Usage::of(spent),
            cost_usd: spent.cost.map(Dollars),
            time_taken: u64::try_from(took.as_nanos()).unwrap_or(u64::MAX),
            latency_ms: is_known.then(|| millis(spent.duration)),
            ttft_ms: spent.first_byte.map(millis),
            attempts: is_known.then_some(spent.attempts),
            losses: last.losses.as_deref(),
            error: error.map(|error| Told::of(error, last.request_id.as_deref())),
        }
    }

    /// As the last event of a stream.
    pub fn into_end(self) -> Self {
        Self { kind: Some("end"), ..self }
    }

    pub fn error(&self) -> Option<&Told> {
        self.error.as_ref()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

// === impl Event ===

impl<'e> Event<'e> {
    pub fn start(run: &'e Run) -> Self {
        let Run { took: _, provider, model, region, session, servers } = run;
        Self::Start {
            provider,
            model,
            region: region.as_deref(),
            session_id: session.as_deref(),
            server_connections: servers,
        }
    }

    pub fn call(call: &'e Call) -> Self {
        let server = call.server.as_deref();
        Self::ToolCall { id: &call.id, server, name: &call.name, arguments: call.json() }
    }

    pub fn result(call: &'e Call, result: &'e ToolResult) -> Self {
        let Used { id, server, name, arguments: _, result, success, error } =
            Used::of(call, result);
        Self::ToolResult { id, server, name, result, success, error }
    }

    pub fn usage(step: &Spent) -> Self {
        Self::Usage { usage: Usage::of(step), cost_usd: step.cost.map(Dollars) }
    }
}

// === impl Used ===

impl<'r> Used<'r> {
    fn of(call: &'r Call, result: &'r ToolResult) -> Self {
        Self {
            id: &call.id,
            server: call.server.as_deref(),
            name: &call.name,
            arguments: call.json(),
            result: &result.content,
            success: result.success,
            error: (!result.success).then(|| result.in_short()),
        }
    }
}

// === impl Usage ===

impl Usage {
    fn of(spent: &Spent) -> Self {
        let engine::Usage { input, output, cache_read, cache_write, reasoning } = spent.usage;
        Self { input, output, cache_read, cache_write, reasoning, estimated: spent.is_estimated }
    }
}

// === impl Told ===

impl Told {
    pub fn of(error: &anyhow::Error, request_id: Option<&str>) -> Self {
        let code = exit_of(error);
        Self {
            message: format!("{error:#}"),
            code,
            exit_code: code.code(),
            request_id: request_id.map(str::to_owned),
        }
    }
}
