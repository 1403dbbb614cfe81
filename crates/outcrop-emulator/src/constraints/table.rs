//! The generated table, as types.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::Regex;
use serde::{Deserialize, Deserializer};

const JSON: &str = include_str!("../../data/constraints.json");

/// Patterns that `regex` cannot compile and that therefore nobody checks. None today.
pub(super) const UNCHECKED_PATTERNS: [&str; 0] = [];

/// The characters of Java's `\s`; Rust's own knows many more.
const JAVA_SPACE: &str = r"\x09-\x0D\x20";

#[derive(Debug, Default, Deserialize)]
pub(super) struct Table {
    /// Where the facts come from; read by the test that the table is dated.
    #[cfg_attr(not(test), expect(dead_code, reason = "a record for readers of the table"))]
    pub(super) source: String,
    pub(super) operations: BTreeMap<String, Operation>,
    pub(super) shapes: BTreeMap<String, Shape>,
}

/// What an operation looks like on the wire.
#[derive(Debug, Deserialize)]
pub struct Operation {
    pub method: String,
    /// With the members of the path in braces: `/model/{modelId}/converse`.
    pub path: String,
    pub(super) input: String,
    /// The member that is the whole body, if one is.
    pub payload: Option<String>,
}

/// A member that travels outside the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    pub member: &'static str,
    pub location: Location,
    /// Name of the header, query parameter or path placeholder.
    pub name: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    Uri,
    Header,
    QueryString,
}

#[derive(Debug, Deserialize)]
pub(super) struct Shape {
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    #[serde(default)]
    pub(super) required: Vec<String>,
    #[serde(default)]
    pub(super) members: BTreeMap<String, String>,
    #[serde(default)]
    bound: BTreeMap<String, (Location, String)>,
    #[serde(default)]
    pub(super) union: bool,
    /// Free JSON: nothing below is checked.
    #[serde(default)]
    pub(super) document: bool,
    #[serde(default)]
    pub(super) sensitive: bool,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) pattern: Option<Pattern>,
    #[serde(rename = "enum", default)]
    pub(super) values: Vec<String>,
    pub(super) member: Option<String>,
    pub(super) key: Option<String>,
    pub(super) value: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Structure,
    List,
    Map,
    String,
    Blob,
    Boolean,
    Integer,
    Float,
    Timestamp,
}

/// A Java-flavoured pattern, compiled when it is first needed.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) source: String,
    compiled: OnceLock<Option<Regex>>,
}

/// The table. Were the embedded text unreadable it would be empty, and [`super::check`] would refuse all.
pub(super) fn get() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| serde_json::from_str(JSON).unwrap_or_default())
}

// === impl Table ===

impl Table {
    pub(super) fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes.get(name)
    }
}

// === impl Operation ===

impl Operation {
    /// The members outside the body, by name.
    pub fn bindings(&self) -> Vec<Binding> {
        let Some(shape) = get().shape(&self.input) else {
            return Vec::new();
        };
        let binding =
            |(member, (location, name)): (&'static String, &'static (Location, String))| Binding {
                member,
                location: *location,
                name,
            };
        shape.bound.iter().map(binding).collect()
    }
}

// === impl Shape ===

impl Shape {
    pub(super) fn is_outside_body(&self, member: &str) -> bool {
        self.bound.contains_key(member)
    }

    /// Whether values are single ones, which AWS reports at the list or map that holds them.
    pub(super) fn is_scalar(&self) -> bool {
        match self.kind {
            Kind::Structure | Kind::List | Kind::Map => false,
            Kind::String
            | Kind::Blob
            | Kind::Boolean
            | Kind::Integer
            | Kind::Float
            | Kind::Timestamp => true,
        }
    }
}

// === impl Pattern ===

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Ok(Self { source, compiled: OnceLock::new() })
    }
}

impl Pattern {
    pub(super) fn regex(&self) -> Option<&Regex> {
        let compile = || Regex::new(&format!("^(?:{})$", from_java(&self.source))).ok();
        self.compiled.get_or_init(compile).as_ref()
    }

    /// A pattern that does not compile accepts nothing, unless it is a listed exception.
    pub(super) fn accepts(&self, text: &str) -> bool {
        match self.regex() {
            Some(regex) => regex.is_match(text),
            None => UNCHECKED_PATTERNS.contains(&self.source.as_str()),
        }
    }
}

/// Java's classes are ASCII; a class inside a class is a union in both flavours.
pub(super) fn from_java(pattern: &str) -> String {
    pattern
        .replace(r"\s", &format!("[{JAVA_SPACE}]"))
        .replace(r"\S", &format!("[^{JAVA_SPACE}]"))
        .replace(r"\d", "[0-9]")
}
