//! One turn of a conversation: the request, its answer, and the tools that the model wants to be run in
//! between, until it has said its say.
//!
//! 1. What was said stays said: an answer that was interrupted or that failed half way is kept as far as it
//!    came.
//! 2. Every tool call gets exactly one result before the model is asked again, as Bedrock demands.

use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

use outcrop_model::{Catalog, PicoUsd, Receipt};
use serde_json::{Map, Value, json};

use crate::engine::{Chat, Engine, Part, ToolCall, Usage};
use crate::stop::Stop;

/// Where the chat surface is.
pub const CHAT: &str = "/v1/chat/completions";

/// A conversation: how the model is asked, and what was said so far.
#[derive(Debug, Clone, Default)]
pub struct Talk {
    /// The request's members but for messages, tools and streaming.
    pub settings: Map<String, Value>,
    /// In OpenAI's form; an answer is added as it came.
    pub messages: Vec<Value>,
}

/// Tools that a model may use.
pub trait Tools {
    /// In OpenAI's form. Where there are none, the request says nothing of tools.
    fn offered(&self) -> Vec<Value>;

    /// Whether somebody asked for them by hand. Others are not offered to a model that takes no tools.
    fn are_asked_for(&self) -> bool {
        true
    }

    /// Another turn begins.
    fn begin(&mut self) {}

    /// Runs the calls of one answer and gives a result for each, in their order. That a tool fails is its
    /// result.
    ///
    /// # Errors
    /// Where the turn cannot go on.
    fn run(&mut self, calls: &[ToolCall]) -> impl Future<Output = anyhow::Result<Vec<ToolResult>>>;
}

/// What became of a tool call.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// Text, or parts, as the content of a `tool` message.
    pub content: Value,
    pub success: bool,
    pub duration: Duration,
}

/// Sees a turn as it happens.
pub trait Watch {
    fn part(&mut self, part: &Part) -> anyhow::Result<()>;
    fn call(&mut self, call: &ToolCall) -> anyhow::Result<()>;
    fn result(&mut self, call: &ToolCall, result: &ToolResult) -> anyhow::Result<()>;
}

/// What came of a turn.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The text of all answers, in order.
    pub text: String,
    pub reasoning: String,
    pub calls: Vec<(ToolCall, ToolResult)>,
    pub spent: Spent,
    /// Of the last answer.
    pub last: Last,
    pub end: End,
}

/// What is known of an answer beside its words.
#[derive(Debug, Clone, Default)]
pub struct Last {
    pub id: Option<String>,
    pub finish_reason: Option<String>,
    /// The model as the engine knows it.
    pub model: Option<String>,
    /// What Bedrock was asked for.
    pub target: Option<String>,
    pub request_id: Option<String>,
    /// What could not be carried.
    pub losses: Option<String>,
    /// All tokens of the last request, its answer included; 0 where nobody told.
    pub tokens: u64,
}

/// What a turn took: all its requests together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    pub requests: u32,
    pub usage: Usage,
    /// `None` where one request's cost is not known.
    pub cost: Option<PicoUsd>,
    pub duration: Duration,
    /// Until the first answer began.
    pub first_byte: Option<Duration>,
    /// How often Bedrock was asked; 0 where only the gateway knows.
    pub attempts: u32,
}

/// How a turn ended.
#[derive(Debug, Default)]
pub enum End {
    /// The model has said its say.
    #[default]
    Whole,
    /// The model wants more tools than it may have; their results are part of the conversation.
    OutOfTurns,
    Interrupted,
    Failed(anyhow::Error),
}

/// Asks until the model wants no more tools, at the most `most` times.
pub async fn turn(
    engine: &Engine,
    talk: &mut Talk,
    (tools, most): (&mut impl Tools, u32),
    watch: &mut impl Watch,
) -> Outcome {
    let mut outcome = Outcome::default();
    // One watch for all of the turn: what is asked between two steps is not missed.
    let mut stop = match Stop::watch() {
        Ok(stop) => stop,
        Err(error) => {
            outcome.end = End::Failed(error.into());
            return outcome;
        }
    };
    tools.begin();
    outcome.end = loop {
        if outcome.spent.requests == most {
            break End::OutOfTurns;
        }
        let calls =
            match one(engine, talk, offered(talk, tools), (&mut outcome, watch, &mut stop)).await {
                Ok(Some(calls)) => calls,
                Ok(None) => break End::Interrupted,
                Err(error) => break End::Failed(error),
            };
        if calls.is_empty() {
            break End::Whole;
        }
        match run(engine, talk, (tools, calls), (&mut outcome, watch, &mut stop)).await {
            Ok(true) => {}
            Ok(false) => break End::Interrupted,
            Err(error) => break End::Failed(error),
        }
    };
    outcome
}

/// One request and its answer: the calls that it holds, or `None` if it was interrupted.
async fn one(
    engine: &Engine,
    talk: &mut Talk,
    tools: Vec<Value>,
    (outcome, watch, stop): (&mut Outcome, &mut impl Watch, &mut Stop),
) -> anyhow::Result<Option<Vec<ToolCall>>> {
    let body = request(talk, tools);
    let asked = tokio::select! {
        answer = engine.post(CHAT, &body) => Some(answer),
        _ = stop.asked() => None,
    };
    let answer = match asked {
        Some(Ok(answer)) => answer,
        Some(Err(error)) => {
            outcome.unanswered(engine);
            return Err(error);
        }
        None => {
            outcome.unanswered(engine);
            return Ok(None);
        }
    };
    let mut chat = Chat::new(answer);
    let followed = tokio::select! {
        outcome = follow(&mut chat, watch) => Some(outcome),
        _ = stop.asked() => None,
    };
    // An answer that is given up is settled when it is let go.
    chat.close();
    outcome.take(&chat, engine);
    let is_whole = matches!(followed, Some(Ok(())));
    talk.messages.extend(message(&chat, is_whole));
    match followed {
        None => Ok(None),
        Some(Ok(())) => Ok(Some(chat.tool_calls)),
        Some(Err(error)) => Err(error),
    }
}

async fn follow(chat: &mut Chat, watch: &mut impl Watch) -> anyhow::Result<()> {
    while let Some(part) = chat.next().await? {
        watch.part(&part)?;
    }
    Ok(())
}

/// Runs what the model called for; `false` if it was interrupted. Either way each call has its result.
async fn run(
    engine: &Engine,
    talk: &mut Talk,
    (tools, calls): (&mut impl Tools, Vec<ToolCall>),
    (outcome, watch, stop): (&mut Outcome, &mut impl Watch, &mut Stop),
) -> anyhow::Result<bool> {
    // Whoever watches may have left. The conversation is whole first, and then that is told.
    let seen = calls.iter().try_for_each(|call| watch.call(call));
    let ran = match seen {
        Err(error) => Some(Err(error)),
        Ok(()) => tokio::select! {
            ran = tools.run(&calls) => Some(ran),
            _ = stop.asked() => None,
        },
    };
    let goes_on = matches!(ran, Some(Ok(_)));
    let (mut results, mut verdict) = match ran {
        Some(Ok(results)) => (results, Ok(goes_on)),
        Some(Err(error)) => (Vec::new(), Err(error)),
        None => (Vec::new(), Ok(goes_on)),
    };
    if results.iter().any(ToolResult::has_image) && !takes_images(engine, talk).await {
        results.iter_mut().for_each(ToolResult::tell_of_images);
    }
    let mut results = results.into_iter();
    for call in calls {
        let result = results.next().unwrap_or_else(ToolResult::stopped);
        talk.messages
            .push(json!({ "role": "tool", "tool_call_id": call.id, "content": result.content }));
        verdict = verdict.and_then(|goes_on| watch.result(&call, &result).map(|()| goes_on));
        outcome.calls.push((call, result));
    }
    verdict
}

fn offered(talk: &Talk, tools: &impl Tools) -> Vec<Value> {
    let catalog = Catalog::built_in();
    let model = talk.model();
    let takes_tools = !catalog.is_known(model) || catalog.card(model).tools;
    if takes_tools || tools.are_asked_for() { tools.offered() } else { Vec::new() }
}

/// Whether the model can be shown an image that a tool gave. Where nobody can tell, it is tried.
async fn takes_images(engine: &Engine, talk: &Talk) -> bool {
    let (catalog, model) = (Catalog::built_in(), talk.model());
    if catalog.is_known(model) {
        return catalog.card(model).images;
    }
    let path = format!("/v1/models/{}", model.replace('/', "%2F"));
    let Ok(answer) = engine.get(&path).await else { return true };
    let Ok(card) = answer.json().await else { return true };
    card["capabilities"]["image_input"]["supported"] != false
}

fn request(talk: &Talk, tools: Vec<Value>) -> Value {
    let mut body = talk.settings.clone();
    body.insert("messages".to_owned(), Value::Array(talk.messages.clone()));
    if !tools.is_empty() {
        body.insert("tools".to_owned(), Value::Array(tools));
    }
    body.insert("stream".to_owned(), true.into());
    body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
    Value::Object(body)
}

/// The answer as a message of the conversation. Of one that broke off only the text is worth keeping: calls
/// and signed thinking may lack their ends.
fn message(chat: &Chat, is_whole: bool) -> Option<Value> {
    let mut message = json!({ "role": "assistant", "content": chat.text });
    if is_whole {
        if !chat.thinking_blocks.is_empty() {
            message["thinking_blocks"] = chat.thinking_blocks.clone().into();
        }
        if !chat.tool_calls.is_empty() {
            message["tool_calls"] = chat.tool_calls.iter().map(ToolCall::to_json).collect();
        }
    }
    let says_something = !chat.text.is_empty() || message.get("tool_calls").is_some();
    says_something.then_some(message)
}

// === impl Talk ===

impl Talk {
    fn model(&self) -> &str {
        self.settings.get("model").and_then(Value::as_str).unwrap_or_default()
    }
}

// === impl ToolResult ===

impl ToolResult {
    fn has_image(&self) -> bool {
        self.content.as_array().into_iter().flatten().any(|part| part["type"] == "image_url")
    }

    /// For a model that takes none: the request would be refused, and the turn be over.
    fn tell_of_images(&mut self) {
        for part in self.content.as_array_mut().into_iter().flatten() {
            if part["type"] == "image_url" {
                *part = json!({ "type": "text", "text": "[an image, which this model cannot be shown]" });
            }
        }
    }

    /// Of a call that was never run to its end.
    fn stopped() -> Self {
        let content = "The call was stopped before it had a result.".into();
        Self { content, success: false, duration: Duration::ZERO }
    }
}

// === impl Outcome ===

impl Outcome {
    fn take(&mut self, chat: &Chat, engine: &Engine) {
        if !chat.text.is_empty() && !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text.push_str(&chat.text);
        self.reasoning.push_str(&chat.reasoning);
        let receipt = engine.receipt();
        let told = |name: &str| chat.header(name).map(str::to_owned);
        self.last = Last {
            id: chat.id.clone(),
            finish_reason: chat.finish_reason.clone(),
            model: receipt.as_ref().map(|receipt| receipt.model.clone()),
            target: told("x-outcrop-model"),
            request_id: told("x-request-id"),
            losses: told("x-outcrop-loss"),
            tokens: chat.usage.map_or(0, |usage| usage.total()),
        };
        self.spent.add(receipt, chat.usage);
    }

    /// A request to which no answer began.
    fn unanswered(&mut self, engine: &Engine) {
        let receipt = engine.receipt();
        self.last = Last {
            model: receipt.as_ref().map(|receipt| receipt.model.clone()),
            target: receipt.as_ref().and_then(|receipt| receipt.target.clone()),
            request_id: receipt.as_ref().map(|receipt| receipt.request_id.clone()),
            ..Last::default()
        };
        self.spent.add(receipt, None);
    }
}

// === impl Spent ===

impl Spent {
    fn add(&mut self, receipt: Option<Receipt>, usage: Option<Usage>) {
        let cost = receipt.as_ref().and_then(|receipt| receipt.cost);
        self.cost = match (self.requests, self.cost, cost) {
            (0, _, cost) => cost,
            (_, Some(sum), Some(cost)) => Some(sum + cost),
            (_, None, _) | (_, _, None) => None,
        };
        self.requests += 1;
        self.usage += usage.unwrap_or_default();
        if let Some(receipt) = receipt {
            self.duration += receipt.duration;
            self.first_byte = self.first_byte.or(receipt.first_byte);
            self.attempts += receipt.attempts;
        }
    }
}

impl Usage {
    fn total(self) -> u64 {
        let Self { input, output, cache_read, cache_write, reasoning: _ } = self;
        input + output + cache_read + cache_write
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, more: Self) {
        let Self { input, output, cache_read, cache_write, reasoning } = more;
        self.input += input;
        self.output += output;
        self.cache_read += cache_read;
        self.cache_write += cache_write;
        self.reasoning += reasoning;
    }
}

/// One line for people.
impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Usage { input, output, cache_read, cache_write, reasoning: _ } = self.usage;
        write!(f, "{input} tokens in, {output} out")?;
        if cache_read + cache_write > 0 {
            write!(f, ", {cache_read} from the cache, {cache_write} into it")?;
        }
        match self.cost {
            Some(cost) => write!(f, ", ${cost}")?,
            None => f.write_str(", price unknown")?,
        }
        match self.duration {
            Duration::ZERO => Ok(()),
            duration => write!(f, ", {:.1} s", duration.as_secs_f64()),
        }
    }
}
