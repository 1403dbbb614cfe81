//! The operator's changes to headers and bodies.
//!
//! A body keeps its bytes outside of what is changed.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use outcrop_config::{BodyEdit, HeaderEdit, Message, Mode};
use outcrop_model::json::{Members, parse_body};
use outcrop_model::{ErrorClass, Fault, Phase};
use serde_json::Value;
use serde_json::value::RawValue;

/// Makes the changes, in order.
pub(crate) fn edit_headers<'e>(
    headers: &mut HeaderMap,
    edits: impl Iterator<Item = &'e HeaderEdit>,
) {
    for edit in edits {
        match edit {
            HeaderEdit::Set { name, value } => {
                if let Some((name, value)) = header(name, value) {
                    headers.insert(name, value);
                }
            }
            HeaderEdit::Add { name, value } => {
                if let Some((name, value)) = header(name, value) {
                    headers.append(name, value);
                }
            }
            HeaderEdit::Remove { name } => {
                headers.remove(name.as_str());
            }
        }
    }
}

/// `None` for what cannot be a header; compiling a configuration tells of those.
pub(crate) fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
}

/// `body` with the changes made, in order.
///
/// # Errors
/// When the body is no JSON object where one is needed.
pub(crate) fn edit_body<'e>(
    body: &Bytes,
    edits: impl Iterator<Item = &'e BodyEdit>,
) -> Result<Bytes, Fault> {
    let mut body = body.clone();
    for edit in edits {
        body = match edit {
            BodyEdit::Set { path, value, mode } => put_limit(body, path, (value, *mode))?,
            BodyEdit::Remove { path } => put(&body, path, None)?.into(),
            BodyEdit::Prompt { prepend, append } => prompt(&body, prepend, append)?.into(),
        };
    }
    Ok(body)
}

/// A text in place of whatever the body has at `path`.
pub(crate) fn set_text(body: &Bytes, path: &str, text: &str) -> Result<Bytes, Fault> {
    let value = Value::from(text).to_string();
    put(body, path, Some((&value, Mode::Override))).map(Bytes::from)
}

/// The two names that one limit has in OpenAI's chats: both in one body would contradict each other.
const TWINS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

/// The member at `path` set. Where it is a limit with two names, the other one counts as the same: a default
/// gives way to it, and it gives way to what is set in any case.
fn put_limit(body: Bytes, path: &str, (value, mode): (&str, Mode)) -> Result<Bytes, Fault> {
    let others = TWINS.iter().filter(|_| TWINS.contains(&path)).filter(|twin| **twin != path);
    let mut body = body;
    for twin in others {
        match mode {
            Mode::Default if has(&body, twin)? => return Ok(body),
            Mode::Default => {}
            Mode::Override => body = put(&body, twin, None)?.into(),
        }
    }
    put(&body, path, Some((value, mode))).map(Bytes::from)
}

fn has(body: &[u8], name: &str) -> Result<bool, Fault> {
    let members: Members<'_> = parse_body(body)?;
    Ok(members.get(name).is_some_and(|raw| raw.get() != "null"))
}

/// The object with the member at `path` set, or taken out.
fn put(object: &[u8], path: &str, value: Option<(&str, Mode)>) -> Result<Vec<u8>, Fault> {
    let members: Members<'_> = parse_body(object)?;
    let (name, below) = match path.split_once('.') {
        Some((name, below)) => (name, Some(below)),
        None => (path, None),
    };
    let present = members.get(name).filter(|raw| raw.get() != "null");
    let new: Option<Cow<'_, str>> = match (below, present, value) {
        (Some(below), present, value) => match (present, value) {
            (None, None) => None,
            (present, value) => {
                let inner = present.map_or("{}", RawValue::get);
                let changed = put(inner.as_bytes(), below, value)?;
                Some(String::from_utf8_lossy(&changed).into_owned().into())
            }
        },
        (None, Some(own), Some((_, Mode::Default))) => Some(own.get().into()),
        (None, _, Some((value, _))) => Some(value.into()),
        (None, _, None) => None,
    };
    Ok(rebuilt(&members, name, new.as_deref()))
}

/// The members in their order, `name` with another value, at its place or at the end.
fn rebuilt(members: &Members<'_>, name: &str, value: Option<&str>) -> Vec<u8> {
    let mut out = vec![b'{'];
    let mut member = |key: &str, value: &str| {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(Value::from(key).to_string().as_bytes());
        out.push(b':');
        out.extend_from_slice(value.as_bytes());
    };
    let mut value = value;
    for (key, raw) in &members.0 {
        match key == name {
            false => member(key, raw.get()),
            true => {
                if let Some(value) = value.take() {
                    member(key, value);
                }
            }
        }
    }
    if let Some(value) = value {
        member(name, value);
    }
    out.push(b'}');
    out
}

/// Messages before and after the caller's.
fn prompt(body: &[u8], prepend: &[Message], append: &[Message]) -> Result<Vec<u8>, Fault> {
    let members: Members<'_> = parse_body(body)?;
    let Some(raw) = members.get("messages") else {
        let what = "The operator of this gateway adds messages to requests of this route, which takes a body with `messages`.";
        return Err(Fault::new(ErrorClass::Unsupported, Phase::BeforeSend, what));
    };
    let own: Vec<&RawValue> = serde_json::from_str(raw.get())
        .map_err(|_| Fault::invalid("messages", "must be a list of messages."))?;
    let text = |Message { role, content }: &Message| {
        serde_json::json!({"role": role, "content": content}).to_string()
    };
    let all: Vec<String> = prepend
        .iter()
        .map(text)
        .chain(own.iter().map(|raw| raw.get().to_owned()))
        .chain(append.iter().map(text))
        .collect();
    Ok(rebuilt(&members, "messages", Some(&format!("[{}]", all.join(",")))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(body: &str, edits: &[BodyEdit]) -> String {
        let body = Bytes::copy_from_slice(body.as_bytes());
        String::from_utf8(edit_body(&body, edits.iter()).unwrap().to_vec()).unwrap()
    }

    fn set(path: &str, value: &str, mode: Mode) -> BodyEdit {
        BodyEdit::Set { path: path.to_owned(), value: value.to_owned(), mode }
    }

    #[test]
    fn what_is_not_changed_keeps_its_bytes() {
        let body = r#"{"a": 1.0e2 ,"b":{"c":[ 1 ]},"d":null}"#;
        for (edit, expected) in [
            (set("a", "7", Mode::Override), r#"{"a":7,"b":{"c":[ 1 ]},"d":null}"#),
            (set("a", "7", Mode::Default), r#"{"a":1.0e2,"b":{"c":[ 1 ]},"d":null}"#),
            (set("d", "7", Mode::Default), r#"{"a":1.0e2,"b":{"c":[ 1 ]},"d":7}"#),
            (
                set("b.x.y", "true", Mode::Override),
                r#"{"a":1.0e2,"b":{"c":[ 1 ],"x":{"y":true}},"d":null}"#,
            ),
            (BodyEdit::Remove { path: "b.c".to_owned() }, r#"{"a":1.0e2,"b":{},"d":null}"#),
            (
                BodyEdit::Remove { path: "q.r".to_owned() },
                r#"{"a":1.0e2,"b":{"c":[ 1 ]},"d":null}"#,
            ),
        ] {
            assert_eq!(edited(body, std::slice::from_ref(&edit)), expected, "{edit:?}");
        }
    }

    #[test]
    fn a_default_gives_way_to_its_other_name() {
        for (path, body) in [
            ("max_tokens", r#"{"max_completion_tokens":5}"#),
            ("max_completion_tokens", r#"{"max_tokens":5}"#),
        ] {
            assert_eq!(edited(body, &[set(path, "7", Mode::Default)]), body);
        }
        let edits = [set("max_tokens", "7", Mode::Default)];
        let expected = r#"{"max_completion_tokens":null,"max_tokens":7}"#;
        assert_eq!(edited(r#"{"max_completion_tokens":null}"#, &edits), expected);
    }

    #[test]
    fn what_is_set_takes_the_place_of_its_other_name() {
        for (path, body, expected) in [
            ("max_tokens", r#"{"max_completion_tokens":5,"x":1}"#, r#"{"x":1,"max_tokens":7}"#),
            ("max_completion_tokens", r#"{"max_tokens":5}"#, r#"{"max_completion_tokens":7}"#),
            ("max_tokens", r#"{"max_tokens":5}"#, r#"{"max_tokens":7}"#),
            ("x", r#"{"max_tokens":5,"x":1}"#, r#"{"max_tokens":5,"x":7}"#),
        ] {
            assert_eq!(edited(body, &[set(path, "7", Mode::Override)]), expected);
        }
    }

    #[test]
    fn messages_are_put_around_the_callers() {
        let message = |role: &str| Message { role: role.to_owned(), content: "x".to_owned() };
        let edit = BodyEdit::Prompt { prepend: vec![message("system")], append: vec![] };
        let expected = r#"{"messages":[{"role":"system","content":"x"},{"role":"user"}]}"#;
        assert_eq!(edited(r#"{"messages":[{"role":"user"}]}"#, &[edit]), expected);
    }

    /// Whatever the operator's words hold, the body stays JSON, and they stay words.
    #[test]
    fn words_that_look_like_json_are_words() {
        let hostile = "\"}],\"model\":\"x\\ \n\u{0}\u{2028}{";
        let message = Message { role: hostile.to_owned(), content: hostile.to_owned() };
        let edits = [
            BodyEdit::Prompt { prepend: vec![message.clone()], append: vec![message] },
            set(hostile, "1", Mode::Override),
        ];
        let body = edited(r#"{"model":"m","messages":[{"role":"user"}],"messages":[]}"#, &edits);
        let body: Value = serde_json::from_str(&body).unwrap();
        let around = serde_json::json!({"role": hostile, "content": hostile});
        assert_eq!((&body["model"], body[hostile].as_u64()), (&Value::from("m"), Some(1)));
        assert_eq!(body["messages"], Value::from(vec![around.clone(), around]));
    }

    #[test]
    fn a_model_takes_the_place_of_an_empty_one() {
        let body = Bytes::from_static(br#"{"model":"","x":1}"#);
        assert_eq!(&set_text(&body, "model", "m").unwrap()[..], br#"{"model":"m","x":1}"#);
    }
}
