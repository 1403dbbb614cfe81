//! Script: answers written beforehand, chosen by what the prompt holds.
//!
//! The file is JSON: `{"answers": [{"contains": "text of the last user turn", "model": "part of the
//! model id", "parts": [{"say": "…"}, {"think": "…"}, {"redact": "…"}, {"call": "tool", "input": {}}],
//! "stop": "end_turn", "events": [{"messageStart": {"role": "assistant"}}, …]}]}`.
//! Every member is optional; the first answer whose conditions hold is given. `events` replaces the
//! events of a stream, as they are.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Draft, Setting, last_user_text, reasoner, seal, tool_caller};
use crate::words::{AnswerPart, Prompt, Stop};

/// A script file, read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    answers: Vec<Scripted>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scripted {
    #[serde(default)]
    contains: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    parts: Vec<Line>,
    #[serde(default)]
    stop: Option<String>,
    #[serde(default)]
    events: Option<Vec<Map<String, Value>>>,
}

/// One part; exactly one of the first four is meant to be set, the first set one counts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Line {
    say: Option<String>,
    think: Option<String>,
    redact: Option<String>,
    call: Option<String>,
    input: Option<Value>,
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// When the text is not JSON or has a member that no script has.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| format!("script: {error}"))
    }

    /// The first answer whose conditions the prompt meets.
    pub(super) fn answer(&self, prompt: &Prompt, setting: Setting<'_>) -> Option<Draft> {
        let text = last_user_text(prompt);
        let found = self.answers.iter().find(|answer| {
            let said = answer.contains.as_ref().is_none_or(|part| text.contains(part));
            said && answer.model.as_ref().is_none_or(|part| setting.model.id.contains(part))
        })?;
        let lines = found.parts.iter().enumerate();
        Some(Draft {
            parts: lines.filter_map(|(index, line)| line.part(prompt, setting, index)).collect(),
            stop: found.stop.as_deref().map(stop),
            raw_events: found.events.as_ref().map(|events| raw_events(events)),
        })
    }
}

impl Line {
    fn part(&self, prompt: &Prompt, setting: Setting<'_>, index: usize) -> Option<AnswerPart> {
        if let Some(text) = &self.say {
            return Some(AnswerPart::Text(text.clone()));
        }
        if let Some(text) = &self.think {
            return Some(reasoner::thinking(text, setting.model));
        }
        if let Some(text) = &self.redact {
            return Some(AnswerPart::Redacted(seal::hide(text)));
        }
        let name = self.call.as_ref()?;
        Some(AnswerPart::ToolUse {
            id: tool_caller::id(prompt, setting.tool_id_prefix, name, index),
            name: name.clone(),
            input: self.input.clone().unwrap_or_else(|| Value::Object(Map::new())),
        })
    }
}

fn stop(reason: &str) -> Stop {
    match reason {
        "end_turn" => Stop::EndTurn,
        "tool_use" => Stop::ToolUse,
        "max_tokens" => Stop::MaxTokens,
        other => Stop::Other(other.to_owned()),
    }
}

fn raw_events(events: &[Map<String, Value>]) -> Vec<(String, Value)> {
    events
        .iter()
        .flat_map(|event| event.iter().map(|(name, payload)| (name.clone(), payload.clone())))
        .collect()
}
