//! Tools and the choice among them.
//!
//! A free-text tool becomes a function with one string; a tool in a namespace gets the namespace in
//! front of its name. [`ToolShapes`] is the way back. Tools that OpenAI runs itself are dropped, each
//! with an entry in the ledger: clients offer them unasked.

use std::borrow::Cow;

use outcrop_model::chat::{Tool, ToolChoice};
use outcrop_model::json::{Extra, parse_raw};
use outcrop_model::{At, Fault, Ledger};
use serde_json::value::RawValue;

use super::invalid;
use crate::openai::{members, owned_json, take, text};
use crate::write::JsonWriter;

/// The member that holds a free-text tool's input.
pub(super) const INPUT: &str = "input";

/// What the tools with a shape of their own are called towards the model.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ToolShapes(Vec<Shape>);

/// A tool that is not a plain function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// What the model calls it by.
    alias: String,
    pub name: String,
    pub namespace: Option<String>,
    /// Takes free text instead of JSON.
    pub custom: bool,
}

/// Reads `tools`.
pub(super) struct Reader<'a, 'r> {
    pub tools: Vec<Tool<'a>>,
    pub shapes: ToolShapes,
    pub ledger: &'r mut Ledger,
}

// === impl ToolShapes ===

impl ToolShapes {
    /// The shape of the tool that the model called by `alias`; `None` for a plain function.
    pub(super) fn of(&self, alias: &str) -> Option<&Shape> {
        self.0.iter().find(|shape| shape.alias == alias)
    }

    /// What the model knows a tool by.
    pub(super) fn alias<'n>(&self, namespace: Option<&str>, name: Cow<'n, str>) -> Cow<'n, str> {
        let is_it = |s: &&Shape| s.name == name && s.namespace.as_deref() == namespace;
        match (self.0.iter().find(is_it), namespace) {
            (Some(shape), _) => Cow::Owned(shape.alias.clone()),
            (None, Some(namespace)) => Cow::Owned(format!("{namespace}__{name}")),
            (None, None) => name,
        }
    }
}

// === impl Reader ===

impl<'a> Reader<'a, '_> {
    pub fn read(&mut self, raw: &'a RawValue) -> Result<(), Fault> {
        let tools: Vec<&'a RawValue> = parse_raw(raw, "tools")?;
        for (i, raw) in (0..).zip(tools) {
            let at = At::Element("tools", i);
            let mut tool = members(raw, &at.to_string())?;
            let kind = kind_of(&mut tool, at)?;
            match &*kind {
                "namespace" => self.namespace(tool, i)?,
                _ => self.tool(&kind, tool, None, at)?,
            }
        }
        Ok(())
    }

    fn namespace(&mut self, mut space: Extra<'a>, i: u32) -> Result<(), Fault> {
        let at = At::Element("tools", i);
        let name = name_of(&mut space, at)?;
        let about = take(&mut space, "description").map(|raw| text(raw, &at.key("description")));
        let about = about.transpose()?;
        let tools: Vec<&'a RawValue> = match take(&mut space, "tools") {
            Some(raw) => parse_raw(raw, &at.key("tools"))?,
            None => Vec::new(),
        };
        self.ledger.extra(at, &space);
        for (j, raw) in (0..).zip(tools) {
            let at = At::NestedTool(i, j);
            let mut tool = members(raw, &at.to_string())?;
            let kind = kind_of(&mut tool, at)?;
            let before = self.tools.len();
            self.tool(&kind, tool, Some(&name), at)?;
            // What the namespace says of all its tools has no other place than each of them.
            if let (Some(about), Some(tool)) = (&about, self.tools.get_mut(before)) {
                tool.description = Some(joined(about, tool.description.take()));
            }
        }
        Ok(())
    }

    fn tool(
        &mut self,
        kind: &str,
        tool: Extra<'a>,
        namespace: Option<&str>,
        at: At,
    ) -> Result<(), Fault> {
        match kind {
            "function" => self.function(tool, namespace, at),
            "custom" => self.custom(tool, namespace, at),
            _ => {
                let why = format!("tools of type `{kind}` are run by OpenAI; Bedrock has none");
                self.ledger.dropped(at.to_string(), why);
                Ok(())
            }
        }
    }

    fn function(
        &mut self,
        mut tool: Extra<'a>,
        namespace: Option<&str>,
        at: At,
    ) -> Result<(), Fault> {
        let name = name_of(&mut tool, at)?;
        let description = description_of(&mut tool, at)?;
        let schema = take(&mut tool, "parameters");
        if schema.is_some_and(|raw| !raw.get().starts_with('{')) {
            return Err(invalid(at.key("parameters"), "must be a JSON Schema object."));
        }
        let strict = take(&mut tool, "strict").map(|raw| parse_raw(raw, &at.key("strict")));
        let strict = strict.transpose()?;
        tool.retain(|(key, raw)| !(key == "defer_loading" && raw.get() == "false"));
        let schema = schema.map(Cow::Borrowed);
        let name = self.named(name, namespace, false);
        let (vendor, cache, extra) = (None, None, tool);
        self.tools.push(Tool { name, description, schema, strict, vendor, cache, at, extra });
        Ok(())
    }

    fn custom(
        &mut self,
        mut tool: Extra<'a>,
        namespace: Option<&str>,
        at: At,
    ) -> Result<(), Fault> {
        let name = name_of(&mut tool, at)?;
        let description = description_of(&mut tool, at)?;
        let grammar = match take(&mut tool, "format") {
            Some(raw) => grammar_of(raw, at)?,
            None => None,
        };
        if grammar.is_some() {
            let why = "Bedrock enforces no grammar; the model is told of it";
            self.ledger.approximated(at.key("format"), why);
        }
        tool.retain(|(key, raw)| !(key == "defer_loading" && raw.get() == "false"));
        let schema = Some(free_text_schema(grammar.as_deref())?);
        let name = self.named(name, namespace, true);
        let (strict, vendor, cache, extra) = (None, None, None, tool);
        self.tools.push(Tool { name, description, schema, strict, vendor, cache, at, extra });
        Ok(())
    }

    /// The tool's name towards the model; notes its shape if it has one.
    fn named(&mut self, name: Cow<'a, str>, namespace: Option<&str>, custom: bool) -> Cow<'a, str> {
        if namespace.is_none() && !custom {
            return name;
        }
        let mut alias = namespace.map_or_else(|| name.to_string(), |n| format!("{n}__{name}"));
        while self.tools.iter().any(|tool| tool.name == alias) {
            alias.push('_');
        }
        let shape = Shape {
            alias: alias.clone(),
            name: name.into_owned(),
            namespace: namespace.map(str::to_owned),
            custom,
        };
        self.shapes.0.push(shape);
        Cow::Owned(alias)
    }
}

/// Reads `tool_choice`; narrows `tools` to those that it allows.
pub(super) fn choose<'a>(
    raw: &'a RawValue,
    reader: &mut Reader<'a, '_>,
) -> Result<Option<ToolChoice<'a>>, Fault> {
    const PATH: &str = "tool_choice";
    if raw.get().starts_with('"') {
        return Ok(Some(match &*text(raw, PATH)? {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Any,
            _ => {
                let what = "must be auto, none, required, or an object that names a tool.";
                return Err(invalid(PATH, what));
            }
        }));
    }
    let at = At::Member(PATH);
    let mut choice = members(raw, PATH)?;
    let kind = kind_of(&mut choice, at)?;
    let chosen = match &*kind {
        "function" | "custom" => {
            let namespace = namespace_of(&mut choice, at)?;
            let name = name_of(&mut choice, at)?;
            Some(ToolChoice::Named(reader.shapes.alias(namespace.as_deref(), name)))
        }
        "allowed_tools" => Some(allow(&mut choice, reader)?),
        _ => {
            let why = format!("tools of type `{kind}` are run by OpenAI; Bedrock has none");
            reader.ledger.dropped(PATH, why);
            return Ok(None);
        }
    };
    reader.ledger.extra(at, &choice);
    Ok(chosen)
}

/// `allowed_tools`: what is not allowed is not offered.
fn allow<'a>(choice: &mut Extra<'a>, reader: &mut Reader<'a, '_>) -> Result<ToolChoice<'a>, Fault> {
    let path = |key: &str| format!("tool_choice.{key}");
    let mode = take(choice, "mode").map(|raw| text(raw, &path("mode"))).transpose()?;
    let chosen = match mode.as_deref() {
        Some("auto") | None => ToolChoice::Auto,
        Some("required") => ToolChoice::Any,
        Some(_) => return Err(invalid(path("mode"), "must be auto or required.")),
    };
    let Some(raw) = take(choice, "tools") else { return Ok(chosen) };
    let tools: Vec<&RawValue> = parse_raw(raw, &path("tools"))?;
    let mut allowed = Vec::new();
    for (i, raw) in tools.into_iter().enumerate() {
        let path = path(&format!("tools[{i}]"));
        let mut tool = members(raw, &path)?;
        let mut word = |key: &str| {
            take(&mut tool, key).map(|raw| text(raw, &format!("{path}.{key}"))).transpose()
        };
        if let (namespace, Some(name)) = (word("namespace")?, word("name")?) {
            allowed.push(reader.shapes.alias(namespace.as_deref(), name));
        }
    }
    reader.tools.retain(|tool| allowed.contains(&tool.name));
    Ok(chosen)
}

fn kind_of<'a>(members: &mut Extra<'a>, at: At) -> Result<Cow<'a, str>, Fault> {
    match take(members, "type") {
        Some(raw) => text(raw, &at.key("type")),
        None => Err(invalid(at.key("type"), "is required, e.g. function.")),
    }
}

fn name_of<'a>(members: &mut Extra<'a>, at: At) -> Result<Cow<'a, str>, Fault> {
    let name = take(members, "name").map(|raw| text(raw, &at.key("name"))).transpose()?;
    name.filter(|name| !name.is_empty())
        .ok_or_else(|| invalid(at.key("name"), "is required: what the model calls the tool by."))
}

pub(super) fn namespace_of<'a>(
    members: &mut Extra<'a>,
    at: At,
) -> Result<Option<Cow<'a, str>>, Fault> {
    take(members, "namespace").map(|raw| text(raw, &at.key("namespace"))).transpose()
}

fn description_of<'a>(tool: &mut Extra<'a>, at: At) -> Result<Option<Cow<'a, str>>, Fault> {
    take(tool, "description").map(|raw| text(raw, &at.key("description"))).transpose()
}

fn joined<'a>(about: &str, description: Option<Cow<'a, str>>) -> Cow<'a, str> {
    Cow::Owned(match description {
        Some(own) => format!("{own}\n\n{about}"),
        None => about.to_owned(),
    })
}

/// What to tell the model of a free-text tool's grammar; `None` for plain text.
fn grammar_of(raw: &RawValue, at: At) -> Result<Option<String>, Fault> {
    let path = |key: &str| at.key(&format!("format.{key}"));
    let mut format = members(raw, &at.key("format"))?;
    let mut word = |key: &str| take(&mut format, key).map(|raw| text(raw, &path(key))).transpose();
    let (kind, syntax, definition) = (word("type")?, word("syntax")?, word("definition")?);
    if kind.as_deref() == Some("text") {
        return Ok(None);
    }
    let (syntax, definition) = (syntax.unwrap_or_default(), definition.unwrap_or_default());
    Ok(Some(format!("Free text that matches this {syntax} grammar:\n{definition}")))
}

fn free_text_schema<'a>(grammar: Option<&str>) -> Result<outcrop_model::Json<'a>, Fault> {
    let mut json = Vec::new();
    let mut w = JsonWriter::new(&mut json);
    w.open_object();
    w.member_str("type", "object");
    w.key("properties");
    w.open_object();
    w.key(INPUT);
    w.open_object();
    w.member_str("type", "string");
    w.member_str("description", grammar.unwrap_or("Free text, passed to the tool as it is."));
    w.close_object();
    w.close_object();
    w.key("required");
    w.open_array();
    w.str(INPUT);
    w.close_array();
    w.close_object();
    owned_json(json)
}
