//! How requests of a route are treated. `None` everywhere means: as the defaults say.

use std::time::Duration;

use outcrop_model::chat::CacheTtl;
use outcrop_model::{Carrier, Fidelity};

use crate::edit::{BodyEdits, HeaderEdits};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    pub fidelity: Option<Fidelity>,
    pub carrier: Option<Carrier>,
    pub timeouts: Timeouts,
    pub retry: RetryPolicy,
    pub headers: HeaderEdits,
    pub body: BodyEdits,
    pub guardrail: Option<Guardrail>,
    pub cache: Option<CacheRule>,
    /// Whole answers tell what they cost.
    pub cost_header: Option<bool>,
    /// Answers tell which way they came (`x-outcrop-route`).
    pub route_header: Option<bool>,
    /// Header whose value keeps a conversation at one target; a hash of its beginning otherwise.
    pub session_header: Option<String>,
    /// Whether conversations are kept at one target at all.
    pub affinity: Option<bool>,
}

/// Those of one attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AttemptTimeouts {
    pub connect: Option<Duration>,
    pub first_byte: Option<Duration>,
    /// Longest silence within an answer.
    pub idle: Option<Duration>,
    /// All of it.
    pub attempt: Option<Duration>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Option<Duration>,
    pub first_byte: Option<Duration>,
    /// Longest silence within an answer.
    pub idle: Option<Duration>,
    /// One attempt.
    pub attempt: Option<Duration>,
    /// Until an answer begins, all attempts together.
    pub begin: Option<Duration>,
    /// The whole request, all attempts together.
    pub request: Option<Duration>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all at one target, the first included.
    pub attempts: Option<u32>,
    /// Attempts in all, over all targets.
    pub total_attempts: Option<u32>,
    pub base: Option<Duration>,
    pub cap: Option<Duration>,
    /// Upstream statuses to retry beside those of the gateway's own table.
    pub also_on: Vec<u16>,
}

/// A guardrail of Bedrock's for every request of the route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardrail {
    pub id: String,
    pub version: String,
    pub trace: bool,
}

/// Cache points that the gateway sets where callers set none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheRule {
    pub system: bool,
    pub messages: bool,
    pub tools: bool,
    /// The point of messages is after the one that is so many before the last.
    pub message_offset: u32,
    /// Only prompts of at least this many tokens, as far as can be told.
    pub min_tokens: u32,
    pub ttl: CacheTtl,
}
