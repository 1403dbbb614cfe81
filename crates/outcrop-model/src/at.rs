//! Where in the caller's body a piece of the IR came from.
//!
//! Cheap to carry (`Copy`); becomes a JSON path only when a loss or an error needs one.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum At {
    /// The body itself.
    #[default]
    Root,
    /// A top-level member, e.g. `system`.
    Member(&'static str),
    /// An element of a top-level list, e.g. `tools[2]` or `system[0]`.
    Element(&'static str, u32),
    /// `messages[m]`
    Message(u32),
    /// `messages[m].member`
    InMessage(u32, &'static str),
    /// `messages[m].list[i]`, where `list` is `content`, `tool_calls`, …
    Item(u32, &'static str, u32),
    /// `messages[m].content[i].content[j]`: a part of a tool result.
    Nested(u32, u32, u32),
    /// `input[i].member`: inside an item of the Responses API.
    InInput(u32, &'static str),
    /// `input[i].list[j]`, where `list` is `content`, `output`, …
    InputPart(u32, &'static str, u32),
    /// `tools[i].tools[j]`: a tool of a namespace.
    NestedTool(u32, u32),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Root => Ok(()),
            At::Member(name) => f.write_str(name),
            At::Element(list, i) => write!(f, "{list}[{i}]"),
            At::Message(m) => write!(f, "messages[{m}]"),
            At::InMessage(m, member) => write!(f, "messages[{m}].{member}"),
            At::Item(m, list, i) => write!(f, "messages[{m}].{list}[{i}]"),
            At::Nested(m, i, j) => write!(f, "messages[{m}].content[{i}].content[{j}]"),
            At::InInput(i, member) => write!(f, "input[{i}].{member}"),
            At::InputPart(i, list, j) => write!(f, "input[{i}].{list}[{j}]"),
            At::NestedTool(i, j) => write!(f, "tools[{i}].tools[{j}]"),
        }
    }
}

impl At {
    /// The path of a member below this place. A member without a name is written `""`.
    pub fn key(&self, name: &str) -> String {
        let name = if name.is_empty() { "\"\"" } else { name };
        match self {
            At::Root => name.to_owned(),
            At::Member(_)
            | At::Element(..)
            | At::Message(_)
            | At::InMessage(..)
            | At::Item(..)
            | At::Nested(..)
            | At::InInput(..)
            | At::InputPart(..)
            | At::NestedTool(..) => format!("{self}.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::At;

    #[test]
    fn renders_json_paths() {
        assert_eq!(At::Root.key("n"), "n");
        assert_eq!(At::Root.key(""), "\"\"");
        assert_eq!(
            At::Item(3, "tool_calls", 1).key("function"),
            "messages[3].tool_calls[1].function"
        );
        assert_eq!(At::Nested(0, 1, 2).to_string(), "messages[0].content[1].content[2]");
        assert_eq!(At::InputPart(4, "output", 2).key("text"), "input[4].output[2].text");
    }
}
