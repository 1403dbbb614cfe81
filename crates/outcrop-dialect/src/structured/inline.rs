//! A schema without references.
//!
//! 1. `$ref` becomes what it refers to; `$defs` and `definitions` are then needless and go.
//! 2. A reference that leads back to itself, out of the schema or nowhere leaves its place open, which
//!    is told; whoever cannot live with that looks at [`Inlined::opened`].
//! 3. Depth and size are bounded: references can multiply.

use serde_json::{Map, Value};

/// Levels of schemas in schemas.
const MAX_DEPTH: usize = 64;
/// Schemas in a schema, once all is in place.
const MAX_SCHEMAS: usize = 4000;

const CYCLE: &str = "refers to itself; anything is taken from here on";
const NOWHERE: &str = "refers to nothing in the schema; anything is taken here";

/// What is told of references that were put in place.
pub(crate) const IN_PLACE: &str = "what it refers to is put in place";

#[derive(Debug)]
pub(crate) struct Inlined {
    pub schema: Value,
    /// Whether there was a reference to put in place.
    pub referred: bool,
    /// Places below the root that had to be left open, and why.
    pub opened: Vec<(String, &'static str)>,
}

/// Puts everything that `raw` refers to in its place. An error says why that cannot be.
pub(crate) fn inline(raw: &str) -> Result<Inlined, &'static str> {
    let root: Value =
        serde_json::from_str(raw).map_err(|_| "it is nested too deeply or cannot be read")?;
    let mut inliner = Inliner {
        root: &root,
        within: Vec::new(),
        schemas: 0,
        referred: false,
        opened: Vec::new(),
    };
    let schema = inliner.schema(&root, &mut String::new(), 0)?;
    let Inliner { referred, opened, .. } = inliner;
    Ok(Inlined { schema, referred, opened })
}

/// What the value of a keyword is made of.
pub(super) enum Holds {
    Schema,
    Schemas,
    /// Schemas by name.
    Named,
    Data,
}

pub(super) fn holds(keyword: &str, value: &Value) -> Holds {
    match (keyword, value) {
        ("items", Value::Bool(_)) => Holds::Schema,
        (
            "items"
            | "additionalProperties"
            | "additionalItems"
            | "contains"
            | "not"
            | "if"
            | "then"
            | "else"
            | "propertyNames"
            | "unevaluatedItems"
            | "unevaluatedProperties",
            Value::Object(_),
        ) => Holds::Schema,
        ("items" | "anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(_)) => Holds::Schemas,
        ("properties" | "patternProperties" | "dependentSchemas", Value::Object(_)) => Holds::Named,
        _ => Holds::Data,
    }
}

struct Inliner<'r> {
    root: &'r Value,
    /// The references that lead to where we are.
    within: Vec<&'r str>,
    schemas: usize,
    referred: bool,
    opened: Vec<(String, &'static str)>,
}

// === impl Inliner ===

impl<'r> Inliner<'r> {
    fn schema(
        &mut self,
        node: &'r Value,
        at: &mut String,
        depth: usize,
    ) -> Result<Value, &'static str> {
        self.schemas += 1;
        if depth > MAX_DEPTH || self.schemas > MAX_SCHEMAS {
            return Err("it is too large or nested too deeply once its references are in place");
        }
        let Value::Object(members) = node else { return Ok(node.clone()) };
        let mut out = match members.get("$ref") {
            Some(Value::String(pointer)) => self.referred(pointer, at, depth)?,
            Some(_) | None => Map::new(),
        };
        for (keyword, value) in members {
            if matches!(&**keyword, "$ref" | "$defs" | "definitions") {
                continue;
            }
            let value = below(at, keyword, |at| self.keyword(keyword, value, at, depth))?;
            out.insert(keyword.clone(), value);
        }
        merge_single(&mut out);
        Ok(Value::Object(out))
    }

    fn referred(
        &mut self,
        pointer: &'r str,
        at: &str,
        depth: usize,
    ) -> Result<Map<String, Value>, &'static str> {
        self.referred = true;
        if self.within.contains(&pointer) {
            self.opened.push((at.to_owned(), CYCLE));
            return Ok(Map::new());
        }
        let target = pointer.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let Some(target) = target.filter(|target| target.is_object()) else {
            self.opened.push((at.to_owned(), NOWHERE));
            return Ok(Map::new());
        };
        self.within.push(pointer);
        let schema = self.schema(target, &mut at.to_owned(), depth + 1)?;
        self.within.pop();
        match schema {
            Value::Object(members) => Ok(members),
            _ => Ok(Map::new()),
        }
    }

    fn keyword(
        &mut self,
        keyword: &str,
        value: &'r Value,
        at: &mut String,
        depth: usize,
    ) -> Result<Value, &'static str> {
        match (holds(keyword, value), value) {
            (Holds::Schema, _) => self.schema(value, at, depth + 1),
            (Holds::Schemas, Value::Array(list)) => {
                let list = list.iter().enumerate();
                let list = list.map(|(i, one)| nth(at, i, |at| self.schema(one, at, depth + 1)));
                Ok(Value::Array(list.collect::<Result<_, _>>()?))
            }
            (Holds::Named, Value::Object(named)) => {
                let mut out = Map::new();
                for (name, one) in named {
                    let one = below(at, name, |at| self.schema(one, at, depth + 1))?;
                    out.insert(name.clone(), one);
                }
                Ok(Value::Object(out))
            }
            (Holds::Schemas | Holds::Named | Holds::Data, _) => Ok(value.clone()),
        }
    }
}

/// `allOf` with one member is that member, unless the two differ in something.
fn merge_single(members: &mut Map<String, Value>) {
    let Some([Value::Object(only)]) =
        members.get("allOf").and_then(Value::as_array).map(Vec::as_slice)
    else {
        return;
    };
    if only.iter().any(|(key, value)| members.get(key).is_some_and(|other| other != value)) {
        return;
    }
    let only = only.clone();
    members.shift_remove("allOf");
    members.extend(only);
}

/// Does something with the path of a member.
pub(super) fn below<R>(at: &mut String, name: &str, then: impl FnOnce(&mut String) -> R) -> R {
    let length = at.len();
    at.push('.');
    at.push_str(name);
    let result = then(at);
    at.truncate(length);
    result
}

/// Does something with the path of a list's element.
pub(super) fn nth<R>(at: &mut String, index: usize, then: impl FnOnce(&mut String) -> R) -> R {
    let length = at.len();
    at.push_str(&format!("[{index}]"));
    let result = then(at);
    at.truncate(length);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn inlined(schema: Value) -> (Value, Vec<String>) {
        let Inlined { schema, opened, .. } = inline(&schema.to_string()).unwrap();
        (schema, opened.into_iter().map(|(at, _)| at).collect())
    }

    #[test]
    fn references_become_what_they_refer_to() {
        let schema = json!({
            "$defs": {"Pet": {"type": "string", "description": "a pet"}},
            "definitions": {"a/b": {"$ref": "#/$defs/Pet"}},
            "type": "object",
            "properties": {
                "$ref": {"$ref": "#/definitions/a~1b", "description": "mine"},
                "list": {"type": "array", "items": {"allOf": [{"$ref": "#/$defs/Pet"}]}},
            },
            "default": {"$ref": "no reference"},
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "$ref": {"type": "string", "description": "mine"},
                "list": {"type": "array", "items": {"type": "string", "description": "a pet"}},
            },
            "default": {"$ref": "no reference"},
        });
        assert_eq!(inlined(schema), (expected, vec![]));
    }

    #[test]
    fn a_cycle_is_left_open_and_told() {
        let schema = json!({
            "type": "object",
            "properties": {"value": {"type": "integer"}, "next": {"$ref": "#"}, "out": {"$ref": "http://x/y"}},
        });
        let (schema, opened) = inlined(schema);
        assert_eq!(schema["properties"]["next"]["properties"]["value"]["type"], "integer");
        assert_eq!(
            opened,
            [
                ".properties.next.properties.next",
                ".properties.next.properties.out",
                ".properties.out"
            ]
        );
    }

    #[test]
    fn references_cannot_multiply_without_bound() {
        let mut defs = Map::new();
        for i in 0..40 {
            let next = json!({"$ref": format!("#/$defs/d{}", i + 1)});
            defs.insert(format!("d{i}"), json!({"anyOf": [next, next]}));
        }
        defs.insert("d40".into(), json!({"type": "string"}));
        let schema = json!({"$ref": "#/$defs/d0", "$defs": defs});
        assert!(inline(&schema.to_string()).unwrap_err().contains("too large"));
        let deep = format!("{}{}", r#"{"not":"#.repeat(500), "{}".to_owned() + &"}".repeat(500));
        assert!(inline(&deep).is_err());
    }
}
