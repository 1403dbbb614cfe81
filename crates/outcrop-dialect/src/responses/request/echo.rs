//! The members of an answer that repeat the request.

use outcrop_model::json::Extra;

use crate::write::JsonWriter;

/// What the answer says where the request said nothing: what happens then.
const DEFAULTS: [(&str, &str); 20] = [
    ("background", "false"),
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("prompt_cache_key", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("service_tier", "\"default\""),
    ("store", "true"),
    ("temperature", "null"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "null"),
    ("truncation", "\"disabled\""),
    ("user", "null"),
];

/// The members, comma-separated, without braces.
pub(super) fn write(members: &Extra<'_>, previous: Option<&str>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut w = JsonWriter::new(&mut out);
    for (name, default) in DEFAULTS {
        w.key(name);
        let sent = members.iter().find(|(key, _)| key == name);
        match (sent, previous) {
            (_, Some(id)) if name == "previous_response_id" => w.str(id),
            (Some((_, raw)), _) => raw_on_one_line(&mut w, raw.get()),
            (None, _) => w.raw_bytes(default.as_bytes()),
        }
    }
    out
}

/// A line break in JSON is white space, but ends a line of a server-sent event.
fn raw_on_one_line(w: &mut JsonWriter<'_>, json: &str) {
    match memchr::memchr2(b'\n', b'\r', json.as_bytes()) {
        Some(_) => w.raw_bytes(json.replace(['\n', '\r'], " ").as_bytes()),
        None => w.raw_bytes(json.as_bytes()),
    }
}
