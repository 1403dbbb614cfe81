//! Policies as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CarrierWord, DurationText, FidelityWord, is_default};
use crate::front::outcrop::short::{Many, Table};

/// How requests are treated. What is not said is as the defaults say, and there as the command line does.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// What becomes of parts of a request that a model cannot be given.
    #[serde(skip_serializing_if = "is_default")]
    pub fidelity: Option<FidelityWord>,
    /// The one of Bedrock's APIs to use. A request that its model cannot take this way is refused.
    #[serde(skip_serializing_if = "is_default")]
    pub carrier: Option<CarrierWord>,
    /// How long to wait for what.
    #[serde(skip_serializing_if = "is_default")]
    pub timeouts: Timeouts,
    /// How often to try.
    #[serde(skip_serializing_if = "is_default")]
    pub retry: Retry,
    /// Changes to the headers that are sent to Bedrock, one step after another.
    #[serde(skip_serializing_if = "is_default")]
    pub headers: Many<HeaderStep>,
    /// Changes to the caller's body before it is read, one step after another.
    #[serde(skip_serializing_if = "is_default")]
    pub body: Many<BodyStep>,
    /// A Bedrock guardrail for every request.
    #[serde(skip_serializing_if = "is_default")]
    pub guardrail: Option<Guardrail>,
    /// Cache points where callers set none.
    #[serde(skip_serializing_if = "is_default")]
    pub cache: Option<Cache>,
    /// Tell what each whole answer costs, in the header `x-outcrop-cost`.
    #[serde(skip_serializing_if = "is_default")]
    pub cost_header: Option<bool>,
    /// Tell which way an answer came, in the header `x-outcrop-route`.
    #[serde(skip_serializing_if = "is_default")]
    pub route_header: Option<bool>,
    /// Keep conversations at one target, so that its prompt cache serves them.
    #[serde(skip_serializing_if = "is_default")]
    pub affinity: Option<bool>,
    /// The header that tells conversations apart. Without it: their beginning does.
    #[serde(skip_serializing_if = "is_default")]
    pub session_header: Option<String>,
}

/// How long to wait for what, in one attempt.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AttemptTimeouts {
    /// For a connection.
    #[serde(skip_serializing_if = "is_default")]
    pub connect: Option<DurationText>,
    /// For the beginning of the answer.
    #[serde(skip_serializing_if = "is_default")]
    pub first_byte: Option<DurationText>,
    /// Longest silence within an answer.
    #[serde(skip_serializing_if = "is_default")]
    pub idle: Option<DurationText>,
    /// For all of it.
    #[serde(skip_serializing_if = "is_default")]
    pub attempt: Option<DurationText>,
}

/// How long to wait for what.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// For a connection.
    #[serde(skip_serializing_if = "is_default")]
    pub connect: Option<DurationText>,
    /// For the beginning of the answer.
    #[serde(skip_serializing_if = "is_default")]
    pub first_byte: Option<DurationText>,
    /// Longest silence within an answer.
    #[serde(skip_serializing_if = "is_default")]
    pub idle: Option<DurationText>,
    /// For one attempt.
    #[serde(skip_serializing_if = "is_default")]
    pub attempt: Option<DurationText>,
    /// For the beginning of the answer, all attempts together.
    #[serde(skip_serializing_if = "is_default")]
    pub begin: Option<DurationText>,
    /// For the whole request, all attempts together, to the end of the answer.
    #[serde(skip_serializing_if = "is_default")]
    pub request: Option<DurationText>,
}

/// How often to try.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Most attempts at one target, the first included.
    #[serde(skip_serializing_if = "is_default")]
    pub attempts: Option<u32>,
    /// Most attempts at all targets together.
    #[serde(skip_serializing_if = "is_default")]
    pub total_attempts: Option<u32>,
    /// About how long to wait before the second attempt; each further one waits twice as long.
    #[serde(skip_serializing_if = "is_default")]
    pub base: Option<DurationText>,
    /// Longest wait.
    #[serde(skip_serializing_if = "is_default")]
    pub cap: Option<DurationText>,
    /// Statuses of Bedrock's to retry beside those that are retried anyway.
    #[serde(skip_serializing_if = "is_default")]
    pub also_on: Many<u16>,
}

/// Changes to headers: first `set`, then `add`, then `remove`.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HeaderStep {
    /// Instead of what is there.
    #[serde(skip_serializing_if = "is_default")]
    pub set: Table<String>,
    /// Beside what is there.
    #[serde(skip_serializing_if = "is_default")]
    pub add: Table<String>,
    /// Names.
    #[serde(skip_serializing_if = "is_default")]
    pub remove: Many<String>,
}

/// Changes to the body, in the order of the keys here. A path is a member's name, or names joined by
/// dots.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BodyStep {
    /// Members that are set whatever the caller set: path and value. `max_tokens` and `max_completion_tokens` are
    /// one: the other is taken out.
    #[serde(skip_serializing_if = "is_default")]
    pub set: Table<serde_json::Value>,
    /// Members that are set where the caller set nothing. `max_tokens` and `max_completion_tokens` are one.
    #[serde(skip_serializing_if = "is_default")]
    pub default: Table<serde_json::Value>,
    /// Paths of members that are taken out.
    #[serde(skip_serializing_if = "is_default")]
    pub remove: Many<String>,
    /// Messages around the caller's.
    #[serde(skip_serializing_if = "is_default")]
    pub prompt: Option<Prompt>,
}

/// Messages around the caller's.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Prompt {
    /// Before them.
    #[serde(skip_serializing_if = "is_default")]
    pub prepend: Many<Message>,
    /// After them.
    #[serde(skip_serializing_if = "is_default")]
    pub append: Many<Message>,
}

/// A message.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// Its text.
    pub content: String,
}

/// A Bedrock guardrail.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guardrail {
    /// Its id or ARN.
    pub id: String,
    /// A number, or `DRAFT`.
    pub version: String,
    /// Answers say what it found.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trace: bool,
}

/// Where cache points are set. `{}` is all of it.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// After the system prompt.
    pub system: bool,
    /// After the last message, or one before it (`message_offset`).
    pub messages: bool,
    /// After the tools.
    pub tools: bool,
    /// How many messages before the last one the point of `messages` stands; at most after the first.
    pub message_offset: u32,
    /// Only in prompts of at least this many tokens, as far as can be told.
    pub min_tokens: u32,
    /// For how long, where the model lets one choose; else for its usual five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<CacheTtl>,
}

/// How long a prompt stays in a model's cache.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum CacheTtl {
    /// Five minutes.
    #[serde(rename = "5m")]
    FiveMinutes,
    /// An hour.
    #[serde(rename = "1h")]
    OneHour,
}

/// The least that the first Claude models with caches take:
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html>, 2026-11.
const MIN_TOKENS: u32 = 1_024;

impl Default for Cache {
    fn default() -> Self {
        Self {
            system: true,
            messages: true,
            tools: true,
            message_offset: 0,
            min_tokens: MIN_TOKENS,
            ttl: None,
        }
    }
}
