//! Limits as they are written.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{MoneyText, Pattern, Secret, is_default};
use crate::front::outcrop::short::{Many, Short, Table};

/// At most so much of something: one of `requests`, the kinds of tokens, `concurrent`, `money` and `cel`.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The counters are kept under it.
    pub name: String,
    /// Requests.
    #[serde(default, skip_serializing_if = "is_default")]
    pub requests: Option<u64>,
    /// Tokens of prompts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub input_tokens: Option<u64>,
    /// Tokens of answers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub output_tokens: Option<u64>,
    /// Both.
    #[serde(default, skip_serializing_if = "is_default")]
    pub total_tokens: Option<u64>,
    /// Tokens read from a cache.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cached_input_tokens: Option<u64>,
    /// Tokens written to a cache.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cache_write_tokens: Option<u64>,
    /// Tokens of reasoning.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reasoning_tokens: Option<u64>,
    /// Requests in flight; needs no `window`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub concurrent: Option<u64>,
    /// Dollars.
    #[serde(default, skip_serializing_if = "is_default")]
    pub money: Option<MoneyText>,
    /// What an expression (CEL) over the tokens makes; needs `amount`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cel: Option<String>,
    /// With `cel`: how much of it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub amount: Option<u64>,
    /// In what time: `day`, `week` or `month` of the calendar (UTC), or any stretch of `second`, `minute`,
    /// `hour`, `30s`, `24h`, ….
    #[serde(default, skip_serializing_if = "is_default")]
    pub window: Option<String>,
    /// With `money`: from here on it is told, by metric, log and webhook.
    #[serde(default, skip_serializing_if = "is_default")]
    pub soft: Option<MoneyText>,
    /// With `money`: the address that is told.
    #[serde(default, skip_serializing_if = "is_default")]
    pub webhook: Option<Short<Secret>>,
    /// Which requests count. Without it: all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when: When,
    /// Which of these do not count.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unless: Unless,
    /// What has a counter of its own: `key`, `route`, `model`, `peer`, `tag:NAME`, `header:NAME`. Without
    /// it: all count together.
    #[serde(default, skip_serializing_if = "is_default")]
    pub each: Many<Each>,
}

/// Which requests count: those for which all of this holds.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// Names of routes.
    #[serde(skip_serializing_if = "is_default")]
    pub routes: Many<String>,
    /// Names of keys. A caller with a token is `ISSUER#NAME`.
    #[serde(skip_serializing_if = "is_default")]
    pub keys: Many<String>,
    /// Models; `*` stands for any characters.
    #[serde(skip_serializing_if = "is_default")]
    pub models: Many<Short<Pattern>>,
    /// Tags of the caller.
    #[serde(skip_serializing_if = "is_default")]
    pub tags: Table<String>,
    /// Headers by name.
    #[serde(skip_serializing_if = "is_default")]
    pub headers: Table<Short<Pattern>>,
}

/// Which requests do not count: those for which any of this holds.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Unless {
    /// Names of keys. A caller with a token is `ISSUER#NAME`.
    #[serde(skip_serializing_if = "is_default")]
    pub keys: Many<String>,
    /// Models; `*` stands for any characters.
    #[serde(skip_serializing_if = "is_default")]
    pub models: Many<Short<Pattern>>,
    /// Headers by name.
    #[serde(skip_serializing_if = "is_default")]
    pub headers: Table<Short<Pattern>>,
}

/// What has a counter of its own.
#[derive(Clone, PartialEq)]
pub enum Each {
    Key,
    Route,
    Model,
    Peer,
    Tag(String),
    Header(String),
}

/// Where counters are kept.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Store {
    /// In memory: a restart forgets.
    Memory,
    /// In one file.
    File(String),
    /// In Redis or Valkey, shared between instances.
    Redis(Redis),
}

/// Redis or Valkey.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// `redis://HOST:6379`
    pub url: Short<Secret>,
    /// What holds while it is away.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_loss: OnLoss,
}

/// What holds while the store is away.
#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnLoss {
    /// Each instance goes on with what it last knew to be left.
    #[default]
    Local,
    /// Requests under a limit are refused.
    Refuse,
}

// === impl Each ===

impl<'de> Deserialize<'de> for Each {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const WORDS: &[&str] = &["key", "route", "model", "peer", "tag:NAME", "header:NAME"];
        let text = Cow::<str>::deserialize(deserializer)?;
        match (&*text, text.split_once(':')) {
            ("key", _) => Ok(Self::Key),
            ("route", _) => Ok(Self::Route),
            ("model", _) => Ok(Self::Model),
            ("peer", _) => Ok(Self::Peer),
            (_, Some(("tag", name))) if !name.is_empty() => Ok(Self::Tag(name.to_owned())),
            (_, Some(("header", name))) if !name.is_empty() => {
                Ok(Self::Header(name.to_lowercase()))
            }
            (word, _) => Err(D::Error::unknown_variant(word, WORDS)),
        }
    }
}

impl Serialize for Each {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Key => serializer.serialize_str("key"),
            Self::Route => serializer.serialize_str("route"),
            Self::Model => serializer.serialize_str("model"),
            Self::Peer => serializer.serialize_str("peer"),
            Self::Tag(name) => serializer.collect_str(&format_args!("tag:{name}")),
            Self::Header(name) => serializer.collect_str(&format_args!("header:{name}")),
        }
    }
}

impl JsonSchema for Each {
    fn schema_name() -> Cow<'static, str> {
        "Each".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "What has a counter of its own.",
            "pattern": "^(key|route|model|peer|(tag|header):.+)$|\\$"
        })
    }
}
