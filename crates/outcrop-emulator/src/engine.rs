//! Engines: pure functions from a prompt to an answer.
//!
//! Guarantees: (1) the same prompt to the same model gives the same answer, down to the tool ids;
//! (2) `max_tokens` and stop sequences are honoured whatever the engine; (3) the usage of an answer
//! agrees with what `CountTokens` says of the prompt.

mod directive;
mod echo;
mod finish;
mod form;
mod lorem;
mod reasoner;
mod schema;
mod script;
pub(crate) mod seal;
mod tool_caller;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::models::Model;
use crate::words::{Answer, AnswerPart, Part, Prompt, Role, Stop, ToolChoice};
use directive::Directive;
pub use script::Script;

/// Tokens of one delta unless asked otherwise.
const DEFAULT_CHUNK: usize = 1;
/// Tokens of `lorem` unless asked otherwise.
const DEFAULT_LOREM: u32 = 200;

/// Which engine answers, and how its answer is cut and paced in a stream.
///
/// As text: `auto`, `echo`, `tools`, `reasoner`, `lorem;tokens=2000`, each with `;chunk=N`
/// (tokens of one delta) and `;rate=N` (tokens per second; as fast as possible without).
#[derive(Debug, Clone)]
pub struct Engine {
    pub kind: EngineKind,
    /// Tokens of one delta, at least 1.
    pub chunk: usize,
    /// Tokens per second; `None` does not wait.
    pub rate: Option<u32>,
}

/// What makes up the answer.
#[derive(Debug, Clone)]
pub enum EngineKind {
    /// Whatever the prompt asks for: directives, thinking, tools, a form of the answer, else an echo.
    Auto,
    /// Says what it was told.
    Echo,
    /// Calls every tool it is offered.
    Tools,
    /// Thinks, then says what it was told.
    Reasoner,
    /// Filler text of so many tokens.
    Lorem(u32),
    /// The first answer of a script that matches; else as [`EngineKind::Auto`].
    Script(Arc<Script>),
}

/// What an engine may know besides the prompt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) model: &'a Model,
    /// What tool ids of the requested API begin with.
    pub(crate) tool_id_prefix: &'a str,
}

/// What an engine gives.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) answer: Answer,
    /// Events to send instead of those of the answer: (type, payload).
    pub(crate) raw_events: Option<Vec<(String, Value)>>,
}

/// The pieces of an answer before bounds are applied.
#[derive(Debug, Default)]
struct Draft {
    parts: Vec<AnswerPart>,
    stop: Option<Stop>,
    raw_events: Option<Vec<(String, Value)>>,
}

// === impl Engine ===

impl Engine {
    /// An engine at full speed, one token per delta.
    pub fn new(kind: EngineKind) -> Self {
        Self { kind, chunk: DEFAULT_CHUNK, rate: None }
    }

    /// The time one delta takes at the engine's rate.
    pub(crate) fn wait(&self) -> Duration {
        let seconds = |rate: u32| self.chunk as f64 / f64::from(rate.max(1));
        self.rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(seconds(rate)))
    }

    /// Answers a prompt that costs `input` tokens.
    pub(crate) fn answer(&self, prompt: &Prompt, setting: Setting<'_>, input: u64) -> Outcome {
        let draft = match &self.kind {
            EngineKind::Auto => auto(prompt, setting),
            EngineKind::Echo => Draft::of(vec![echo::part(prompt)]),
            EngineKind::Tools => Draft::of(tool_caller::every(prompt, setting)),
            EngineKind::Reasoner => {
                Draft::of(vec![reasoner::part(prompt, setting.model), echo::part(prompt)])
            }
            EngineKind::Lorem(tokens) => Draft::of(vec![lorem::part(*tokens)]),
            EngineKind::Script(script) => {
                script.answer(prompt, setting).unwrap_or_else(|| auto(prompt, setting))
            }
        };
        finish::outcome(draft, prompt, setting.model, input)
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::new(EngineKind::Auto)
    }
}

impl std::str::FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut fields = text.split(';').map(str::trim);
        let mut engine = Self::new(match fields.next().unwrap_or_default() {
            "auto" | "" => EngineKind::Auto,
            "echo" => EngineKind::Echo,
            "tools" => EngineKind::Tools,
            "reasoner" => EngineKind::Reasoner,
            "lorem" => EngineKind::Lorem(DEFAULT_LOREM),
            other => {
                return Err(format!(
                    "unknown engine '{other}'; known: auto, echo, tools, reasoner, lorem"
                ));
            }
        });
        for field in fields.filter(|field| !field.is_empty()) {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            let number: u32 = value
                .parse()
                .map_err(|_| format!("engine parameter '{name}' needs a number, not '{value}'"))?;
            match (name, &mut engine.kind) {
                ("chunk", _) => engine.chunk = number.max(1) as usize,
                ("rate", _) => engine.rate = Some(number),
                ("tokens", EngineKind::Lorem(tokens)) => *tokens = number,
                _ => return Err(format!("unknown engine parameter '{name}'")),
            }
        }
        Ok(engine)
    }
}

// === impl Draft ===

impl Draft {
    fn of(parts: Vec<AnswerPart>) -> Self {
        Self { parts, ..Self::default() }
    }
}

/// What the prompt asks for.
fn auto(prompt: &Prompt, setting: Setting<'_>) -> Draft {
    let directives = directive::parse(&last_user_text(prompt));
    let thinks_itself = directives
        .iter()
        .any(|directive| matches!(directive, Directive::Think(_) | Directive::Redact(_)));
    let mut draft = Draft::default();
    if prompt.thinking && !thinks_itself {
        draft.parts.push(reasoner::part(prompt, setting.model));
    }
    if !directives.is_empty() {
        directed(&directives, prompt, setting, &mut draft);
    } else if wants_tools(prompt) {
        draft.parts.extend(tool_caller::wanted(prompt, setting));
    } else if let Some(part) = form::part(prompt) {
        draft.parts.push(part);
    } else {
        draft.parts.push(echo::part(prompt));
    }
    draft
}

/// Follows directives in their order.
fn directed(directives: &[Directive], prompt: &Prompt, setting: Setting<'_>, draft: &mut Draft) {
    for directive in directives {
        match directive {
            Directive::Call { tool, input } => {
                let index = draft.parts.len();
                draft.parts.push(tool_caller::call(prompt, setting, tool, input.as_ref(), index));
            }
            Directive::Say(text) => draft.parts.push(AnswerPart::Text(text.clone())),
            Directive::Think(text) => draft.parts.push(reasoner::thinking(text, setting.model)),
            Directive::Redact(text) => draft.parts.push(AnswerPart::Redacted(seal::hide(text))),
            Directive::Lorem(tokens) => draft.parts.push(lorem::part(*tokens)),
            Directive::Stop(reason) => draft.stop = Some(Stop::Other(reason.clone())),
        }
    }
    let only_thinks = draft
        .parts
        .iter()
        .all(|part| matches!(part, AnswerPart::Thinking { .. } | AnswerPart::Redacted(_)));
    if only_thinks {
        draft.parts.push(echo::part(prompt));
    }
}

/// Tools are called when the choice forces it, or when the last user text names one of them.
fn wants_tools(prompt: &Prompt) -> bool {
    if prompt.tools.is_empty() {
        return false;
    }
    match &prompt.tool_choice {
        ToolChoice::Any | ToolChoice::Named(_) => true,
        ToolChoice::None => false,
        ToolChoice::Auto => tool_caller::names_a_tool(prompt),
    }
}

/// The text of the last user turn, one line per block.
fn last_user_text(prompt: &Prompt) -> String {
    let texts: Vec<&str> = last_user_parts(prompt)
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    texts.join("\n")
}

fn last_user_parts(prompt: &Prompt) -> &[Part] {
    let last = prompt.turns.iter().rfind(|turn| turn.role == Role::User);
    last.map_or(&[], |turn| turn.parts.as_slice())
}
