//! Why a model stopped.

use std::borrow::Cow;

/// The union of every dialect's stop reasons. A reason that no dialect names is kept word for word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    EndTurn,
    /// A stop sequence was met; the sequence itself when the model tells.
    StopSequence(Option<String>),
    ToolUse,
    MaxTokens,
    ContextWindowExceeded,
    /// A guardrail intervened.
    Guardrail,
    /// The model's own filter cut the answer.
    ContentFiltered,
    /// The model declined (Anthropic `refusal`).
    Refusal,
    /// A server-side tool loop paused (Anthropic `pause_turn`).
    PauseTurn,
    /// The model produced output that cannot be parsed.
    MalformedOutput,
    /// The model produced a tool call that cannot be parsed.
    MalformedToolUse,
    Other(String),
}

impl StopReason {
    /// Bedrock's or Anthropic's spelling, for logs and for dialects that pass unknown reasons on.
    pub fn as_str(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            StopReason::EndTurn => "end_turn",
            StopReason::StopSequence(_) => "stop_sequence",
            StopReason::ToolUse => "tool_use",
            StopReason::MaxTokens => "max_tokens",
            StopReason::ContextWindowExceeded => "model_context_window_exceeded",
            StopReason::Guardrail => "guardrail_intervened",
            StopReason::ContentFiltered => "content_filtered",
            StopReason::Refusal => "refusal",
            StopReason::PauseTurn => "pause_turn",
            StopReason::MalformedOutput => "malformed_model_output",
            StopReason::MalformedToolUse => "malformed_tool_use",
            StopReason::Other(word) => word,
        })
    }

    /// Reads Bedrock's and Anthropic's spellings, which do not clash.
    pub fn parse(word: &str, stop_sequence: Option<&str>) -> Self {
        match word {
            "end_turn" => StopReason::EndTurn,
            "stop_sequence" => StopReason::StopSequence(stop_sequence.map(str::to_owned)),
            "tool_use" => StopReason::ToolUse,
            "max_tokens" => StopReason::MaxTokens,
            "model_context_window_exceeded" => StopReason::ContextWindowExceeded,
            "guardrail_intervened" => StopReason::Guardrail,
            "content_filtered" => StopReason::ContentFiltered,
            "refusal" => StopReason::Refusal,
            "pause_turn" => StopReason::PauseTurn,
            "malformed_model_output" => StopReason::MalformedOutput,
            "malformed_tool_use" => StopReason::MalformedToolUse,
            other => StopReason::Other(other.to_owned()),
        }
    }
}
