//! One turn of a conversation: the request, its answer, and the tools that the model wants to be run in
//! between, until it has said its say.
//!
//! 1. What was said stays said: an answer that was interrupted or that failed half way is kept as far as it
//!    came.
//! 2. Every tool call gets exactly one result before the model is asked again, as Bedrock demands.

mod estimate;
mod outcome;

use outcrop_model::Catalog;
use serde_json::{Map, Value, json};

use self::estimate::Seen;
pub use self::outcome::{Call, End, Outcome, Spent, ToolResult};
use super::budget::Budget;
use crate::engine::{Chat, Engine, Part, ToolCall, Usage};
use crate::exit::{Exit, code_of};
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

    /// The server of the tool that the model calls so, and how that server calls it.
    fn names_of(&self, _name: &str) -> Option<(String, String)> {
        None
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

/// Sees a turn as it happens.
pub trait Watch {
    fn part(&mut self, part: &Part) -> anyhow::Result<()>;
    fn call(&mut self, call: &Call) -> anyhow::Result<()>;
    fn result(&mut self, call: &Call, result: &ToolResult) -> anyhow::Result<()>;

    /// An answer is whole, and took this.
    fn answered(&mut self, _step: &Spent) -> anyhow::Result<()> {
        Ok(())
    }
}

/// How far a turn may go.
#[derive(Debug)]
pub struct Bounds<'b> {
    /// How often the model may be asked.
    pub requests: u32,
    pub budget: Option<&'b mut Budget>,
}

/// What goes with a turn from request to request.
struct Course<'t, 'b, W> {
    outcome: Outcome,
    watch: &'t mut W,
    stop: Stop,
    bounds: Bounds<'b>,
}

/// Asks until the model wants no more tools, or may not be asked again.
pub async fn turn(
    engine: &Engine,
    talk: &mut Talk,
    (tools, bounds): (&mut impl Tools, Bounds<'_>),
    watch: &mut impl Watch,
) -> Outcome {
    // One watch for all of the turn: what is asked between two steps is not missed.
    let stop = match Stop::watch() {
        Ok(stop) => stop,
        Err(error) => return Outcome { end: End::Failed(error.into()), ..Outcome::default() },
    };
    let mut course = Course { outcome: Outcome::default(), watch, stop, bounds };
    tools.begin();
    let end = loop {
        if course.outcome.spent.requests == course.bounds.requests {
            break End::OutOfTurns;
        }
        let body = request(talk, offered(talk, tools));
        if let Some(budget) = &mut course.bounds.budget
            && let Err(error) = budget.hold(engine, &body).await
        {
            break match code_of(&error) == Exit::Budget.code() {
                true => End::OutOfBudget(error),
                false => End::Failed(error),
            };
        }
        let calls = match one(engine, talk, &body, &mut course).await {
            Ok(Some(calls)) => calls,
            Ok(None) => break End::Interrupted,
            Err(error) => break End::Failed(error),
        };
        if calls.is_empty() {
            break End::Whole;
        }
        match run(engine, talk, (tools, calls), &mut course).await {
            Ok(true) => {}
            Ok(false) => break End::Interrupted,
            Err(error) => break End::Failed(error),
        }
    };
    Outcome { end, ..course.outcome }
}

/// One request and its answer: the calls that it holds, or `None` if it was interrupted.
async fn one<W: Watch>(
    engine: &Engine,
    talk: &mut Talk,
    body: &Value,
    course: &mut Course<'_, '_, W>,
) -> anyhow::Result<Option<Vec<ToolCall>>> {
    let asked = tokio::select! {
        answer = engine.post(CHAT, body) => Some(answer),
        _ = course.stop.asked() => None,
    };
    let mut chat = match asked {
        Some(Ok(answer)) => Chat::new(answer),
        Some(Err(error)) => {
            let receipt = engine.receipt();
            course.outcome.unanswered(receipt.as_ref());
            course.count(Spent::once(receipt.as_ref(), Usage::default()));
            return Err(error);
        }
        None => {
            let receipt = engine.receipt();
            course.outcome.unanswered(receipt.as_ref());
            let step = estimate::cut_off(engine, body, (receipt, Seen::default())).await;
            course.count(step);
            return Ok(None);
        }
    };
    let followed = tokio::select! {
        outcome = follow(&mut chat, course.watch) => Some(outcome),
        _ = course.stop.asked() => None,
    };
    // An answer that is given up is settled when it is let go.
    chat.close();
    let receipt = engine.receipt();
    course.outcome.take(&chat, receipt.as_ref());
    let is_whole = matches!(followed, Some(Ok(())));
    talk.messages.extend(message(&chat, is_whole));
    let step = match (is_whole, chat.usage) {
        (true, usage) => Spent::once(receipt.as_ref(), usage.unwrap_or_default()),
        (false, _) => estimate::cut_off(engine, body, (receipt, Seen::of(&chat))).await,
    };
    course.count(step);
    match followed {
        None => Ok(None),
        Some(Ok(())) => {
            course.watch.answered(&step)?;
            Ok(Some(chat.tool_calls))
        }
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
async fn run<W: Watch>(
    engine: &Engine,
    talk: &mut Talk,
    (tools, calls): (&mut impl Tools, Vec<ToolCall>),
    course: &mut Course<'_, '_, W>,
) -> anyhow::Result<bool> {
    let named: Vec<Call> =
        calls.iter().map(|call| Call::of(call, tools.names_of(&call.name))).collect();
    // Whoever watches may have left. The conversation is whole first, and then that is told.
    let seen = named.iter().try_for_each(|call| course.watch.call(call));
    let ran = match seen {
        Err(error) => Some(Err(error)),
        Ok(()) => tokio::select! {
            ran = tools.run(&calls) => Some(ran),
            _ = course.stop.asked() => None,
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
    for call in named {
        let result = results.next().unwrap_or_else(ToolResult::stopped);
        talk.messages
            .push(json!({ "role": "tool", "tool_call_id": call.id, "content": result.content }));
        verdict = verdict.and_then(|goes_on| course.watch.result(&call, &result).map(|()| goes_on));
        course.outcome.calls.push((call, result));
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
    pub fn model(&self) -> &str {
        self.settings.get("model").and_then(Value::as_str).unwrap_or_default()
    }
}

// === impl Bounds ===

impl Bounds<'_> {
    /// So many requests, whatever they cost.
    pub fn requests(requests: u32) -> Self {
        Self { requests, budget: None }
    }
}

// === impl Course ===

impl<W> Course<'_, '_, W> {
    fn count(&mut self, step: Spent) {
        if let Some(budget) = &mut self.bounds.budget {
            budget.count(&step);
        }
        self.outcome.spent += step;
    }
}
