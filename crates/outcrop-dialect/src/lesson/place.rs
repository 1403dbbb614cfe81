//! From the place that an error names to the path of a member in the body that was sent.
//!
//! Validators of tagged objects put the tag into the place (`tools.0.custom.strict`,
//! `messages.2.content.0.text.x`), and one of a model's own body does not know of the envelope around
//! it. So a place is followed through the body itself.

use serde_json::Value;

/// Where Converse carries the members of a model's own body.
const ADDITIONAL: &str = "additionalModelRequestFields";

/// The path, as gates write it (`tools[].strict`), of the member of `body` that `place` names; `None`
/// if there is none. Parsed whole: only a refused request comes here.
pub(super) fn of(place: &[&str], body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let steps = follow(place, &body).or_else(|| {
        let mut steps = follow(place, body.get(ADDITIONAL)?)?;
        steps.insert(0, Step::Key(ADDITIONAL));
        Some(steps)
    })?;
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Each => path.push_str("[]"),
            Step::Key(key) if path.is_empty() => path.push_str(key),
            Step::Key(key) => {
                path.push('.');
                path.push_str(key);
            }
        }
    }
    // What a gate cannot write is not learned.
    let is_plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "_-.[]".contains(c));
    is_plain.then_some(path)
}

enum Step<'p> {
    Key(&'p str),
    Each,
}

/// The steps to a member of `value`, which must be there; tags are tried as tags first.
fn follow<'p>(place: &[&'p str], value: &Value) -> Option<Vec<Step<'p>>> {
    let (first, rest) = place.split_first()?;
    match value {
        Value::Array(list) => {
            let mut steps = follow(rest, list.get(first.parse::<usize>().ok()?)?)?;
            steps.insert(0, Step::Each);
            Some(steps)
        }
        Value::Object(members) => {
            let is_tag = is_tag(first, value);
            is_tag.then(|| follow(rest, value)).flatten().or_else(|| {
                let member = members.get(*first)?;
                let mut steps = match rest.is_empty() {
                    true => Vec::new(),
                    false => follow(rest, member)?,
                };
                steps.insert(0, Step::Key(first));
                Some(steps)
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Whether a step may be an object's tag: its `type`, or the one that Anthropic gives to tools without.
fn is_tag(step: &str, object: &Value) -> bool {
    match object.get("type").and_then(Value::as_str) {
        Some(kind) => kind == step,
        None => step == "custom",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_the_body() {
        let body = r#"{
            "speed": "fast",
            "tools": [{"name": "a"}, {"name": "b", "defer_loading": true}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "t", "future": 1,
                "cache_control": {"type": "ephemeral", "scope": "x"}}]}],
            "additionalModelRequestFields": {"n": 2}
        }"#;
        for (place, path) in [
            ("speed", Some("speed")),
            ("tools.1.custom.defer_loading", Some("tools[].defer_loading")),
            ("tools.1.defer_loading", Some("tools[].defer_loading")),
            ("messages.0.content.0.text.future", Some("messages[].content[].future")),
            (
                "messages.0.content.0.text.cache_control.ephemeral.scope",
                Some("messages[].content[].cache_control.scope"),
            ),
            ("n", Some("additionalModelRequestFields.n")),
            ("tools.0.custom.defer_loading", None),
            ("tools.7.custom.defer_loading", None),
            ("nothing", None),
            ("speed.deeper", None),
        ] {
            let steps: Vec<&str> = place.split('.').collect();
            assert_eq!(of(&steps, body.as_bytes()).as_deref(), path, "{place}");
        }
    }
}
