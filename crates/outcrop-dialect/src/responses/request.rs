//! A request body becomes a [`ChatRequest`].

mod content;
mod echo;
mod items;
mod options;

use std::borrow::Cow;

use outcrop_model::chat::Names;
use outcrop_model::json::{Extra, Str, parse_raw};
use outcrop_model::{At, Block, ChatRequest, Fault, Ledger};

use super::body::Item;
use super::settings::Settings;
use super::tools::{Reader, ToolShapes, choose};
use super::{invalid, unsupported};
use crate::openai::{take, text};

/// A request in the IR, with what only the answer's shape depends on.
#[derive(Debug)]
pub struct Decoded<'a> {
    pub request: ChatRequest<'a>,
    pub settings: Settings,
    /// What was lost in reading.
    pub ledger: Ledger,
}

const NAMES: Names = Names {
    turns: "input",
    max_tokens: "max_output_tokens",
    stop_sequences: "stop",
    thinking: "reasoning",
    effort: "reasoning.effort",
    format: "text.format",
    schema: "text.format.schema",
    tool_schema: "parameters",
    user: "user",
    parallel_tools: "parallel_tool_calls",
    betas: "anthropic-beta",
};

/// Members that ask for what does not exist here, and what to do instead.
const REFUSED: [(&str, &str); 2] = [
    (
        "conversation",
        "names a conversation kept by OpenAI. Send the items as `input`, or go on from an answer with `previous_response_id`.",
    ),
    ("prompt", "names a prompt kept by OpenAI. Send its text as `instructions` and `input`."),
];

// === impl Decoded ===

impl Decoded<'_> {
    /// Takes Chat Completions' `stream_options.include_usage`, which this dialect does not know.
    pub fn asks_for_usage(&mut self) -> bool {
        const PATH: &str = "stream_options.include_usage";
        take(&mut self.request.extra, PATH).is_some_and(|raw| raw.get() == "true")
    }
}

pub(super) use items::as_list;
pub(super) use options::{refuse_background, take_store};

/// Says no to members that ask for what does not exist here.
pub(super) fn check(members: &Extra<'_>) -> Result<(), Fault> {
    match REFUSED.iter().find(|(name, _)| members.iter().any(|(key, _)| key == name)) {
        Some((key, instead)) => Err(unsupported(*key, instead)),
        None => Ok(()),
    }
}

pub(super) fn decode<'a>(
    mut members: Extra<'a>,
    items: Vec<Item<'a>>,
    previous: Option<Cow<'a, str>>,
) -> Result<Decoded<'a>, Fault> {
    let model = take(&mut members, "model").map(|raw| text(raw, "model")).transpose()?;
    let model = model.filter(|m| !m.trim().is_empty()).ok_or_else(|| {
        invalid("model", "is required: the id of a Bedrock model or inference profile.")
    })?;
    let echo = echo::write(&members, previous.as_deref());
    let mut request = ChatRequest { model, names: NAMES, ..ChatRequest::default() };
    let mut ledger = Ledger::default();
    let shapes = read_tools(&mut members, &mut request, &mut ledger)?;
    if let Some(raw) = take(&mut members, "instructions") {
        let Str(instructions) = parse_raw(raw, "instructions")?;
        request.system.push(Block::text(instructions, At::Member("instructions")));
    }
    let conversation = match options::take_store(&mut members)? {
        true => Some(items::as_list(&items)),
        false => None,
    };
    items::read(items, &shapes, &mut request)?;
    let summary = options::apply(members, &mut request, &mut ledger)?;
    Ok(Decoded { request, settings: Settings { echo, shapes, summary, conversation }, ledger })
}

fn read_tools<'a>(
    members: &mut Extra<'a>,
    request: &mut ChatRequest<'a>,
    ledger: &mut Ledger,
) -> Result<ToolShapes, Fault> {
    let mut reader = Reader { tools: Vec::new(), shapes: ToolShapes::default(), ledger };
    if let Some(raw) = take(members, "tools") {
        reader.read(raw)?;
    }
    if let Some(raw) = take(members, "tool_choice") {
        request.tool_choice = choose(raw, &mut reader)?;
    }
    request.tools = reader.tools;
    Ok(reader.shapes)
}
