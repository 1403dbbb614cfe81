//! Who may do what: a table of identities, instead of policies.
//!
//! An identity is an access key id, the ARN of a role or a Bedrock API key; the sessions of a role, and the
//! short-term API keys made of access keys, have what their origin has. Who is not in the table may do
//! everything. The texts of refusals are those of IAM (public issue threads, checked 2026-11-26).
//! Does not do: policies, conditions, resources other than models.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::{Config, EXAMPLE_ACCOUNT};
use crate::refusal::{Exception, Refusal};
use crate::route::Operation;

/// What one identity may do. Both lists hold patterns, in which `*` stands for anything.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Ids of foundation models, also of those behind a profile.
    #[serde(default = "anything")]
    pub models: Vec<String>,
    /// IAM actions, e.g. `bedrock:InvokeModel*`.
    #[serde(default = "anything")]
    pub actions: Vec<String>,
}

impl Default for Access {
    fn default() -> Self {
        Self { models: anything(), actions: anything() }
    }
}

fn anything() -> Vec<String> {
    vec!["*".to_owned()]
}

// === impl Access ===

impl Access {
    /// Reads a table: `{"IDENTITY": {"models": ["amazon.*"], "actions": ["bedrock:InvokeModel"]}}`.
    ///
    /// # Errors
    /// Names the place of what is wrong.
    pub fn parse_table(text: &str) -> Result<BTreeMap<String, Self>, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    pub(crate) fn allows(&self, action: &str, model: Option<&str>) -> bool {
        let any = |patterns: &[String], text: &str| patterns.iter().any(|p| matches(p, text));
        any(&self.actions, action) && model.is_none_or(|model| any(&self.models, model))
    }
}

// === helpers ===

/// The first identity of the table that the configuration does not know.
pub(crate) fn stranger(config: &Config) -> Option<&str> {
    let is_known = |name: &str| {
        config.access_keys.iter().any(|key| key.id == name)
            || config.roles.iter().any(|role| role.arn == name)
            || config.api_keys.iter().any(|key| key == name)
    };
    config.access.keys().map(String::as_str).find(|name| !is_known(name))
}

/// Who a configured access key is to IAM.
pub(crate) fn user(name: &str) -> String {
    format!("arn:aws:iam::{EXAMPLE_ACCOUNT}:user/{name}")
}

/// IAM's action for an operation (AWS service authorization reference, checked 2026-11-26).
pub(crate) fn action(operation: Operation, is_mantle: bool, streams: bool) -> String {
    match (operation, is_mantle) {
        (Operation::ListMantleModels, _) => "bedrock-mantle:ListModels".to_owned(),
        (_, true) => "bedrock-mantle:CreateInference".to_owned(),
        (_, false) if operation.is_inference() => match streams {
            true => "bedrock:InvokeModelWithResponseStream".to_owned(),
            false => "bedrock:InvokeModel".to_owned(),
        },
        (Operation::StartAsyncInvoke, false) => "bedrock:InvokeModel".to_owned(),
        (_, false) => format!("bedrock:{}", operation.name()),
    }
}

/// IAM's refusal.
pub(crate) fn denied(who: &str, action: &str, resource: Option<&str>) -> Refusal {
    let on = resource.map(|arn| format!(" on resource: {arn}")).unwrap_or_default();
    Refusal::new(
        Exception::AccessDenied,
        format!(
            "User: {who} is not authorized to perform: {action}{on} because no identity-based policy allows the {action} action"
        ),
    )
}

/// Whether `text` fits a pattern of `*` and letters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| matches(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_anything() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "a"),
            ("amazon.*", "amazon.nova-lite-v1:0"),
            ("*nova*", "amazon.nova-lite-v1:0"),
            ("a*b*c", "a-b-b-c"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("amazon", "amazon.nova"), ("a*b", "a-c"), ("a*b", "b")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_table_says_where_it_is_wrong() {
        let table = Access::parse_table(r#"{"AKID": {"models": ["amazon.*"]}}"#).unwrap();
        assert!(table["AKID"].allows("bedrock:InvokeModel", Some("amazon.x")));
        assert!(!table["AKID"].allows("bedrock:InvokeModel", Some("meta.x")));
        let wrong = Access::parse_table("{\"AKID\": {\"model\": []}}").unwrap_err();
        assert!(wrong.contains("model") && wrong.contains("line 1"), "{wrong}");
    }
}
