//! One turn as the history keeps it.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use outcrop_model::PicoUsd;
use serde_json::{Map, Value, json};

use crate::ask::SYSTEM;
use crate::ask::turn::{Call, End, Outcome, Talk, ToolResult};
use crate::cli::EngineArgs;
use crate::engine::{Engine, Usage};

/// What a turn was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A question and its answer.
    Turn,
    /// The model's own words for the turns up to another, in whose place they stand.
    Summary,
}

/// Where a turn was asked and on whose account, as far as the flags tell.
#[derive(Debug, Clone)]
pub struct Asked {
    pub region: Option<String>,
    /// Whose account or key: a profile's name, the gateway, or that of the environment.
    pub key: String,
}

/// A turn, to be written down.
#[derive(Debug, Clone)]
pub struct Record {
    pub session: Option<i64>,
    pub kind: Kind,
    /// Whether it is part of the conversation.
    pub counts: bool,
    /// Of a summary: the last turn that it stands for.
    pub up_to: Option<i64>,
    /// Milliseconds since 1970.
    pub began: i64,
    pub model: String,
    pub target: Option<String>,
    pub region: Option<String>,
    pub key: String,
    /// How the model was asked: the request's members but for messages, and `system`.
    pub settings: Map<String, Value>,
    pub prompt: String,
    pub answer: String,
    pub reasoning: String,
    /// What the turn added to the conversation.
    pub messages: Vec<Value>,
    /// Which tools were called, and how that went; what with is in the messages.
    pub calls: Vec<Value>,
    pub requests: u32,
    pub usage: Usage,
    /// Whether `usage` and `cost` are an estimate.
    pub is_estimated: bool,
    pub cost: Option<PicoUsd>,
    pub latency: Duration,
    pub ttft: Option<Duration>,
    pub finish: Option<String>,
    pub error: Option<String>,
    pub request_id: Option<String>,
}

/// A turn that is under way.
#[derive(Debug)]
pub struct Begun {
    at: Timestamp,
    clock: Instant,
    /// How many messages the conversation had before it.
    before: usize,
}

// === impl Kind ===

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Turn => "turn",
            Kind::Summary => "summary",
        }
    }
}

// === impl Asked ===

impl Asked {
    pub fn of(args: &EngineArgs) -> Self {
        if let Some(url) = &args.via {
            // An address may hold a password; host and port do not.
            let host = url.parse::<http::Uri>().ok().and_then(|uri| {
                let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
                Some(format!("{}{port}", uri.host()?))
            });
            return Self { region: None, key: format!("via {}", host.unwrap_or_default()) };
        }
        if args.emulator {
            return Self { region: None, key: "emulator".to_owned() };
        }
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let region = args.region.clone();
        let region = region.or_else(|| variable("AWS_REGION"));
        let profile = args.identity.profile.clone().or_else(|| variable("AWS_PROFILE"));
        Self {
            region: region.or_else(|| variable("AWS_DEFAULT_REGION")),
            key: profile.unwrap_or_else(|| "default".to_owned()),
        }
    }

    /// In the region that the engine asks.
    pub fn at(self, engine: &Engine) -> Self {
        Self { region: engine.region.clone(), ..self }
    }
}

// === impl Begun ===

impl Begun {
    /// Before the question is added to `talk`.
    pub fn now(talk: &Talk) -> Self {
        Self { at: Timestamp::now(), clock: Instant::now(), before: talk.messages.len() }
    }

    /// How long it has been under way.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// What came of it. `talk` has the question and what was said since.
    pub fn end(&self, talk: &Talk, outcome: &Outcome, asked: &Asked) -> Record {
        let messages: Vec<Value> = talk.messages.iter().skip(self.before).cloned().collect();
        let mut settings = talk.settings.clone();
        if let Some(system) = talk.messages.iter().find(|message| message["role"] == "system") {
            settings.insert(SYSTEM.to_owned(), system["content"].clone());
        }
        let question = messages.iter().find(|message| message["role"] == "user");
        let spent = &outcome.spent;
        Record {
            session: None,
            kind: Kind::Turn,
            counts: goes_on(&messages, &outcome.end),
            up_to: None,
            began: self.at.as_millisecond(),
            model: settings.get("model").and_then(Value::as_str).unwrap_or_default().to_owned(),
            target: outcome.last.target.clone(),
            region: asked.region.clone(),
            key: asked.key.clone(),
            prompt: question.map(|question| words(&question["content"])).unwrap_or_default(),
            settings,
            answer: outcome.text.clone(),
            reasoning: outcome.reasoning.clone(),
            messages,
            calls: outcome.calls.iter().map(|(call, result)| called(call, result)).collect(),
            requests: spent.requests,
            usage: spent.usage,
            is_estimated: spent.is_estimated,
            cost: spent.cost,
            latency: if spent.attempts > 0 { spent.duration } else { self.elapsed() },
            ttft: spent.first_byte,
            finish: outcome.stop_reason().map(str::to_owned),
            error: outcome.end.error().map(|error| format!("{error:#}")),
            request_id: outcome.last.request_id.clone(),
        }
    }
}

// === impl Record ===

impl Record {
    /// As the summary of the turns up to `up_to`; with none, of what there was before the first.
    pub fn into_summary(self, up_to: Option<i64>) -> Self {
        Self { kind: Kind::Summary, up_to: Some(up_to.unwrap_or(0)), ..self }
    }
}

/// Whether the conversation goes on from here. A question without any answer would stand in the way of the
/// next; and so would results of tools that could not be sent, for they never can.
fn goes_on(messages: &[Value], end: &End) -> bool {
    let ends_in_results = messages.last().is_some_and(|message| message["role"] == "tool");
    messages.len() > 1 && !(ends_in_results && matches!(end, End::Failed(_)))
}

fn called(call: &Call, result: &ToolResult) -> Value {
    let millis = u64::try_from(result.duration.as_millis()).unwrap_or(u64::MAX);
    json!({
        "id": call.id, "server": call.server, "name": call.name, "success": result.success,
        "duration_ms": millis,
    })
}

/// A message's content for people: its text, and a word for each other part.
pub fn words(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let word = |part: &Value| match part["text"].as_str() {
                Some(text) => text.to_owned(),
                None => format!("[{}]", part["type"].as_str().unwrap_or("part")),
            };
            parts.iter().map(word).collect::<Vec<_>>().join("\n")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}
