//! A node to a written type, with everything that is wrong with it.
//!
//! serde stops at the first error. So a node is read again with the wrong member left out, until nothing
//! new is found: each error is in its place, and one that only follows from another is not told.

use std::collections::HashSet;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};

use super::places;
use super::short::{MANY, SECRET, SHORT};
use crate::document::{Entry, Node, Scalar};
use crate::front::{Gaps, Reading};
use crate::origin::{Diagnostic, Origin, Severity};
use crate::words;

/// After so many errors in one item the rest is not looked for.
const MOST: usize = 100;

/// What `node` says, but for what is wrong with it.
pub(super) fn read<T: DeserializeOwned>(
    node: &Node,
    reading: &mut Reading<'_>,
) -> Option<(T, Gaps)> {
    let (mut skip, mut gaps) = (HashSet::new(), Gaps::default());
    loop {
        let problem = match T::deserialize(Reader { node, skip: &skip }) {
            Ok(value) => return Some((value, gaps)),
            Err(problem) => problem.at(node, &skip, || node.origin()),
        };
        let Problem { what, hint, place, origin, follows, missing: _ } = problem;
        let place = place.unwrap_or(id(node));
        let new = skip.insert(place);
        if let Some(origin) = &origin {
            gaps.add(node.within(&origin.path));
        }
        if let Some(origin) = origin.filter(|_| new && !follows) {
            reading.say(Diagnostic { severity: Severity::Error, origin, what, hint });
        }
        if skip.len() >= MOST {
            let what = format!("{MOST} errors, and what comes after them was not looked at");
            reading.say(Diagnostic::error(node.origin(), what));
            return None;
        }
        if place == id(node) || !new {
            return None;
        }
    }
}

/// Nodes stay where they are while they are read.
fn id(node: &Node) -> usize {
    std::ptr::from_ref(node).addr()
}

/// Whether the number is written with digits alone.
fn is_whole(text: &str) -> bool {
    text.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit())
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    /// What is known to be wrong.
    skip: &'a HashSet<usize>,
}

#[derive(Debug)]
struct Problem {
    what: String,
    hint: Option<String>,
    /// The member that is missing, if that is the problem.
    missing: Option<&'static str>,
    /// The node to leave out.
    place: Option<usize>,
    origin: Option<Origin>,
    /// From another problem, which has been told.
    follows: bool,
}

// === impl Problem ===

impl Problem {
    fn new(what: String, hint: Option<String>) -> Self {
        Self { what, hint, missing: None, place: None, origin: None, follows: false }
    }

    /// With its place, unless it has one.
    fn at(self, node: &Node, skip: &HashSet<usize>, origin: impl FnOnce() -> Origin) -> Self {
        if self.place.is_some() {
            return self;
        }
        let skipped =
            |entry: &Entry| Some(&*entry.key) == self.missing && skip.contains(&id(&entry.value));
        let follows = self.follows || node.is_broken() || node.members().iter().any(skipped);
        let what = node.without_value(self.what);
        Self { what, place: Some(id(node)), origin: Some(origin()), follows, ..self }
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string(), None)
    }

    /// Values are not shown: one may be a secret in the wrong place.
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match unexpected {
            Unexpected::Str(_) | Unexpected::Char(_) => "a text",
            Unexpected::Bool(_) => "true or false",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
            Unexpected::Seq => "a list",
            Unexpected::Map => "a mapping",
            _ => "nothing",
        };
        Self::new(format!("{found}, where {expected} belongs"), None)
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match unexpected {
            Unexpected::Unsigned(number) => Self::new(format!("{number} is out of range"), None),
            other => Self::invalid_type(other, expected),
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let hint = places::instead(field, expected.iter().copied());
        Self::new(format!("`{field}` is no key here"), hint)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let hint = words::instead(variant, expected.iter().copied());
        Self::new(format!("`{variant}` is not known here"), hint)
    }

    fn missing_field(field: &'static str) -> Self {
        Self { missing: Some(field), ..Self::new(format!("`{field}` is missing"), None) }
    }
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn child(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }

    fn wrong(self, wanted: &str) -> Problem {
        Problem::new(format!("{}, where {wanted} belongs", self.node.kind()), None)
    }

    fn text(self) -> Result<&'a str, Problem> {
        self.node.text().ok_or_else(|| self.wrong("a text"))
    }

    fn whole<T: std::str::FromStr>(self) -> Result<T, Problem> {
        let number = self.node.text().and_then(|text| text.trim().parse().ok());
        number.ok_or_else(|| match self.node.text().map(str::trim) {
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() => {
                Problem::new(format!("{text} is too large"), None)
            }
            Some(text) if text.parse::<f64>().is_ok() => {
                Problem::new(format!("{text} is no whole number of 0 or more"), None)
            }
            Some(_) | None => self.wrong("a whole number"),
        })
    }

    fn map<V: Visitor<'a>>(self, visitor: V, nulls: Nulls) -> Result<V::Value, Problem> {
        if !self.node.is_map() && !self.node.is_null() {
            return Err(self.wrong("a mapping"));
        }
        visitor.visit_map(Members {
            reader: self,
            left: self.node.members().iter(),
            value: None,
            nulls,
        })
    }

    fn items<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.node.is_list() {
            true => visitor.visit_seq(Items { reader: self, left: self.node.items().iter() }),
            false => Err(self.wrong("a list")),
        }
    }
}

/// Whether members that are `null` count as written.
#[derive(Clone, Copy, PartialEq)]
enum Nulls {
    Count,
    AreAbsent,
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.node.take();
        match self.node.scalar() {
            Some(Scalar::Null) => visitor.visit_unit(),
            Some(Scalar::Bool(bool)) => visitor.visit_bool(bool),
            Some(Scalar::Int(int)) => visitor.visit_i64(int),
            Some(Scalar::Large(int)) => visitor.visit_u64(int),
            Some(Scalar::Float(float)) => match self.node.text().filter(|text| is_whole(text)) {
                Some(_) => {
                    let what = "this number has more digits than are kept".to_owned();
                    Err(Problem::new(what, Some("put it in quotes, as a text".to_owned())))
                }
                None => visitor.visit_f64(float),
            },
            Some(Scalar::Text(text)) => visitor.visit_borrowed_str(text),
            None if self.node.is_list() => self.items(visitor),
            None => self.map(visitor, Nulls::Count),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_bool(self.node.bool().ok_or_else(|| self.wrong("true or false"))?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_u64(self.whole()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.node.is_null() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match name {
            MANY if self.node.is_list() => self.items(visitor),
            SHORT | SECRET => {
                if name == SECRET && !self.node.is_map() {
                    self.node.hide();
                }
                match self.node.text() {
                    Some(text) => visitor.visit_borrowed_str(text),
                    None => visitor.visit_newtype_struct(self),
                }
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.items(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.map(visitor, Nulls::Count)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.map(visitor, Nulls::AreAbsent)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        if let Some(word) = self.node.text() {
            return visitor.visit_enum(word.into_deserializer());
        }
        match self.node.members() {
            [only] if self.skip.contains(&id(&only.value)) => {
                Err(Problem { follows: true, ..Problem::new(String::new(), None) })
            }
            [only] => visitor.visit_enum(Variant { reader: self, entry: only }),
            [] => Err(self.wrong("a word")),
            [_, _, ..] => {
                let what = "only one of these may be here".to_owned();
                Err(Problem::new(what, Some(format!("choose one of {}", variants.join(", ")))))
            }
        }
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 u8 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct ignored_any
    }
}

/// The members of a mapping that are not known to be wrong.
struct Members<'a> {
    reader: Reader<'a>,
    left: std::slice::Iter<'a, Entry>,
    value: Option<&'a Entry>,
    nulls: Nulls,
}

impl<'a> MapAccess<'a> for Members<'a> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Problem> {
        let Self { reader, left, nulls, .. } = self;
        let wanted = |entry: &&Entry| {
            !reader.skip.contains(&id(&entry.value))
                && (*nulls == Nulls::Count || !entry.value.is_null())
        };
        let Some(entry) = left.find(wanted) else { return Ok(None) };
        self.value = Some(entry);
        let key: StrDeserializer<'_, Problem> = entry.key.as_str().into_deserializer();
        seed.deserialize(key)
            .map(Some)
            .map_err(|problem| problem.at(&entry.value, reader.skip, || entry.origin()))
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let Some(entry) = self.value.take() else {
            return Err(de::Error::custom("a value without a key"));
        };
        let node = &entry.value;
        seed.deserialize(self.reader.child(node))
            .map_err(|problem| problem.at(node, self.reader.skip, || node.origin()))
    }
}

/// The items of a list that are not known to be wrong.
struct Items<'a> {
    reader: Reader<'a>,
    left: std::slice::Iter<'a, Node>,
}

impl<'a> SeqAccess<'a> for Items<'a> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Problem> {
        let skip = self.reader.skip;
        let Some(node) = self.left.find(|node| !skip.contains(&id(node))) else { return Ok(None) };
        seed.deserialize(self.reader.child(node))
            .map(Some)
            .map_err(|problem| problem.at(node, skip, || node.origin()))
    }
}

/// `word: content`.
struct Variant<'a> {
    reader: Reader<'a>,
    entry: &'a Entry,
}

impl<'a> EnumAccess<'a> for Variant<'a> {
    type Error = Problem;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'a>>(self, seed: V) -> Result<(V::Value, Self), Problem> {
        let key: StrDeserializer<'_, Problem> = self.entry.key.as_str().into_deserializer();
        let problem = |problem: Problem| {
            problem.at(&self.entry.value, self.reader.skip, || self.entry.origin())
        };
        seed.deserialize(key).map_err(problem).map(|word| (word, self))
    }
}

impl<'a> Variant<'a> {
    fn content(&self) -> Reader<'a> {
        self.reader.child(&self.entry.value)
    }

    fn at<T>(&self, outcome: Result<T, Problem>) -> Result<T, Problem> {
        let node = &self.entry.value;
        outcome.map_err(|problem| problem.at(node, self.reader.skip, || node.origin()))
    }
}

impl<'a> VariantAccess<'a> for Variant<'a> {
    type Error = Problem;

    fn unit_variant(self) -> Result<(), Problem> {
        let what = format!("`{}` is a word of its own: nothing belongs into it", self.entry.key);
        match self.entry.value.is_null() {
            true => Ok(()),
            false => self.at(Err(Problem::new(what, None))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, Problem> {
        self.at(seed.deserialize(self.content()))
    }

    fn tuple_variant<V: Visitor<'a>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.at(self.content().items(visitor))
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.at(self.content().map(visitor, Nulls::AreAbsent))
    }
}
