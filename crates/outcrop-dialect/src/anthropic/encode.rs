//! The IR to a request body in Anthropic's dialect.
//!
//! 1. The request has been fitted to the card before: turns alternate, names and ids are legal,
//!    thinking, effort and sampling have the form that the model takes, betas are filtered.
//! 2. Whatever Anthropic's dialect has no place for goes to the ledger; nothing is skipped.
//! 3. Model, streaming, version and betas stand where the [`Envelope`] has them; service tier and
//!    request metadata are the carrier's and never in the body.

use std::borrow::Cow;

use outcrop_model::chat::{OutputFormat, Role, Thinking};
use outcrop_model::json::Json;
use outcrop_model::{At, Card, ChatRequest, Ledger, Turn};

use super::encode_block::{write_blocks, write_last_words};
use super::encode_tools::{write_tool_choice, write_tools};
use super::envelope::Envelope;
use crate::write::JsonWriter;

/// Writes the body to `out`.
pub fn encode(
    request: &ChatRequest<'_>,
    card: &Card,
    envelope: Envelope<'_>,
    out: &mut Vec<u8>,
    ledger: &mut Ledger,
) {
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
        service_tier: _,
        latency: _,
        user,
        metadata: _,
        stream,
        betas,
        names,
        extra,
    } = request;
    ledger.extra(At::Root, extra);
    let mut w = JsonWriter::new(out);
    w.open_object();
    match envelope {
        Envelope::Invoke { version } => {
            w.member_str("anthropic_version", version);
            write_strings(&mut w, "anthropic_beta", betas);
        }
        Envelope::Direct { model } => {
            w.member_str("model", model);
            if *stream {
                w.member_bool("stream", true);
            }
        }
    }
    w.member_u64("max_tokens", max_tokens.unwrap_or(card.default_max_tokens));
    if !system.is_empty() {
        w.key("system");
        write_blocks(&mut w, system, ledger);
    }
    write_turns(&mut w, turns, ledger);
    write_tools(&mut w, tools, ledger);
    write_tool_choice(&mut w, request, (tool_choice.as_ref(), *parallel_tools), ledger);
    write_thinking(&mut w, thinking.as_ref());
    let schema = enforced_schema(format.as_ref(), card, names.format, ledger);
    write_output_config(&mut w, effort.as_deref(), schema);
    write_strings(&mut w, "stop_sequences", stop_sequences);
    write_sampling(&mut w, (*temperature, *top_p, *top_k));
    if let Some(user) = user {
        w.key("metadata");
        w.open_object();
        w.member_str("user_id", user);
        w.close_object();
    }
    w.close_object();
}

fn write_strings(w: &mut JsonWriter<'_>, key: &'static str, list: &[Cow<'_, str>]) {
    if list.is_empty() {
        return;
    }
    w.key(key);
    w.open_array();
    for item in list {
        w.str(item);
    }
    w.close_array();
}

fn write_sampling(
    w: &mut JsonWriter<'_>,
    (temperature, top_p, top_k): (Option<f64>, Option<f64>, Option<u64>),
) {
    for (key, value) in [("temperature", temperature), ("top_p", top_p)] {
        if let Some(value) = value {
            w.key(key);
            w.f64(value);
        }
    }
    if let Some(top_k) = top_k {
        w.member_u64("top_k", top_k);
    }
}

fn write_turns(w: &mut JsonWriter<'_>, turns: &[Turn<'_>], ledger: &mut Ledger) {
    w.key("messages");
    w.open_array();
    for (i, turn) in turns.iter().enumerate() {
        let Turn { role, blocks, at, extra } = turn;
        ledger.extra(*at, extra);
        w.open_object();
        w.member_str("role", role_word(*role));
        w.key("content");
        match role {
            Role::Assistant if i + 1 == turns.len() => write_last_words(w, blocks, ledger),
            Role::User | Role::Assistant | Role::System => write_blocks(w, blocks, ledger),
        }
        w.close_object();
    }
    w.close_array();
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::System => "system",
    }
}

fn write_thinking(w: &mut JsonWriter<'_>, thinking: Option<&Thinking<'_>>) {
    let Some(thinking) = thinking else { return };
    w.key("thinking");
    write_thinking_setting(w, thinking);
}

/// The value of `thinking`.
pub(crate) fn write_thinking_setting(w: &mut JsonWriter<'_>, thinking: &Thinking<'_>) {
    let (word, budget, display) = match thinking {
        Thinking::Budget { tokens, display } => ("enabled", Some(*tokens), display.as_deref()),
        Thinking::Adaptive { display } => ("adaptive", None, display.as_deref()),
        Thinking::Disabled => ("disabled", None, None),
    };
    w.open_object();
    w.member_str("type", word);
    if let Some(budget) = budget {
        w.member_u64("budget_tokens", budget);
    }
    if let Some(display) = display {
        w.member_str("display", display);
    }
    w.close_object();
}

/// The schema that the model's side shall enforce, if it can.
fn enforced_schema<'r, 'a>(
    format: Option<&'r OutputFormat<'a>>,
    card: &Card,
    path: &'static str,
    ledger: &mut Ledger,
) -> Option<&'r Json<'a>> {
    match format? {
        OutputFormat::JsonObject => {
            ledger.dropped(path, "Claude has no JSON mode without a schema");
            None
        }
        OutputFormat::JsonSchema { .. } if !card.json_schema => {
            ledger.dropped(path, "this model does not enforce a JSON schema");
            None
        }
        // The name is the caller's label; `strict` is what Anthropic always does.
        OutputFormat::JsonSchema { name: _, description, schema, strict: _ } => {
            if description.is_some() {
                let why = "the schema's description has no place in Claude's format";
                ledger.approximated(path, why);
            }
            Some(schema)
        }
    }
}

fn write_output_config(w: &mut JsonWriter<'_>, effort: Option<&str>, schema: Option<&Json<'_>>) {
    if effort.is_none() && schema.is_none() {
        return;
    }
    w.key("output_config");
    w.open_object();
    if let Some(effort) = effort {
        w.member_str("effort", effort);
    }
    if let Some(schema) = schema {
        w.key("format");
        w.open_object();
        w.member_str("type", "json_schema");
        w.member_raw("schema", schema);
        w.close_object();
    }
    w.close_object();
}
