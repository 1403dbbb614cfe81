//! What is known of a request when it has ended: exactly one [`Receipt`] each.

use std::sync::Arc;
use std::time::Duration;

use crate::behind::Behind;
use crate::dialect::{Carrier, Dialect};
use crate::fault::ErrorClass;
use crate::ledger::Loss;
use crate::money::PicoUsd;
use crate::price::Tier;
use crate::usage::Usage;

/// Metadata only: no prompt, no answer, no credential.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    pub request_id: String,
    /// Whose key it came with; `None` where none was asked for, or none was valid.
    pub caller: Option<Arc<Caller>>,
    /// What the path asked for, e.g. `chat_completions`.
    pub operation: &'static str,
    pub dialect: Dialect,
    /// The route that took the request, by name.
    pub route: Option<String>,
    /// The backend that was asked last, by name.
    pub backend: Option<String>,
    /// Backends that failed before that one, and why, in order.
    pub failed_over: Vec<(String, ErrorClass)>,
    /// `None` when the request was refused before a carrier was chosen, and for calls beside inference.
    pub carrier: Option<Carrier>,
    /// Model id as the caller wrote it; empty when the body could not be read or the call names none.
    pub model: String,
    /// Model id that Bedrock was asked for, where it is another one.
    pub target: Option<String>,
    /// The model behind the id that Bedrock was asked for, where that id is an ARN that does not name it.
    pub behind: Option<Behind>,
    pub stream: bool,
    /// How often the request was sent to Bedrock.
    pub attempts: u32,
    /// How many of these followed a failed one at the same backend.
    pub retries: u32,
    /// HTTP status that the client saw.
    pub status: u16,
    pub usage: Option<Usage>,
    /// The service tier that Bedrock told, else the one that was asked for.
    pub tier: Option<Tier>,
    /// What the answer cost, as far as it was seen; `None` when that is not known.
    pub cost: Option<PicoUsd>,
    /// Time to the first event for the client.
    pub first_byte: Option<Duration>,
    pub duration: Duration,
    pub outcome: Outcome,
    /// Number of entries in the loss ledger, both ways.
    pub losses: usize,
    /// The first of them, cut: which members, and none of their values.
    pub lost: Vec<Loss>,
    /// Names of the limits that refused the request.
    pub limits: Vec<String>,
    pub upstream_request_id: Option<String>,
    /// For the log: what the upstream really said.
    pub detail: Option<String>,
}

/// Who asked, by the operator's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The key's name.
    pub name: String,
    pub owner: Option<String>,
    pub tags: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The answer is complete; the stop reason when the dialect tells one.
    Completed(Option<String>),
    Failed(ErrorClass),
    /// The client left first.
    ClientLeft,
}

impl Caller {
    /// A caller of whom nothing more is known.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), owner: None, tags: Vec::new() }
    }
}

impl Outcome {
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Completed(_) => "completed",
            Outcome::Failed(class) => class.as_str(),
            Outcome::ClientLeft => "client_left",
        }
    }
}
