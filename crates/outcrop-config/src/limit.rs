//! Limits and budgets.

use std::time::Duration;

use outcrop_model::PicoUsd;

use crate::origin::Origin;
use crate::route::{HeaderMatch, Pattern};
use crate::secret::Secret;

/// At most so much of something, for each of those that the selector tells apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// Unique; the stable id of its counters.
    pub name: String,
    pub selector: Selector,
    pub measure: Measure,
    /// In the measure's unit; pico-dollars for money.
    pub amount: u128,
    pub window: Window,
    pub origin: Origin,
}

/// Which requests count, and together with which.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selector {
    /// Names of routes; empty: any.
    pub routes: Vec<String>,
    /// Names of keys; empty: any.
    pub keys: Vec<String>,
    /// Empty: any.
    pub models: Vec<Pattern>,
    /// Tags that the caller must have.
    pub tags: Vec<(String, String)>,
    pub headers: Vec<HeaderMatch>,
    pub unless: Unless,
    /// What is counted apart: each value of each of these has a counter of its own.
    pub per: Vec<Per>,
}

/// Requests that do not count, though all else holds: those for which any of this does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unless {
    /// Names of keys.
    pub keys: Vec<String>,
    pub models: Vec<Pattern>,
    pub headers: Vec<HeaderMatch>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Per {
    Key,
    Route,
    Model,
    Tag(String),
    Header(String),
    /// The address of the client.
    Peer,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    Requests,
    InputTokens,
    OutputTokens,
    TotalTokens,
    CachedInputTokens,
    CacheWriteTokens,
    ReasoningTokens,
    /// Requests in flight; the window does not matter.
    Concurrent,
    /// Pico-dollars.
    Money(Budget),
    /// An expression in CEL over the tokens, as in Envoy AI Gateway's `llmRequestCosts`.
    Cel(String),
}

/// What happens before a budget is spent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Budget {
    /// From here on it is told: by metric, log and webhook.
    pub soft: Option<PicoUsd>,
    pub webhook: Option<Secret>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Any stretch of this length.
    Rolling(Duration),
    Day,
    Week,
    Month,
}

/// Where counters are kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Store {
    /// In memory: a restart forgets.
    #[default]
    Memory,
    /// In one file.
    File(std::path::PathBuf),
    /// In Redis or Valkey, shared between instances.
    Redis { url: Secret, on_loss: OnStoreLoss },
}

/// What holds while the shared store is away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnStoreLoss {
    /// This instance goes on with what it last knew to be left.
    #[default]
    Local,
    /// Requests under a limit are refused.
    Refuse,
}
