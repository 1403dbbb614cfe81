//! Schemas that the service compiles to a grammar: for structured output and for strict tools.
//!
//! Known are the documented limits (Draft 2020-12 subset: objects closed, no bounds on numbers, lengths
//! or counts, nothing recursive, no outside references) and the texts that users report (checked
//! 2026-11-26). Simulated: the cost of a grammar is the number of its unions and optional properties.

use serde_json::{Map, Value};

const MOST_UNIONS: usize = 16;
const MOST_OPTIONALS: usize = 24;
/// Formats of strings that are enforced.
const FORMATS: [&str; 10] =
    ["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid"];
/// What is refused beside each type.
const REFUSED: [(&str, &[&str]); 5] = [
    ("integer", &["exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"]),
    ("number", &["exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"]),
    ("string", &["contentEncoding", "contentMediaType", "maxLength", "minLength"]),
    (
        "array",
        &[
            "contains",
            "maxContains",
            "maxItems",
            "minContains",
            "prefixItems",
            "unevaluatedItems",
            "uniqueItems",
        ],
    ),
    (
        "object",
        &[
            "dependentRequired",
            "dependentSchemas",
            "maxProperties",
            "minProperties",
            "patternProperties",
            "propertyNames",
            "unevaluatedProperties",
        ],
    ),
];
/// Refused wherever they stand.
const NEVER: [&str; 5] = ["else", "if", "not", "oneOf", "then"];
/// Pieces of patterns that no grammar knows.
const NO_GRAMMAR: [&str; 6] = ["(?=", "(?!", "(?<", "\\b", "\\B", "\\1"];

/// The reason for which a schema is not compiled.
pub(crate) fn check(schema: &Value) -> Result<(), String> {
    let mut count = Count { root: schema, within: Vec::new(), unions: 0, optionals: 0 };
    count.schema(schema)?;
    let too_many = |what: &str, found: usize, most: usize| {
        Err(format!(
            "Schema is too complex for compilation: it contains too many {what} ({found}; limit: {most}). Simplify the schema and try again."
        ))
    };
    if count.optionals > MOST_OPTIONALS {
        return too_many("optional parameters", count.optionals, MOST_OPTIONALS);
    }
    if count.unions > MOST_UNIONS {
        return too_many("parameters with union types", count.unions, MOST_UNIONS);
    }
    Ok(())
}

struct Count<'s> {
    root: &'s Value,
    /// References that lead to where we are.
    within: Vec<&'s str>,
    unions: usize,
    optionals: usize,
}

impl<'s> Count<'s> {
    fn schema(&mut self, schema: &'s Value) -> Result<(), String> {
        let Some(members) = schema.as_object() else {
            return Err("Schema must be an object".to_owned());
        };
        if let Some(target) = members.get("$ref").and_then(Value::as_str) {
            return self.reference(target);
        }
        if let Some(never) = NEVER.iter().find(|keyword| members.contains_key(**keyword)) {
            return Err(format!("Schema type '{never}' is not supported"));
        }
        let types = types(members);
        self.unions += usize::from(types.len() > 1 || members.contains_key("anyOf"));
        types.iter().try_for_each(|kind| own_rules(kind, members))?;
        if types.contains(&"object") {
            self.optionals += optionals(members);
        }
        self.inner(members)
    }

    fn inner(&mut self, members: &'s Map<String, Value>) -> Result<(), String> {
        let properties = members.get("properties").and_then(Value::as_object);
        let lists = ["anyOf", "allOf"].into_iter().filter_map(|key| members.get(key)?.as_array());
        let inner = properties.into_iter().flat_map(Map::values);
        let inner = inner.chain(lists.flatten()).chain(members.get("items"));
        for schema in inner {
            self.schema(schema)?;
        }
        Ok(())
    }

    fn reference(&mut self, target: &'s str) -> Result<(), String> {
        if self.within.contains(&target) {
            return Err(format!("Circular reference detected in schema definitions: {target}"));
        }
        let found = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let Some(found) = found else {
            return Err(format!("External or unknown reference '{target}' is not supported"));
        };
        self.within.push(target);
        self.schema(found)?;
        self.within.pop();
        Ok(())
    }
}

fn types(members: &Map<String, Value>) -> Vec<&str> {
    match members.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ if members.contains_key("properties") => vec!["object"],
        _ => Vec::new(),
    }
}

fn own_rules(kind: &str, members: &Map<String, Value>) -> Result<(), String> {
    let refused =
        REFUSED.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, refused)| refused);
    let found: Vec<&str> =
        refused.iter().copied().filter(|key| members.contains_key(*key)).collect();
    match found.as_slice() {
        [] => {}
        [one] => return Err(format!("For '{kind}' type, property '{one}' is not supported")),
        several => {
            let several = several.join(", ");
            return Err(format!("For '{kind}' type, properties {several} are not supported"));
        }
    }
    let words = |key: &str| members.get(key).and_then(Value::as_str);
    match kind {
        "object" if members.get("additionalProperties") != Some(&Value::Bool(false)) => {
            Err("For 'object' type, 'additionalProperties' must be explicitly set to false"
                .to_owned())
        }
        "array" if members.get("minItems").and_then(Value::as_u64).is_some_and(|n| n > 1) => {
            Err("For 'array' type, 'minItems' values other than 0 or 1 are not supported"
                .to_owned())
        }
        "string" if words("format").is_some_and(|format| !FORMATS.contains(&format)) => {
            Err(format!("String format '{}' is not supported", words("format").unwrap_or_default()))
        }
        "string"
            if words("pattern").is_some_and(|p| NO_GRAMMAR.iter().any(|part| p.contains(part))) =>
        {
            Err("For 'string' type, the pattern uses features that are not supported".to_owned())
        }
        _ => Ok(()),
    }
}

fn optionals(members: &Map<String, Value>) -> usize {
    let required: Vec<&str> = members
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let properties = members.get("properties").and_then(Value::as_object);
    properties.map_or(0, |all| all.keys().filter(|name| !required.contains(&name.as_str())).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(schema: Value) -> String {
        check(&schema).err().unwrap_or_default()
    }

    #[test]
    fn what_is_not_enforced_is_refused() {
        let closed = |properties: Value| json!({"type": "object", "properties": properties, "additionalProperties": false});
        assert_eq!(
            said(closed(
                json!({"a": {"type": ["string", "null"]}, "b": {"anyOf": [{"type": "integer"}]}})
            )),
            ""
        );
        assert!(said(json!({"type": "object"})).contains("must be explicitly set to false"));
        assert_eq!(
            said(closed(json!({"a": {"type": "integer", "minimum": 1, "maximum": 2}}))),
            "For 'integer' type, properties maximum, minimum are not supported"
        );
        assert!(
            said(closed(json!({"a": {"type": "array", "maxItems": 2}}))).contains("'maxItems'")
        );
        assert!(said(closed(json!({"a": {"type": "array", "minItems": 2}}))).contains("0 or 1"));
        assert!(said(closed(json!({"a": {"oneOf": []}}))).contains("'oneOf'"));
        assert!(
            said(closed(json!({"a": {"type": "string", "format": "color"}}))).contains("'color'")
        );
        assert!(
            said(closed(json!({"a": {"type": "string", "pattern": "(?=a)"}}))).contains("pattern")
        );
        assert!(said(closed(json!({"a": {"$ref": "#"}}))).contains("Circular"));
        assert!(said(closed(json!({"a": {"$ref": "http://x"}}))).contains("'http://x'"));
    }

    #[test]
    fn a_grammar_may_become_too_large() {
        let with = |n: usize, one: Value, required: bool| {
            let names: Vec<String> = (0..n).map(|i| format!("p{i}")).collect();
            let properties: Map<String, Value> =
                names.iter().map(|p| (p.clone(), one.clone())).collect();
            let required = if required { names } else { Vec::new() };
            said(
                json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false}),
            )
        };
        assert_eq!(with(24, json!({"type": "string"}), false), "");
        assert!(with(25, json!({"type": "string"}), false).contains("optional parameters (25"));
        let union = json!({"type": ["string", "null"]});
        assert_eq!(with(16, union.clone(), true), "");
        assert!(with(17, union, true).contains("union types (17"));
    }
}
