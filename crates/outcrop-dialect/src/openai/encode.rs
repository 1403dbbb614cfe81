//! The IR to a Chat Completions request.
//!
//! 1. The request has been fitted to the card before: turns alternate, results come first in theirs,
//!    names and ids are legal, settings have a form that the model takes.
//! 2. Whatever the dialect has no place for goes to the ledger; nothing is skipped.
//! 3. A stream is asked for with token counts: the gateway needs them.

use outcrop_model::chat::{
    OutputFormat, Role, Thinking, Tool, ToolChoice, ToolResult, ToolUse, Turn,
};
use outcrop_model::{At, Block, BlockKind, ChatRequest, Ledger};

use super::encode_media::write_part;
use crate::latency;
use crate::schema::write_input_schema;
use crate::write::JsonWriter;

/// Writes the body, for the model `id`.
pub fn encode(request: &ChatRequest<'_>, id: &str, out: &mut Vec<u8>, ledger: &mut Ledger) {
    let ChatRequest {
        model: _,
        system,
        turns,
        tools,
        tool_choice,
        parallel_tools,
        max_tokens,
        temperature,
        top_p,
        top_k,
        stop_sequences,
        thinking,
        effort,
        format,
        service_tier,
        latency,
        user,
        metadata,
        stream,
        betas: _,
        names,
        extra,
    } = request;
    ledger.extra(At::Root, extra);
    if top_k.is_some() {
        ledger.dropped("top_k", "OpenAI's API has no such setting");
    }
    if latency.is_some() {
        ledger.dropped(latency::PATH, "OpenAI's API has no such setting");
    }
    match thinking {
        None | Some(Thinking::Disabled) => {}
        Some(Thinking::Budget { .. } | Thinking::Adaptive { .. }) => {
            ledger.dropped(names.thinking, "OpenAI's API has an effort instead");
        }
    }
    let mut w = JsonWriter::new(out);
    w.open_object();
    w.member_str("model", id);
    w.key("messages");
    w.open_array();
    if !system.is_empty() {
        write_message(&mut w, "system", system, ledger);
    }
    turns.iter().for_each(|turn| write_turn(&mut w, turn, ledger));
    w.close_array();
    if !tools.is_empty() {
        w.key("tools");
        w.open_array();
        tools.iter().for_each(|tool| write_tool(&mut w, tool, ledger));
        w.close_array();
    }
    write_tool_choice(&mut w, tool_choice.as_ref());
    if let Some(parallel) = parallel_tools {
        w.member_bool("parallel_tool_calls", *parallel);
    }
    if let Some(max) = max_tokens {
        w.member_u64("max_completion_tokens", *max);
    }
    for (key, value) in [("temperature", temperature), ("top_p", top_p)] {
        if let Some(value) = value {
            w.key(key);
            w.f64(*value);
        }
    }
    if !stop_sequences.is_empty() {
        w.key("stop");
        w.open_array();
        stop_sequences.iter().for_each(|stop| w.str(stop));
        w.close_array();
    }
    let words = [("reasoning_effort", effort), ("service_tier", service_tier), ("user", user)];
    for (key, word) in words {
        if let Some(word) = word {
            w.member_str(key, word);
        }
    }
    write_format(&mut w, format.as_ref());
    if !metadata.is_empty() {
        w.key("metadata");
        w.open_object();
        for (key, value) in metadata {
            w.key_escaped(key);
            w.str(value);
        }
        w.close_object();
    }
    if *stream {
        w.member_bool("stream", true);
        w.key("stream_options");
        w.raw_bytes(br#"{"include_usage":true}"#);
    }
    w.close_object();
}

/// A turn is one message, but each tool result is a message of its own.
fn write_turn(w: &mut JsonWriter<'_>, turn: &Turn<'_>, ledger: &mut Ledger) {
    let Turn { role, blocks, at, extra } = turn;
    ledger.extra(*at, extra);
    let is_result = |block: &&Block<'_>| matches!(block.kind, BlockKind::ToolResult(_));
    for block in blocks.iter().filter(is_result) {
        if let BlockKind::ToolResult(result) = &block.kind {
            write_result(w, result, block.at, ledger);
        }
    }
    match role {
        Role::Assistant => write_assistant(w, blocks, ledger),
        Role::User | Role::System => {
            let word = if *role == Role::User { "user" } else { "system" };
            if blocks.iter().any(|block| !is_result(&block)) {
                write_message(w, word, blocks, ledger);
            }
        }
    }
}

fn write_message(w: &mut JsonWriter<'_>, role: &str, blocks: &[Block<'_>], ledger: &mut Ledger) {
    w.open_object();
    w.member_str("role", role);
    write_content(w, blocks, ledger);
    w.close_object();
}

/// One text as a string, all else as parts.
fn write_content(w: &mut JsonWriter<'_>, blocks: &[Block<'_>], ledger: &mut Ledger) {
    w.key("content");
    if let [Block { kind: BlockKind::Text(text), citations: _, cache, at, extra }] = blocks {
        ledger.extra(*at, extra);
        note_cache(cache.is_some(), *at, ledger);
        return w.str(text);
    }
    w.open_array();
    for block in blocks {
        let Block { kind, citations: _, cache, at, extra } = block;
        ledger.extra(*at, extra);
        note_cache(cache.is_some(), *at, ledger);
        match kind {
            BlockKind::Text(text) => write_text_part(w, text),
            BlockKind::Media(media) => write_part(w, media, *at, ledger),
            // Messages of their own.
            BlockKind::ToolResult(_) => {}
            BlockKind::ToolUse(_) => ledger.dropped(at.to_string(), "only the model calls tools"),
            BlockKind::Thinking { .. } | BlockKind::Redacted(_) => drop_thinking(*at, ledger),
            BlockKind::Foreign { kind, raw: _ } => {
                let why = format!("content of type `{kind}` has no equivalent");
                ledger.dropped(at.to_string(), why);
            }
        }
    }
    w.close_array();
}

fn write_text_part(w: &mut JsonWriter<'_>, text: &str) {
    w.open_object();
    w.member_str("type", "text");
    w.member_str("text", text);
    w.close_object();
}

fn note_cache(is_marked: bool, at: At, ledger: &mut Ledger) {
    if is_marked {
        ledger.dropped(at.key("cache_control"), "OpenAI's API caches by itself");
    }
}

fn drop_thinking(at: At, ledger: &mut Ledger) {
    ledger.dropped(at.to_string(), "OpenAI's chat takes no thinking of earlier turns");
}

fn write_assistant(w: &mut JsonWriter<'_>, blocks: &[Block<'_>], ledger: &mut Ledger) {
    let (mut texts, mut calls): (Vec<&str>, Vec<&ToolUse<'_>>) = (Vec::new(), Vec::new());
    // `fit` accounts for citations.
    for Block { kind, citations: _, cache, at, extra } in blocks {
        ledger.extra(*at, extra);
        note_cache(cache.is_some(), *at, ledger);
        match kind {
            BlockKind::Text(text) => texts.push(text),
            BlockKind::ToolUse(call) => calls.push(call),
            BlockKind::Thinking { .. } | BlockKind::Redacted(_) => drop_thinking(*at, ledger),
            BlockKind::Media(_) | BlockKind::ToolResult(_) => {
                ledger.refused(at.to_string(), "the model's turns hold text and calls here");
            }
            BlockKind::Foreign { kind, raw: _ } => {
                let why = format!("content of type `{kind}` has no equivalent");
                ledger.dropped(at.to_string(), why);
            }
        }
    }
    w.open_object();
    w.member_str("role", "assistant");
    w.key("content");
    match (texts.as_slice(), calls.is_empty()) {
        ([], false) => w.null(),
        (texts, _) => w.str_parts(texts),
    }
    if !calls.is_empty() {
        w.key("tool_calls");
        w.open_array();
        calls.iter().for_each(|call| super::response::write_call(w, call));
        w.close_array();
    }
    w.close_object();
}

fn write_result(w: &mut JsonWriter<'_>, result: &ToolResult<'_>, at: At, ledger: &mut Ledger) {
    let ToolResult { id, content, is_error } = result;
    if *is_error == Some(true) {
        ledger.approximated(at.key("is_error"), "OpenAI's API has no mark for failed calls");
    }
    let mut texts = Vec::new();
    for part in content {
        match &part.kind {
            BlockKind::Text(text) => texts.push(&**text),
            BlockKind::Media(_)
            | BlockKind::ToolUse(_)
            | BlockKind::ToolResult(_)
            | BlockKind::Thinking { .. }
            | BlockKind::Redacted(_)
            | BlockKind::Foreign { .. } => {
                ledger.refused(part.at.to_string(), "only text can stand in a tool result");
            }
        }
    }
    w.open_object();
    w.member_str("role", "tool");
    w.member_str("tool_call_id", id);
    w.key("content");
    match texts.as_slice() {
        [text] => w.str(text),
        [] => w.str(""),
        texts => {
            w.open_array();
            texts.iter().for_each(|text| write_text_part(w, text));
            w.close_array();
        }
    }
    w.close_object();
}

fn write_tool(w: &mut JsonWriter<'_>, tool: &Tool<'_>, ledger: &mut Ledger) {
    let Tool { name, description, schema, strict, vendor: _, cache, at, extra } = tool;
    ledger.extra(*at, extra);
    note_cache(cache.is_some(), *at, ledger);
    w.open_object();
    w.member_str("type", "function");
    w.key("function");
    w.open_object();
    w.member_str("name", name);
    if let Some(description) = description {
        w.member_str("description", description);
    }
    w.key("parameters");
    write_input_schema(w, schema.as_ref());
    if let Some(strict) = strict {
        w.member_bool("strict", *strict);
    }
    w.close_object();
    w.close_object();
}

fn write_tool_choice(w: &mut JsonWriter<'_>, choice: Option<&ToolChoice<'_>>) {
    match choice {
        // What happens unasked.
        None | Some(ToolChoice::Auto) => {}
        Some(ToolChoice::Any) => w.member_str("tool_choice", "required"),
        Some(ToolChoice::None) => w.member_str("tool_choice", "none"),
        Some(ToolChoice::Named(name)) => {
            w.key("tool_choice");
            w.open_object();
            w.member_str("type", "function");
            w.key("function");
            w.open_object();
            w.member_str("name", name);
            w.close_object();
            w.close_object();
        }
    }
}

fn write_format(w: &mut JsonWriter<'_>, format: Option<&OutputFormat<'_>>) {
    let Some(format) = format else { return };
    w.key("response_format");
    w.open_object();
    match format {
        OutputFormat::JsonObject => w.member_str("type", "json_object"),
        OutputFormat::JsonSchema { name, description, schema, strict } => {
            w.member_str("type", "json_schema");
            w.key("json_schema");
            w.open_object();
            // The name is required there and the caller's dialect may have none.
            w.member_str("name", name.as_deref().unwrap_or("answer"));
            if let Some(description) = description {
                w.member_str("description", description);
            }
            w.member_raw("schema", schema);
            if let Some(strict) = strict {
                w.member_bool("strict", *strict);
            }
            w.close_object();
        }
    }
    w.close_object();
}
