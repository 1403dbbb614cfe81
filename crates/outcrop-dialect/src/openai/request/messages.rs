//! Messages become system text and turns.
//!
//! 1. System and developer messages before the first turn are `system`; later ones are turns.
//! 2. Each tool message is a user turn of its own with one tool result; merging them is left to `fit`.
//! 3. Every message-level member without a place in the IR is an `extra` of its turn.

use std::borrow::Cow;

use outcrop_model::chat::{Role, ToolResult, Turn};
use outcrop_model::json::{Content, Extra};
use outcrop_model::{At, Block, BlockKind, ChatRequest, Fault};
use serde_json::value::RawValue;

use super::content::cache;
use super::{calls, content, invalid, thinking};
use crate::openai::wire::{Message, Part, text};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    System,
    User,
    Assistant,
    Tool,
    /// The legacy spelling of `Tool`, without ids.
    Function,
}

/// What messages of every role may hold.
struct Common<'a> {
    content: Content<'a, Part<'a>>,
    cache_control: Option<&'a RawValue>,
    name: Option<&'a RawValue>,
    extra: Extra<'a>,
}

pub(super) fn read<'a>(
    messages: Vec<Message<'a>>,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    request.turns.reserve_exact(messages.len());
    for (m, message) in (0..).zip(messages) {
        let speaker = Speaker::of(&message, m)?;
        speaker.check(&message, m)?;
        match speaker {
            Speaker::System => read_system(message, m, request)?,
            Speaker::User => read_user(message, m, request)?,
            Speaker::Assistant => read_assistant(message, m, request)?,
            Speaker::Tool => read_tool(message, m, request)?,
            Speaker::Function => read_function(message, m, request)?,
        }
    }
    Ok(())
}

// === impl Speaker ===

impl Speaker {
    fn of(message: &Message<'_>, m: u32) -> Result<Self, Fault> {
        Ok(match message.role.as_deref() {
            Some("system" | "developer") => Speaker::System,
            Some("user") => Speaker::User,
            Some("assistant") => Speaker::Assistant,
            Some("tool") => Speaker::Tool,
            Some("function") => Speaker::Function,
            Some(_) | None => {
                let what = "must be one of developer, system, user, assistant, tool, function.";
                return Err(invalid(At::Message(m).key("role"), what));
            }
        })
    }

    /// Refuses members that have a meaning, but not in a message of this role.
    fn check(self, message: &Message<'_>, m: u32) -> Result<(), Fault> {
        let misplaced = |member: &str, role: &str| {
            let what = format_args!("belongs to messages of role {role} only.");
            Err(invalid(At::Message(m).key(member), what))
        };
        if self != Speaker::Tool && message.tool_call_id.is_some() {
            return misplaced("tool_call_id", "tool");
        }
        if self == Speaker::Assistant {
            return Ok(());
        }
        let of_assistants = [
            ("tool_calls", !message.tool_calls.is_empty()),
            ("function_call", message.function_call.is_some()),
            ("refusal", message.refusal.is_some()),
            ("reasoning_content", message.reasoning_content.is_some()),
            ("thinking_blocks", !message.thinking_blocks.is_empty()),
        ];
        match of_assistants.iter().find(|(_, present)| *present) {
            Some((member, _)) => misplaced(member, "assistant"),
            None => Ok(()),
        }
    }
}

// === impl Common ===

impl<'a> From<Message<'a>> for Common<'a> {
    /// What is left out here was taken or refused before (`Speaker::check`).
    fn from(message: Message<'a>) -> Self {
        let Message {
            role: _,
            content,
            tool_calls: _,
            tool_call_id: _,
            function_call: _,
            refusal: _,
            reasoning_content: _,
            thinking_blocks: _,
            cache_control,
            name,
            extra,
        } = message;
        Self { content, cache_control, name, extra }
    }
}

fn read_system<'a>(
    message: Message<'a>,
    m: u32,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    let Common { content, cache_control, name, extra } = required(message.into(), m)?;
    let mut turn = new_turn(Role::System, m, name, extra);
    content::read(content, m, &mut turn.blocks)?;
    let wrong = turn.blocks.iter().find(|b| matches!(b.kind, BlockKind::Media(_)));
    if let Some(block) = wrong {
        let what = "must be text; only user messages hold images and files.";
        return Err(invalid(block.at.to_string(), what));
    }
    mark_last(&mut turn, cache_control)?;
    if request.turns.is_empty() {
        let Turn { role: _, blocks, at, extra } = turn;
        request.system.extend(blocks);
        let with_path = extra.into_iter().map(|(key, raw)| (Cow::Owned(at.key(&key)), raw));
        request.extra.extend(with_path);
    } else {
        request.turns.push(turn);
    }
    Ok(())
}

fn read_user<'a>(message: Message<'a>, m: u32, request: &mut ChatRequest<'a>) -> Result<(), Fault> {
    let Common { content, cache_control, name, extra } = required(message.into(), m)?;
    let mut turn = new_turn(Role::User, m, name, extra);
    content::read(content, m, &mut turn.blocks)?;
    mark_last(&mut turn, cache_control)?;
    request.turns.push(turn);
    Ok(())
}

fn read_assistant<'a>(
    message: Message<'a>,
    m: u32,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    let Message {
        role: _,
        content,
        tool_calls,
        tool_call_id: _,
        function_call,
        refusal,
        reasoning_content,
        thinking_blocks,
        cache_control,
        name,
        extra,
    } = message;
    let mut turn = new_turn(Role::Assistant, m, name, extra);
    thinking::read(thinking_blocks, reasoning_content, m, &mut turn)?;
    content::read(content, m, &mut turn.blocks)?;
    turn.blocks.extend(refusal.map(|text| Block::text(text, At::InMessage(m, "refusal"))));
    for (i, call) in (0..).zip(tool_calls) {
        turn.blocks.push(calls::read(call, At::Item(m, "tool_calls", i), i)?);
    }
    if let Some(call) = function_call {
        turn.blocks.push(calls::read_legacy(call, m)?);
    }
    mark_last(&mut turn, cache_control)?;
    request.turns.push(turn);
    Ok(())
}

fn read_tool<'a>(
    mut message: Message<'a>,
    m: u32,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    let Some(id) = message.tool_call_id.take().filter(|id| !id.is_empty()) else {
        let what = "is required: the id of the tool call that this message answers.";
        return Err(invalid(At::Message(m).key("tool_call_id"), what));
    };
    // A name that repeats the call's own says nothing new.
    if let Some(raw) = message.name {
        let name = text(raw, &At::Message(m).key("name"))?;
        if calls::name_of(&request.turns, &id).is_some_and(|called| *called == name) {
            message.name = None;
        }
    }
    read_result(message, id, m, request)
}

fn read_function<'a>(
    mut message: Message<'a>,
    m: u32,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    let path = || At::Message(m).key("name");
    let Some(raw) = message.name.take() else {
        return Err(invalid(path(), "is required: the function that this message answers for."));
    };
    let name = text(raw, &path())?;
    let Some(id) = calls::legacy_id_of(&request.turns, &name).cloned() else {
        return Err(invalid(path(), "names a function that no earlier `function_call` called."));
    };
    read_result(message, id, m, request)
}

/// A mark anywhere in a tool's answer caches the whole of it: results are marked as one.
fn read_result<'a>(
    message: Message<'a>,
    id: Cow<'a, str>,
    m: u32,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    let Common { content, cache_control, name, extra } = message.into();
    let mut parts = Vec::new();
    content::read(content, m, &mut parts)?;
    let inner = parts.iter_mut().filter_map(|part| part.cache.take()).next_back();
    let result = ToolResult { id, content: parts, is_error: None };
    let mut block = Block::new(BlockKind::ToolResult(result), At::Message(m));
    block.cache = inner;
    let mut turn = new_turn(Role::User, m, name, extra);
    turn.blocks.push(block);
    mark_last(&mut turn, cache_control)?;
    request.turns.push(turn);
    Ok(())
}

fn required(message: Common<'_>, m: u32) -> Result<Common<'_>, Fault> {
    match message.content {
        Content::Absent => {
            let what = "is required: a string or a list of content parts.";
            Err(invalid(At::Message(m).key("content"), what))
        }
        Content::Text(_) | Content::Parts(_) => Ok(message),
    }
}

fn new_turn<'a>(role: Role, m: u32, name: Option<&'a RawValue>, extra: Extra<'a>) -> Turn<'a> {
    let mut turn = Turn { role, blocks: Vec::new(), at: At::Message(m), extra };
    turn.extra.extend(name.map(|raw| (Cow::Borrowed("name"), raw)));
    turn
}

/// A mark on a message is one on its last block.
fn mark_last<'a>(turn: &mut Turn<'a>, raw: Option<&'a RawValue>) -> Result<(), Fault> {
    let ttl = cache(raw, turn.at, &mut turn.extra)?;
    match (turn.blocks.last_mut(), ttl, raw) {
        (Some(last), Some(ttl), _) => last.cache = Some(ttl),
        (None, Some(_), Some(raw)) => turn.extra.push((Cow::Borrowed("cache_control"), raw)),
        (Some(_) | None, None, _) | (None, Some(_), None) => {}
    }
    Ok(())
}
