//! The form of an answer: read, asked for, and held to.

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value, json};

use crate::cli::FormArgs;
use crate::exit::{Exit, Failure};

pub struct Schema {
    schema: Value,
    validator: Validator,
}

// === impl Schema ===

impl Schema {
    /// The one that the flags give.
    ///
    /// # Errors
    /// [`Exit::InvalidArgument`] where it is none.
    pub fn of(args: &FormArgs) -> anyhow::Result<Option<Self>> {
        let schema = match (&args.schema, &args.schema_multi) {
            (Some(written), _) => read(written)?,
            (None, Some(written)) => json!({
                "type": "object",
                "properties": { "items": { "type": "array", "items": read(written)? } },
                "required": ["items"],
            }),
            (None, None) => return Ok(None),
        };
        // Patterns without backtracking: what is matched with them is the model's.
        let validator = jsonschema::options()
            .with_pattern_options(PatternOptions::regex())
            .build(&schema)
            .map_err(|error| wrong(&format!("is no JSON schema: {error}")))?;
        Ok(Some(Self { schema, validator }))
    }

    pub fn ask(&self, body: &mut Map<String, Value>) {
        let schema = json!({ "name": "answer", "schema": self.schema });
        let format = json!({ "type": "json_schema", "json_schema": schema });
        body.insert("response_format".to_owned(), format);
    }

    /// # Errors
    /// [`Exit::SchemaMismatch`], naming the place.
    pub fn check(&self, answer: &str) -> anyhow::Result<()> {
        let mismatch = |what: String| Failure::new(Exit::SchemaMismatch, what);
        let answer: Value = serde_json::from_str(answer)
            .map_err(|error| mismatch(format!("The answer is not JSON: {error}.")))?;
        match self.validator.iter_errors(&answer).next() {
            None => Ok(()),
            Some(error) => {
                let place = error.instance_path().as_str().replace('/', ".");
                let what = format!("The answer does not fit the schema at ${place}: {error}.");
                Err(mismatch(what).into())
            }
        }
    }
}

/// JSON, the file of this name, or a list of names.
fn read(written: &str) -> anyhow::Result<Value> {
    let text = written.trim();
    if text.starts_with('{') {
        return parsed(text, "");
    }
    if std::path::Path::new(text).is_file() {
        let content = std::fs::read_to_string(text)
            .map_err(|error| wrong(&format!("cannot be read from {text}: {error}")))?;
        return parsed(&content, text);
    }
    // Names of members have neither.
    if text.contains(['.', '/']) && !text.contains([',', ' ', ':']) {
        return Err(wrong(&format!("is a file that is not there: {text}")).into());
    }
    listed(text)
}

fn parsed(text: &str, file: &str) -> anyhow::Result<Value> {
    let place = if file.is_empty() { String::new() } else { format!(" in {file}") };
    serde_json::from_str(text)
        .map_err(|error| wrong(&format!("is not JSON{place}: {error}")).into())
}

/// `name, age int, bio: in one sentence`: a member each, by commas or, where there are some, by lines.
fn listed(text: &str) -> anyhow::Result<Value> {
    let separator = if text.contains('\n') { '\n' } else { ',' };
    let mut properties = Map::new();
    for member in text.split(separator).map(str::trim).filter(|member| !member.is_empty()) {
        let (head, description) = match member.split_once(':') {
            Some((head, description)) => (head.trim(), Some(description.trim())),
            None => (member, None),
        };
        let mut words = head.split_whitespace();
        let name = words.next().ok_or_else(|| wrong("has a member without a name"))?;
        let kind = match (words.next(), words.next()) {
            (None, _) | (Some("str" | "string"), None) => "string",
            (Some("int" | "integer"), None) => "integer",
            (Some("float" | "number"), None) => "number",
            (Some("bool" | "boolean"), None) => "boolean",
            (Some(_), _) => {
                let what = format!("says `{head}`, and a member is a name and a type");
                return Err(wrong(&what).into());
            }
        };
        let mut property = json!({ "type": kind });
        if let Some(description) = description.filter(|text| !text.is_empty()) {
            property["description"] = description.into();
        }
        properties.insert(name.to_owned(), property);
    }
    if properties.is_empty() {
        return Err(wrong("is empty").into());
    }
    let names: Vec<&String> = properties.keys().collect();
    let required = json!(names);
    Ok(json!({ "type": "object", "properties": properties, "required": required }))
}

fn wrong(what: &str) -> Failure {
    Failure::new(Exit::InvalidArgument, format!("The schema {what}."))
        .mend("It is a file, JSON, or a list such as \"name, age int, ok bool\".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_a_schema() {
        let schema = listed("name, age int, bio: one line").unwrap();
        assert_eq!(schema["properties"]["age"]["type"], "integer");
        assert_eq!(schema["properties"]["bio"]["description"], "one line");
        assert_eq!(schema["required"], json!(["name", "age", "bio"]));
        assert_eq!(listed("a: x, y\nb bool").unwrap()["properties"]["a"]["description"], "x, y");
        assert!(listed("a strange").unwrap_err().to_string().contains("`a strange`"));
        assert!(listed(" , ").is_err());
    }
}
