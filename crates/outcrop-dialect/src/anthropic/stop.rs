//! Stop reasons in Anthropic's words.
//!
//! A guardrail's or filter's cut is a `refusal`, output that could not be parsed is the end of the
//! turn. A reason that no dialect names is passed on as it is: Anthropic's SDKs accept any string.

use std::borrow::Cow;

use outcrop_model::StopReason;

use crate::write::JsonWriter;

/// The value of `stop_reason`.
pub(super) fn word(stop: &StopReason) -> Cow<'_, str> {
    match stop {
        StopReason::Guardrail | StopReason::ContentFiltered => Cow::Borrowed("refusal"),
        StopReason::MalformedOutput | StopReason::MalformedToolUse => Cow::Borrowed("end_turn"),
        StopReason::EndTurn
        | StopReason::StopSequence(_)
        | StopReason::ToolUse
        | StopReason::MaxTokens
        | StopReason::ContextWindowExceeded
        | StopReason::Refusal
        | StopReason::PauseTurn
        | StopReason::Other(_) => stop.as_str(),
    }
}

/// Writes the members `stop_reason` and `stop_sequence`.
pub(super) fn write_stop(w: &mut JsonWriter<'_>, stop: Option<&StopReason>) {
    w.key("stop_reason");
    match stop {
        Some(stop) => w.str(&word(stop)),
        None => w.null(),
    }
    w.key("stop_sequence");
    match stop {
        Some(StopReason::StopSequence(Some(sequence))) => w.str(sequence),
        Some(_) | None => w.null(),
    }
}
