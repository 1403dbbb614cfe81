//! What Bedrock refuses although the service model allows it (protocol facts 9.2, item 6).
//!
//! Each rule is a pure function of the body and the model's switches; the first one broken decides
//! the text of the `ValidationException`. Texts are those known from documentation and reports; a
//! rule the model itself enforces is told as [`from_model`] tells it.

mod blocks;
mod cache;
mod media;
mod options;
mod thinking;
mod tools;
mod turns;

use serde_json::Value;

use super::read::list;
use crate::models::Model;

/// The message of the exception when a rule is broken.
pub(crate) type Verdict = Result<(), String>;

/// Whether the answer is asked for as a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Whole,
    Stream,
}

/// What every rule looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) body: &'a Value,
    pub(crate) model: &'a Model,
    pub(crate) mode: Mode,
}

/// One content block and its place.
#[derive(Debug, Clone, Copy)]
struct Placed<'a> {
    /// Counted from 0.
    message: usize,
    block: usize,
    role: &'a str,
    value: &'a Value,
}

/// Checks every rule, in the order the service does.
pub(crate) fn check(asked: &Asked<'_>) -> Verdict {
    if !asked.model.converse {
        return Err("This action doesn't support the model that you provided. Try again with a supported text or chat model.".into());
    }
    options::check(asked)?;
    turns::check(asked)?;
    blocks::check(asked)?;
    media::check(asked)?;
    tools::check(asked)?;
    cache::check(asked)?;
    thinking::check(asked)
}

/// How Converse hands on a refusal of the model itself.
fn from_model(message: &str) -> String {
    format!("The model returned the following errors: {message}")
}

/// The refusal of a member the model has no use for.
fn unsupported(field: &str) -> String {
    format!("This model doesn't support the {field} field. Remove {field} and try again.")
}

// === impl Asked ===

impl<'a> Asked<'a> {
    fn messages(&self) -> &'a [Value] {
        list(&self.body["messages"])
    }

    fn is_claude(&self) -> bool {
        self.model.native == "anthropic"
    }

    /// The additional fields, `null` when there are none.
    fn extra(&self) -> &'a Value {
        &self.body["additionalModelRequestFields"]
    }

    fn blocks(&self) -> impl Iterator<Item = Placed<'a>> {
        self.messages().iter().enumerate().flat_map(|(message, turn)| {
            let role = turn["role"].as_str().unwrap_or_default();
            let placed = move |(block, value)| Placed { message, block, role, value };
            list(&turn["content"]).iter().enumerate().map(placed)
        })
    }
}

// === impl Placed ===

impl<'a> Placed<'a> {
    /// The block's member of this kind.
    fn get(&self, kind: &str) -> Option<&'a Value> {
        self.value.get(kind).filter(|value| !value.is_null())
    }

    fn path(&self) -> String {
        format!("messages.{}.content.{}", self.message, self.block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::models::Catalog;

    /// The verdict of all rules on a body for a model.
    pub(super) fn verdict(model: &str, mode: Mode, body: &Value) -> Verdict {
        let catalog = Catalog::load(&Config::default()).unwrap();
        let model = catalog.model(model).unwrap();
        check(&Asked { body, model, mode })
    }

    /// Asserts that a body is refused with a text that contains `part`.
    pub(super) fn refused(model: &str, body: &Value, part: &str) {
        let message = verdict(model, Mode::Whole, body).unwrap_err();
        assert!(message.contains(part), "{message}");
    }

    pub(super) fn accepted(model: &str, body: &Value) {
        assert_eq!(verdict(model, Mode::Whole, body), Ok(()));
    }

    pub(super) const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";
    pub(super) const SONNET: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";
    pub(super) const OPUS: &str = "anthropic.claude-opus-4-8";
    pub(super) const NOVA: &str = "amazon.nova-micro-v1:0";
    pub(super) const TITAN: &str = "amazon.titan-text-express-v1";
}
