//! Schemas of tool inputs, as every dialect of Bedrock wants them.

use outcrop_model::json::{Json, Members};

use crate::write::JsonWriter;

/// The root of an input schema must say that it is an object; callers of other dialects often do not.
pub(crate) fn write_input_schema(w: &mut JsonWriter<'_>, schema: Option<&Json<'_>>) {
    const ANY_OBJECT: &[u8] = br#"{"type":"object","properties":{}}"#;
    let Some(schema) = schema else { return w.raw_bytes(ANY_OBJECT) };
    if schema.get().starts_with(r#"{"type":"object""#) {
        return w.raw(schema);
    }
    match serde_json::from_str::<Members<'_>>(schema.get()) {
        Ok(members) if members.0.is_empty() => w.raw_bytes(ANY_OBJECT),
        Ok(members) if members.get("type").is_none() => {
            w.open_object();
            w.member_str("type", "object");
            for (key, value) in members.0 {
                w.key_escaped(&key);
                w.raw(value);
            }
            w.close_object();
        }
        // A schema of another type, or none at all: the model's side says what is wrong with it.
        Ok(_) | Err(_) => w.raw(schema),
    }
}
