//! Tool definitions and the tool choice from the IR to Anthropic's JSON.

use outcrop_model::chat::{Tool, ToolChoice};
use outcrop_model::json::{Json, Members};
use outcrop_model::{ChatRequest, Ledger};

use super::{cache, settings};
use crate::schema::write_input_schema;
use crate::write::JsonWriter;

pub(super) fn write_tools(w: &mut JsonWriter<'_>, tools: &[Tool<'_>], ledger: &mut Ledger) {
    if tools.is_empty() {
        return;
    }
    w.key("tools");
    w.open_array();
    for tool in tools {
        write_tool(w, tool, ledger);
    }
    w.close_array();
}

fn write_tool(w: &mut JsonWriter<'_>, tool: &Tool<'_>, ledger: &mut Ledger) {
    let Tool { name, description, schema, strict, vendor, cache, at, extra } = tool;
    ledger.extra(*at, extra);
    if let Some((word, raw)) = vendor {
        return write_vendor_tool(w, tool, (word, raw), ledger);
    }
    w.open_object();
    w.member_str("name", name);
    if let Some(description) = description {
        w.member_str("description", description);
    }
    w.key("input_schema");
    write_input_schema(w, schema.as_ref());
    // `false` is the default, and older models refuse the member itself.
    if *strict == Some(true) {
        w.member_bool("strict", true);
    }
    cache::write(w, *cache);
    w.close_object();
}

/// Anthropic's own tools (they carry their name beside the type) go as they came, except the cache
/// mark, which fitting may have changed.
fn write_vendor_tool(
    w: &mut JsonWriter<'_>,
    tool: &Tool<'_>,
    (word, raw): (&str, &Json<'_>),
    ledger: &mut Ledger,
) {
    match serde_json::from_str::<Members<'_>>(raw.get()) {
        Ok(members) if members.get("name").and_then(settings::word_of).is_some() => {
            w.open_object();
            for (key, value) in members.0.iter().filter(|(key, _)| key != "cache_control") {
                w.key_escaped(key);
                w.raw(value);
            }
            cache::write(w, tool.cache);
            w.close_object();
        }
        Ok(_) | Err(_) => {
            ledger.refused(tool.at.to_string(), format!("Claude has no tool of type `{word}`"));
        }
    }
}

pub(super) fn write_tool_choice(
    w: &mut JsonWriter<'_>,
    request: &ChatRequest<'_>,
    (choice, parallel): (Option<&ToolChoice<'_>>, Option<bool>),
    ledger: &mut Ledger,
) {
    let one_at_a_time = parallel == Some(false);
    if request.tools.is_empty() {
        // Without tools `auto`, `none` and the number of calls mean nothing; the others ask for one.
        if matches!(choice, Some(ToolChoice::Any | ToolChoice::Named(_))) {
            ledger.dropped("tool_choice", "there are no tools to choose from");
        }
        return;
    }
    let choice = match choice {
        Some(choice) => choice,
        None if one_at_a_time => &ToolChoice::Auto,
        None => return,
    };
    let (word, name) = match choice {
        ToolChoice::Auto => ("auto", None),
        ToolChoice::Any => ("any", None),
        ToolChoice::None => ("none", None),
        ToolChoice::Named(name) => ("tool", Some(name)),
    };
    w.key("tool_choice");
    w.open_object();
    w.member_str("type", word);
    if let Some(name) = name {
        w.member_str("name", name);
    }
    if one_at_a_time && *choice != ToolChoice::None {
        w.member_bool("disable_parallel_tool_use", true);
    }
    w.close_object();
}
