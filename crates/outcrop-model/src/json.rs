//! Reading foreign JSON in one pass without losing a member.
//!
//! 1. Known members are read straight into their types; unknown ones are kept raw, in order.
//! 2. Strings and raw values borrow from the body wherever JSON escapes allow it.
//! 3. A parse error is traced back to the JSON path of the caller's own body ([`fault_from`]).

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::fault::Fault;

/// Any JSON value, kept as it was written.
pub type Json<'a> = Cow<'a, RawValue>;

/// Members that a decoder does not understand, in the order in which they came.
pub type Extra<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// A struct that is read member by member.
pub trait Object<'de>: Default {
    /// What a value of this type is called in an error message, e.g. `a message`.
    const WHAT: &'static str;

    /// Takes one member. Unknown keys go to the type's own [`Extra`].
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error>;
}

/// The body of `Deserialize::deserialize` for an [`Object`].
pub fn read_object<'de, T: Object<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_map(ObjectVisitor(PhantomData))
}

/// `Deserialize` by way of [`Object`], for types that differ in nothing but their name.
#[macro_export]
macro_rules! read_as_object {
    ($($name:ty),+ $(,)?) => {$(
        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::json::read_object(deserializer)
            }
        }
    )+};
}

/// Passes over a value that is known to carry nothing to keep.
pub fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<serde::de::IgnoredAny>().map(|_| ())
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Object<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut value = T::default();
        while let Some(Str(key)) = map.next_key()? {
            value.member(key, &mut map)?;
        }
        Ok(value)
    }
}

/// A string that borrows from the body unless it holds escapes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Str<'a>(pub Cow<'a, str>);

impl<'de> Deserialize<'de> for Str<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(StrVisitor)
    }
}

struct StrVisitor;

impl<'de> Visitor<'de> for StrVisitor {
    type Value = Str<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, v: &'de str) -> Result<Str<'de>, E> {
        Ok(Str(Cow::Borrowed(v)))
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<Str<'de>, E> {
        Ok(Str(Cow::Owned(v.to_owned())))
    }

    fn visit_string<E: Error>(self, v: String) -> Result<Str<'de>, E> {
        Ok(Str(Cow::Owned(v)))
    }
}

/// Reads the next value as an optional string; JSON `null` is absence.
pub fn next_str<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Cow<'de, str>>, A::Error> {
    Ok(map.next_value::<Option<Str<'de>>>()?.map(|s| s.0))
}

/// What many dialects allow as `content`: nothing, one string, or a list of parts.
#[derive(Debug, Clone, Default)]
pub enum Content<'a, T> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Parts(Vec<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Content<'de, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor(PhantomData))
    }
}

struct ContentVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ContentVisitor<T> {
    type Value = Content<'de, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of content parts")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Content::Absent)
    }

    fn visit_borrowed_str<E: Error>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Content::Text(Cow::Borrowed(v)))
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Content::Text(Cow::Owned(v.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = seq.next_element()? {
            parts.push(part);
        }
        Ok(Content::Parts(parts))
    }
}

/// Top-level members of an object, raw and in order: what a relay edits and splices.
#[derive(Debug, Clone, Default)]
pub struct Members<'a>(pub Extra<'a>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for Members<'de> {
    const WHAT: &'static str = "a JSON object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        self.0.push((key, map.next_value()?));
        Ok(())
    }
}

impl<'a> Members<'a> {
    /// The member `key`; the last one if it was written twice, as most parsers read it.
    pub fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(k, _)| k == key).map(|(_, v)| *v)
    }
}

/// Parses a caller's body; a failure names the JSON path at which parsing stopped.
pub fn parse_body<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| fault_from(body, &error))
}

/// Parses a raw value found at `path` of the caller's body.
pub fn parse_raw<'de, T: Deserialize<'de>>(raw: &'de RawValue, path: &str) -> Result<T, Fault> {
    serde_json::from_str(raw.get()).map_err(|error| {
        let mut inner = fault_from(raw.get().as_bytes(), &error);
        if error.classify() != serde_json::error::Category::Data {
            // A line and column within the member would be looked for in the body.
            inner.message = format!("The value is not valid JSON: {}.", reason(&error)).into();
        }
        let param = match inner.param.as_deref() {
            None | Some("") => path.to_owned(),
            Some(below) if below.starts_with('[') => format!("{path}{below}"),
            Some(below) => format!("{path}.{below}"),
        };
        inner.with_param(param)
    })
}

/// Turns a parse error into a fault that says where in `body` it arose and what was expected.
pub fn fault_from(body: &[u8], error: &serde_json::Error) -> Fault {
    let offset = offset_of(body, error.line(), error.column());
    let path = path_at(body, offset);
    let reason = reason(error);
    let what = match error.classify() {
        serde_json::error::Category::Data => format!("{}.", in_plain_words(&reason)),
        _ => format!(
            "The body is not valid JSON: {reason} at line {}, column {}.",
            error.line(),
            error.column()
        ),
    };
    Fault::invalid(path, what)
}

/// A parser's complaint without the place.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

/// A parser's complaint without the names of Rust types.
fn in_plain_words(reason: &str) -> String {
    let Some((found, expected)) = reason.rsplit_once(", expected ") else {
        return reason.to_owned();
    };
    let found = match found {
        "invalid type: map" => "invalid type: an object",
        "invalid type: sequence" => "invalid type: a list",
        other => other,
    };
    let expected = match expected {
        "u32" | "u64" => "a whole number of at least 0",
        "i64" => "a whole number",
        "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        other => other,
    };
    format!("{found}, expected {expected}")
}

fn offset_of(body: &[u8], line: usize, column: usize) -> usize {
    let start = if line <= 1 {
        0
    } else {
        let newlines = body.iter().enumerate().filter(|(_, b)| **b == b'\n');
        newlines.map(|(i, _)| i + 1).nth(line - 2).unwrap_or(body.len())
    };
    (start + column).min(body.len())
}

enum Level {
    Object(String),
    Array(usize),
}

/// The JSON path of the value that byte `offset` of `body` belongs to, e.g. `messages[0].role`.
pub fn path_at(body: &[u8], offset: usize) -> String {
    let mut levels: Vec<Level> = Vec::new();
    let (mut i, mut expect_key) = (0, false);
    let end = offset.min(body.len());
    while i < end {
        match body[i] {
            b'{' => {
                levels.push(Level::Object(String::new()));
                expect_key = true;
            }
            b'[' => levels.push(Level::Array(0)),
            // A container that closes at the offset itself is still the place of the error.
            b'}' | b']' if i + 1 < end => {
                levels.pop();
                expect_key = false;
            }
            b',' if i + 1 < end => match levels.last_mut() {
                Some(Level::Array(n)) => *n += 1,
                Some(Level::Object(_)) => expect_key = true,
                None => {}
            },
            b'"' => {
                let close = string_end(body, i);
                if expect_key && close < end {
                    if let Some(Level::Object(key)) = levels.last_mut() {
                        *key = String::from_utf8_lossy(&body[i + 1..close]).into_owned();
                    }
                    expect_key = false;
                }
                i = close;
            }
            _ => {}
        }
        i += 1;
    }
    render_path(&levels)
}

/// Index of the closing quote of the string that opens at `open`.
fn string_end(body: &[u8], open: usize) -> usize {
    let mut i = open + 1;
    while i < body.len() && body[i] != b'"' {
        i += if body[i] == b'\\' { 2 } else { 1 };
    }
    i.min(body.len())
}

fn render_path(levels: &[Level]) -> String {
    let mut path = String::new();
    for level in levels {
        match level {
            Level::Object(key) if key.is_empty() => {}
            Level::Object(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            Level::Array(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_path_of_an_offset() {
        let body = br#"{"a":{"b":[1,{"c":"x","d":nope}]}}"#;
        let at = body.iter().position(|b| *b == b'n').unwrap();
        assert_eq!(path_at(body, at + 1), "a.b[1].d");
    }

    #[test]
    fn wrong_type_names_its_path() {
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only parsing is tested")]
        struct Inner {
            n: u32,
        }
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only parsing is tested")]
        struct Outer {
            list: Vec<Inner>,
        }
        let fault = parse_body::<Outer>(br#"{"list":[{"n":1},{"n":"two"}]}"#).unwrap_err();
        assert_eq!(fault.param.as_deref(), Some("list[1].n"));
        assert!(fault.message.contains("invalid type: string"), "{}", fault.message);
    }

    #[test]
    fn the_last_of_two_members_counts() {
        let members: Members<'_> = serde_json::from_str(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(members.get("a").unwrap().get(), "3");
    }

    #[test]
    fn a_place_within_a_member_is_not_told_as_one_of_the_body() {
        let fault =
            parse_raw::<f64>(&RawValue::from_string("1e999".into()).unwrap(), "t").unwrap_err();
        assert_eq!(fault.to_string(), "t: The value is not valid JSON: number out of range.");
    }

    #[test]
    fn complaints_name_no_rust_types() {
        let said = |body: &[u8]| parse_body::<Vec<u64>>(body).unwrap_err().message.into_owned();
        assert_eq!(said(b"{}"), "invalid type: an object, expected a list.");
        assert_eq!(
            said(b"[-1]"),
            "invalid value: integer `-1`, expected a whole number of at least 0."
        );
        assert_eq!(
            said(b"[\", expected u64\"]"),
            "invalid type: string \", expected u64\", expected a whole number of at least 0."
        );
    }

    #[test]
    fn strings_borrow_unless_escaped() {
        let body = br#"{"a":"plain","b":"esc\n"}"#;
        let members: Members<'_> = serde_json::from_slice(body).unwrap();
        let a: Str<'_> = serde_json::from_str(members.get("a").unwrap().get()).unwrap();
        assert!(matches!(a.0, Cow::Borrowed("plain")));
    }
}
