//! A cursor over foreign JSON that knows where it stands, so that every refusal names its place.
//!
//! 1. A JSON `null` member counts as absent.
//! 2. A refusal is spelt in the voice of the service part that would refuse: [`Voice::Pydantic`] for
//!    Anthropic models (`messages.0.role: Field required`), [`Voice::Schema`] for every other family
//!    (`Malformed input request: #/messages/0: required key [role] not found, …`).
//! 3. Nothing is changed or copied here except paths.

use serde_json::{Map, Value};

/// Whose wording a refusal takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    Pydantic,
    Schema,
}

/// The JSON types a member may be required to have.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Flag,
    Integer,
    Number,
    List,
    Object,
}

/// One value and the place it was found at.
#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    value: &'a Value,
    path: String,
    voice: Voice,
}

pub(crate) type Parsed<T> = Result<T, String>;

// === impl Node ===

impl<'a> Node<'a> {
    pub(crate) fn root(value: &'a Value, voice: Voice) -> Self {
        let path = match voice {
            Voice::Pydantic => String::new(),
            Voice::Schema => "#".to_owned(),
        };
        Self { value, path, voice }
    }

    pub(crate) fn value(&self) -> &'a Value {
        self.value
    }

    /// The same value, with the tag of a tagged union added to its path (Anthropic's habit).
    pub(crate) fn tagged(&self, tag: &str) -> Self {
        Self { value: self.value, path: self.step(tag), voice: self.voice }
    }

    fn step(&self, key: &str) -> String {
        match self.voice {
            Voice::Pydantic if self.path.is_empty() => key.to_owned(),
            Voice::Pydantic => format!("{}.{key}", self.path),
            Voice::Schema => format!("{}/{key}", self.path),
        }
    }

    /// A member that is present and not null.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Self { value, path: self.step(key), voice: self.voice })
    }

    pub(crate) fn need(&self, key: &str) -> Parsed<Self> {
        self.object()?;
        self.get(key).ok_or_else(|| match self.voice {
            Voice::Pydantic => format!("{}: Field required", self.step(key)),
            Voice::Schema => self.fail(&format!("required key [{key}] not found")),
        })
    }

    /// Refuses every member that is not listed.
    pub(crate) fn only(&self, allowed: &[&str]) -> Parsed<()> {
        match self.object()?.keys().find(|key| !allowed.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(self.extra(key)),
        }
    }

    pub(crate) fn extra(&self, key: &str) -> String {
        match self.voice {
            Voice::Pydantic => format!("{}: Extra inputs are not permitted", self.step(key)),
            Voice::Schema => self.fail(&format!("extraneous key [{key}] is not permitted")),
        }
    }

    /// A refusal of this very value.
    pub(crate) fn fail(&self, what: &str) -> String {
        match self.voice {
            Voice::Pydantic if self.path.is_empty() => what.to_owned(),
            Voice::Pydantic => format!("{}: {what}", self.path),
            Voice::Schema => format!(
                "Malformed input request: {}: {what}, please reformat your input and try again.",
                self.path
            ),
        }
    }

    fn wrong(&self, kind: Kind) -> String {
        match self.voice {
            Voice::Pydantic => self.fail(kind.pydantic()),
            Voice::Schema => self.fail(&format!(
                "expected type: {}, found: {}",
                kind.schema(),
                found(self.value)
            )),
        }
    }

    pub(crate) fn text(&self) -> Parsed<&'a str> {
        self.value.as_str().ok_or_else(|| self.wrong(Kind::Text))
    }

    pub(crate) fn flag(&self) -> Parsed<bool> {
        self.value.as_bool().ok_or_else(|| self.wrong(Kind::Flag))
    }

    pub(crate) fn integer(&self) -> Parsed<i64> {
        self.value.as_i64().ok_or_else(|| self.wrong(Kind::Integer))
    }

    pub(crate) fn number(&self) -> Parsed<f64> {
        self.value.as_f64().ok_or_else(|| self.wrong(Kind::Number))
    }

    pub(crate) fn object(&self) -> Parsed<&'a Map<String, Value>> {
        self.value.as_object().ok_or_else(|| self.wrong(Kind::Object))
    }

    pub(crate) fn items(&self) -> Parsed<Vec<Self>> {
        let list = self.value.as_array().ok_or_else(|| self.wrong(Kind::List))?;
        let item = |(index, value): (usize, &'a Value)| Self {
            value,
            path: self.step(&index.to_string()),
            voice: self.voice,
        };
        Ok(list.iter().enumerate().map(item).collect())
    }

    pub(crate) fn texts(&self) -> Parsed<Vec<String>> {
        self.items()?.iter().map(|item| item.text().map(str::to_owned)).collect()
    }

    /// The text, when it is one of `allowed`.
    pub(crate) fn choice(&self, allowed: &[&str]) -> Parsed<&'a str> {
        let text = self.text()?;
        if allowed.contains(&text) {
            return Ok(text);
        }
        Err(match self.voice {
            Voice::Pydantic => self.fail(&format!("Input should be {}", alternatives(allowed))),
            Voice::Schema => self.fail(&format!("{text} is not a valid enum value")),
        })
    }

    /// An integer of at least `least`.
    pub(crate) fn at_least(&self, least: i64) -> Parsed<i64> {
        let number = self.integer()?;
        if number >= least {
            return Ok(number);
        }
        Err(match self.voice {
            Voice::Pydantic => {
                self.fail(&format!("Input should be greater than or equal to {least}"))
            }
            Voice::Schema => self.fail(&format!("{number} is not greater or equal to {least}")),
        })
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn within(&self, low: f64, high: f64) -> Parsed<f64> {
        let number = self.number()?;
        let (side, bound) = match number {
            _ if number < low => ("greater", low),
            _ if number > high => ("less", high),
            _ => return Ok(number),
        };
        Err(match self.voice {
            Voice::Pydantic => {
                self.fail(&format!("Input should be {side} than or equal to {bound}"))
            }
            Voice::Schema => self.fail(&format!("{number} is not {side} or equal to {bound}")),
        })
    }

    /// A count of tokens: an integer of at least 1, in the range a prompt can hold.
    pub(crate) fn tokens(&self) -> Parsed<u32> {
        let number = self.at_least(1)?;
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    }
}

// === impl Kind ===

impl Kind {
    fn pydantic(self) -> &'static str {
        match self {
            Self::Text => "Input should be a valid string",
            Self::Flag => "Input should be a valid boolean",
            Self::Integer => "Input should be a valid integer",
            Self::Number => "Input should be a valid number",
            Self::List => "Input should be a valid list",
            Self::Object => "Input should be a valid dictionary",
        }
    }

    fn schema(self) -> &'static str {
        match self {
            Self::Text => "String",
            Self::Flag => "Boolean",
            Self::Integer => "Integer",
            Self::Number => "Number",
            Self::List => "JSONArray",
            Self::Object => "JSONObject",
        }
    }
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "Null",
        Value::Bool(_) => "Boolean",
        Value::Number(number) if number.is_f64() => "Double",
        Value::Number(_) => "Integer",
        Value::String(_) => "String",
        Value::Array(_) => "JSONArray",
        Value::Object(_) => "JSONObject",
    }
}

/// `'a', 'b' or 'c'`.
pub(crate) fn alternatives(allowed: &[&str]) -> String {
    let quoted: Vec<String> = allowed.iter().map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_voice_names_the_place() {
        let body = json!({"messages": [{"role": 5}]});
        let role = |voice| {
            let root = Node::root(&body, voice);
            root.get("messages").unwrap().items().unwrap()[0].get("role").unwrap().text()
        };
        assert_eq!(
            role(Voice::Pydantic).unwrap_err(),
            "messages.0.role: Input should be a valid string"
        );
        assert_eq!(
            role(Voice::Schema).unwrap_err(),
            "Malformed input request: #/messages/0/role: expected type: String, found: Integer, please reformat your input and try again."
        );
    }

    #[test]
    fn missing_and_extra_keys() {
        let body = json!({"x": 1, "max_tokens": null});
        let root = Node::root(&body, Voice::Schema);
        assert_eq!(
            root.need("max_tokens").unwrap_err(),
            "Malformed input request: #: required key [max_tokens] not found, please reformat your input and try again."
        );
        assert_eq!(
            root.only(&["max_tokens"]).unwrap_err(),
            "Malformed input request: #: extraneous key [x] is not permitted, please reformat your input and try again."
        );
    }

    #[test]
    fn ranges_are_inclusive() {
        let body = json!({"t": 1, "n": 0});
        let root = Node::root(&body, Voice::Pydantic);
        assert!(root.get("t").unwrap().within(0.0, 1.0).is_ok());
        assert_eq!(
            root.get("n").unwrap().tokens().unwrap_err(),
            "n: Input should be greater than or equal to 1"
        );
    }
}
