//! What came of a turn: its words, its calls of tools, and what it took.

use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

use outcrop_model::{PicoUsd, Receipt};
use serde_json::{Value, json};

use crate::engine::{Chat, ToolCall, Usage};

/// What came of a turn.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The text of all answers, in order.
    pub text: String,
    pub reasoning: String,
    pub calls: Vec<(Call, ToolResult)>,
    pub spent: Spent,
    /// Of the last answer.
    pub last: Last,
    pub end: End,
}

/// A call of a tool, by the names that people know.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Call {
    pub id: String,
    /// `None` where the model called what it was not offered.
    pub server: Option<String>,
    /// As the server has it.
    pub name: String,
    /// JSON, as the model wrote it.
    pub arguments: String,
}

/// What became of a tool call.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// Text, or parts, as the content of a `tool` message.
    pub content: Value,
    pub success: bool,
    pub duration: Duration,
}

/// What is known of an answer beside its words.
#[derive(Debug, Clone, Default)]
pub struct Last {
    pub id: Option<String>,
    pub finish_reason: Option<String>,
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
    /// Whether part of `usage` is an estimate: of answers that broke off nobody tells it all.
    pub is_estimated: bool,
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
    /// The next request may cost more than is left, and was not sent. So it is where no price is known.
    OutOfBudget(anyhow::Error),
    Interrupted,
    Failed(anyhow::Error),
}

// === impl End ===

impl End {
    /// Why it went no further.
    pub fn error(&self) -> Option<&anyhow::Error> {
        match self {
            End::OutOfBudget(error) | End::Failed(error) => Some(error),
            End::Whole | End::OutOfTurns | End::Interrupted => None,
        }
    }

    pub fn into_error(self) -> Option<anyhow::Error> {
        match self {
            End::OutOfBudget(error) | End::Failed(error) => Some(error),
            End::Whole | End::OutOfTurns | End::Interrupted => None,
        }
    }
}

// === impl ToolResult ===

impl ToolResult {
    pub fn has_image(&self) -> bool {
        self.content.as_array().into_iter().flatten().any(|part| part["type"] == "image_url")
    }

    /// For a model that takes none: the request would be refused, and the turn be over.
    pub fn tell_of_images(&mut self) {
        for part in self.content.as_array_mut().into_iter().flatten() {
            if part["type"] == "image_url" {
                *part = json!({ "type": "text", "text": "[an image, which this model cannot be shown]" });
            }
        }
    }

    /// Of a call that was never run to its end.
    pub fn stopped() -> Self {
        let content = "The call was stopped before it had a result.".into();
        Self { content, success: false, duration: Duration::ZERO }
    }

    /// The texts, and a word for each image.
    pub fn in_short(&self) -> String {
        let parts = self.content.as_array().into_iter().flatten();
        let words = parts.map(|part| part["text"].as_str().unwrap_or("[image]"));
        self.content.as_str().map_or_else(|| words.collect::<Vec<_>>().join(" "), str::to_owned)
    }
}

// === impl Call ===

impl Call {
    /// What the model wrote, for a tool that people know as `names`: its server and its own name.
    pub fn of(call: &ToolCall, names: Option<(String, String)>) -> Self {
        let ToolCall { id, name, arguments } = call.clone();
        let (server, name) = match names {
            Some((server, name)) => (Some(server), name),
            None => (None, name),
        };
        Self { id, server, name, arguments }
    }

    /// The arguments as JSON, or as the text that they are if they are none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.arguments).unwrap_or_else(|_| self.arguments.clone().into())
    }
}

/// `server/tool`, as patterns have it.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Some(server) => write!(f, "{server}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

// === impl Outcome ===

impl Outcome {
    /// Takes in what an answer said.
    pub fn take(&mut self, chat: &Chat, receipt: Option<&Receipt>) {
        if !chat.text.is_empty() && !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text.push_str(&chat.text);
        self.reasoning.push_str(&chat.reasoning);
        let told = |name: &str| chat.header(name).map(str::to_owned);
        self.last = Last {
            id: chat.id.clone(),
            finish_reason: chat.finish_reason.clone(),
            // It is told where it is another than the model that was named.
            target: told("x-outcrop-model")
                .or_else(|| receipt.map(|receipt| receipt.model.clone())),
            request_id: told("x-request-id"),
            losses: told("x-outcrop-loss"),
            tokens: chat.usage.map_or(0, Usage::total),
        };
    }

    /// A request to which no answer began.
    pub fn unanswered(&mut self, receipt: Option<&Receipt>) {
        self.last = Last {
            target: receipt.and_then(|receipt| receipt.target.clone()),
            request_id: receipt.map(|receipt| receipt.request_id.clone()),
            ..Last::default()
        };
    }

    /// Why it ended: in Bedrock's word, or in ours where it was not the model that ended it.
    pub fn stop_reason(&self) -> Option<&str> {
        match &self.end {
            End::Whole => self.last.finish_reason.as_deref(),
            End::OutOfTurns => Some("out_of_turns"),
            End::OutOfBudget(_) => Some("out_of_budget"),
            End::Interrupted => Some("interrupted"),
            End::Failed(_) => None,
        }
    }
}

// === impl Spent ===

impl Spent {
    /// Of one request.
    pub fn once(receipt: Option<&Receipt>, usage: Usage) -> Self {
        Self {
            requests: 1,
            usage,
            is_estimated: false,
            cost: receipt.and_then(|receipt| receipt.cost),
            duration: receipt.map(|receipt| receipt.duration).unwrap_or_default(),
            first_byte: receipt.and_then(|receipt| receipt.first_byte),
            attempts: receipt.map_or(0, |receipt| receipt.attempts),
        }
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, more: Self) {
        let Self { requests, usage, is_estimated, cost, duration, first_byte, attempts } = more;
        self.cost = match (self.requests, self.cost, cost) {
            (0, _, cost) => cost,
            (_, Some(sum), Some(cost)) => Some(sum + cost),
            (_, None, _) | (_, _, None) => None,
        };
        self.requests += requests;
        self.usage += usage;
        self.is_estimated |= is_estimated;
        self.duration += duration;
        self.first_byte = self.first_byte.or(first_byte);
        self.attempts += attempts;
    }
}

impl Usage {
    /// All tokens of the prompt, cached or not.
    pub fn prompt(self) -> u64 {
        self.input + self.cache_read + self.cache_write
    }

    pub fn total(self) -> u64 {
        self.prompt() + self.output
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
        if self.is_estimated {
            f.write_str("about ")?;
        }
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
