//! A chat's answer as it comes: OpenAI's chunks, read into parts.
//!
//! 1. An answer that ends without `[DONE]` is a failure, never a short success.
//! 2. Members that are not known are passed over: a newer gateway may say more.

use http::StatusCode;
use outcrop_aws::SseDecoder;
use serde_json::{Value, json};

use super::{Answer, refusal};
use crate::exit::{Exit, Failure};

/// One part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    Text(String),
    Reasoning(String),
}

/// A tool that the model wants to be run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// JSON, as the model wrote it.
    pub arguments: String,
}

/// Tokens, in disjoint numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    pub reasoning: u64,
}

/// An answer on its way, and what it has said so far.
pub struct Chat {
    answer: Answer,
    decoder: SseDecoder,
    waiting: std::collections::VecDeque<Part>,
    done: bool,
    pub id: Option<String>,
    pub text: String,
    pub reasoning: String,
    /// Thinking with its signatures, to be sent back as it is.
    pub thinking_blocks: Vec<Value>,
    pub tool_calls: Vec<ToolCall>,
    pub finish_reason: Option<String>,
    pub usage: Option<Usage>,
}

// === impl Chat ===

impl Chat {
    pub fn new(answer: Answer) -> Self {
        Self {
            answer,
            decoder: SseDecoder::default(),
            waiting: std::collections::VecDeque::new(),
            done: false,
            id: None,
            text: String::new(),
            reasoning: String::new(),
            thinking_blocks: Vec::new(),
            tool_calls: Vec::new(),
            finish_reason: None,
            usage: None,
        }
    }

    /// The next part; `None` once the answer is complete.
    ///
    /// # Errors
    /// What the stream tells, or that it ended early.
    pub async fn next(&mut self) -> anyhow::Result<Option<Part>> {
        loop {
            if let Some(part) = self.waiting.pop_front() {
                return Ok(Some(part));
            }
            match self.answer.chunk().await.transpose()? {
                Some(bytes) => self.take(&bytes)?,
                // Only now the request is settled.
                None if self.done => return Ok(None),
                None => return Err(cut_short().into()),
            }
        }
    }

    /// The headers that came before the answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.answer.headers.get(name)?.to_str().ok()
    }

    /// Lets go of the rest of the answer.
    pub fn close(&mut self) {
        self.answer.close();
    }

    fn take(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.decoder.push(bytes);
        let mut events = Vec::new();
        let garbled = |_| Failure::new(Exit::RequestFailed, "The answer's events arrived damaged.");
        while let Some(event) = self.decoder.next().map_err(garbled)? {
            events.push(event.payload.to_vec());
        }
        for event in events {
            self.event(&event)?;
        }
        Ok(())
    }

    fn event(&mut self, data: &[u8]) -> anyhow::Result<()> {
        if data == b"[DONE]" {
            self.done = true;
            return Ok(());
        }
        let event: Value = serde_json::from_slice(data).map_err(|_| {
            Failure::new(Exit::RequestFailed, "An event of the answer is not JSON.")
        })?;
        if !event["error"].is_null() {
            return Err(refusal::told(&event["error"], StatusCode::OK).into());
        }
        if self.id.is_none() {
            self.id = event["id"].as_str().map(str::to_owned);
        }
        if let Some(usage) = Usage::read(&event["usage"]) {
            self.usage = Some(usage);
        }
        let choice = &event["choices"][0];
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish_reason = Some(reason.to_owned());
        }
        self.delta(&choice["delta"]);
        Ok(())
    }

    fn delta(&mut self, delta: &Value) {
        let said = |name: &str| delta[name].as_str().filter(|text| !text.is_empty());
        if let Some(text) = said("reasoning_content") {
            self.reasoning.push_str(text);
            self.waiting.push_back(Part::Reasoning(text.to_owned()));
        }
        if let Some(text) = said("content").or(said("refusal")) {
            self.text.push_str(text);
            self.waiting.push_back(Part::Text(text.to_owned()));
        }
        let thoughts = delta["thinking_blocks"].as_array();
        self.thinking_blocks.extend(thoughts.into_iter().flatten().cloned());
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let at = call["index"].as_u64().map_or(0, |at| usize::try_from(at).unwrap_or(0));
            // Calls come in order; a gap would be the gateway's mistake, and is closed.
            let at = at.min(self.tool_calls.len());
            if at == self.tool_calls.len() {
                self.tool_calls.push(ToolCall::default());
            }
            let known = &mut self.tool_calls[at];
            let piece = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            known.id.push_str(&piece(&call["id"]));
            known.name.push_str(&piece(&call["function"]["name"]));
            known.arguments.push_str(&piece(&call["function"]["arguments"]));
        }
    }
}

impl ToolCall {
    /// As an element of a message's `tool_calls`.
    pub fn to_json(&self) -> Value {
        let Self { id, name, arguments } = self;
        let function = json!({ "name": name, "arguments": arguments });
        json!({ "id": id, "type": "function", "function": function })
    }
}

impl Usage {
    /// What a receipt tells.
    pub fn of(told: outcrop_model::Usage) -> Self {
        Self {
            input: told.input,
            output: told.output,
            cache_read: told.cache_read,
            cache_write: told.cache_write(),
            reasoning: told.reasoning.unwrap_or(0),
        }
    }

    /// OpenAI counts what was cached as part of the prompt, and thinking as part of the completion.
    pub fn read(usage: &Value) -> Option<Self> {
        let prompt = usage["prompt_tokens"].as_u64()?;
        let detail = |name: &str| usage["prompt_tokens_details"][name].as_u64().unwrap_or(0);
        let (cache_read, cache_write) = (detail("cached_tokens"), detail("cache_write_tokens"));
        Some(Self {
            input: prompt.saturating_sub(cache_read + cache_write),
            output: usage["completion_tokens"].as_u64().unwrap_or(0),
            cache_read,
            cache_write,
            reasoning: usage["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap_or(0),
        })
    }
}

fn cut_short() -> Failure {
    Failure::new(Exit::RequestFailed, "The answer ended before it was complete.").mend("Try again.")
}
