//! The JSON Schema of `outcrop.yaml`, of the types that it is read into.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{Schema, json_schema};
use serde_json::Value;

use super::written::File;

/// The schema, for editors. It is looser than the reader where a variable may stand, and knows nothing of
/// what refers to what.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07().with_transform(AsTheReader);
    settings.into_generator().into_root_schema_for::<File>().to_value()
}

/// What the reader takes beyond the types: a number where a text belongs (`version: 1`), and `${VAR}`
/// where a number or a truth value does.
#[derive(Debug, Clone)]
struct AsTheReader;

impl Transform for AsTheReader {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let types: Vec<&str> = match schema.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            Some(_) | None => return,
        };
        let narrowed = ["enum", "const", "pattern"].iter().any(|key| schema.get(*key).is_some());
        if types.contains(&"string") && !types.contains(&"number") && !narrowed {
            let types: Vec<&str> = types.into_iter().chain(["number"]).collect();
            schema.insert("type".to_owned(), types.into());
        } else if types.iter().any(|one| matches!(*one, "integer" | "boolean")) {
            schema.remove("format");
            let about = ["description", "default"].map(|key| (key, schema.remove(key)));
            let value = std::mem::take(schema);
            let variable = json_schema!({ "type": "string", "pattern": "\\$" });
            *schema = json_schema!({ "anyOf": [value, variable] });
            for (key, said) in about {
                if let Some(said) = said {
                    schema.insert(key.to_owned(), said);
                }
            }
        }
    }
}
