//! The JSON Schema of `outcrop.yaml`, of the types that it is read into.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{Schema, json_schema};
use serde_json::{Value, json};

use super::written::File;

/// The schema, for editors. It is looser than the reader where a variable may stand, and knows nothing of
/// what refers to what.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07().with_transform(AsTheReader);
    settings.into_generator().into_root_schema_for::<File>().to_value()
}

/// What the reader takes beyond the types: a number where a text belongs (`version: 1`); `${VAR}`, or the same in
/// quotes, where a number or a truth value does; `${VAR}` where one of some words does; and nothing (`routes:`)
/// where a member may be left out.
#[derive(Debug, Clone)]
struct AsTheReader;

impl Transform for AsTheReader {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        members_may_be_null(schema);
        words_may_be_variables(schema);
        let types: Vec<&str> = match schema.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            Some(_) | None => return,
        };
        let narrowed = ["enum", "const", "pattern"].iter().any(|key| schema.get(*key).is_some());
        if types.contains(&"string") && !types.contains(&"number") && !narrowed {
            let types: Vec<&str> = types.into_iter().chain(["number"]).collect();
            schema.insert("type".to_owned(), types.into());
        } else if let Some(quoted) = types.iter().find_map(|one| quoted(one))
            && !types.contains(&"string")
        {
            schema.remove("format");
            let about = ["description", "default"].map(|key| (key, schema.remove(key)));
            let value = std::mem::take(schema);
            let variable = json_schema!({ "type": "string", "pattern": quoted });
            *schema = json_schema!({ "anyOf": [value, variable] });
            for (key, said) in about {
                if let Some(said) = said {
                    schema.insert(key.to_owned(), said);
                }
            }
        }
    }
}

/// A variable.
const VARIABLE: &str = "\\$";

/// What the text may be that stands for a value of this type.
fn quoted(kind: &str) -> Option<&'static str> {
    match kind {
        "integer" => Some("^[0-9]+$|\\$"),
        "boolean" => Some("^(true|True|TRUE|false|False|FALSE)$|\\$"),
        "number" => Some(VARIABLE),
        _ => None,
    }
}

fn words_may_be_variables(schema: &mut Schema) {
    let Some(Value::Array(choices)) = schema.get_mut("oneOf") else { return };
    if choices.iter().any(|choice| choice["const"].is_string()) {
        choices.push(json!({ "type": "string", "pattern": VARIABLE }));
    }
}

fn members_may_be_null(schema: &mut Schema) {
    let needed = schema.get("required").cloned().unwrap_or_default();
    let is_needed = |name: &str| needed.as_array().is_some_and(|all| all.contains(&name.into()));
    let Some(Value::Object(members)) = schema.get_mut("properties") else { return };
    for (_, member) in members.iter_mut().filter(|(name, _)| !is_needed(name)) {
        let Some(member) = member.as_object_mut() else { continue };
        if let Some(Value::Array(choices)) = member.get_mut("anyOf") {
            if !choices.iter().any(has_null) {
                choices.push(json!({ "type": "null" }));
            }
        } else if let Some(Value::Array(all)) = member.remove("allOf") {
            let choices = all.into_iter().chain([json!({ "type": "null" })]).collect();
            member.insert("anyOf".to_owned(), Value::Array(choices));
        } else if let Some(Value::String(one)) = member.get("type") {
            let types = json!([one, "null"]);
            member.insert("type".to_owned(), types);
        }
    }
}

fn has_null(schema: &Value) -> bool {
    match &schema["type"] {
        Value::String(one) => one == "null",
        Value::Array(several) => several.contains(&"null".into()),
        _ => false,
    }
}
