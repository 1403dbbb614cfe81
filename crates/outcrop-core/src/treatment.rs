//! How requests of one route are treated: its policy, with the defaults where it says nothing.

use std::time::Duration;

use outcrop_aws::{Backoff, Timeouts};
use outcrop_config::{
    self as config, BodyEdits, CacheRule, Guardrail, HeaderEdits, Policy, RetryPolicy,
};
use outcrop_dialect::cache::CachePoints;
use outcrop_model::{Carrier, Fidelity};

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Treatment {
    pub(crate) fidelity: Fidelity,
    /// The one carrier to use, where the route says so.
    pub(crate) carrier: Option<Carrier>,
    /// Attempts at one target, and the waits between them.
    pub(crate) backoff: Backoff,
    /// Statuses of Bedrock's to retry beside those of the table.
    pub(crate) also_on: Vec<u16>,
    /// Attempts in all, over all targets; `None` where nobody says.
    pub(crate) most_attempts: Option<u32>,
    pub(crate) timeouts: config::Timeouts,
    pub(crate) headers: HeaderEdits,
    pub(crate) body: BodyEdits,
    /// Applied to every chat.
    pub(crate) guardrail: Option<Guardrail>,
    /// Cache points for callers that set none.
    pub(crate) cache: Option<CachePoints>,
    /// Whether whole answers tell what they cost.
    pub(crate) cost_header: bool,
    /// Whether answers tell which way they came.
    pub(crate) route_header: bool,
    pub(crate) session_header: Option<String>,
    /// Whether conversations are kept at one target.
    pub(crate) affinity: bool,
}

// === impl Treatment ===

impl Treatment {
    pub(crate) fn of(policy: &Policy, defaults: &Policy) -> Self {
        let total = policy.retry.total_attempts.or(defaults.retry.total_attempts);
        Self {
            fidelity: policy.fidelity.or(defaults.fidelity).unwrap_or_default(),
            carrier: policy.carrier.or(defaults.carrier),
            backoff: backoff(&policy.retry, &defaults.retry),
            also_on: joined(&defaults.retry.also_on, &policy.retry.also_on),
            most_attempts: total.map(|total| total.max(1)),
            timeouts: merged(policy.timeouts, defaults.timeouts),
            headers: joined(&defaults.headers, &policy.headers),
            body: joined(&defaults.body, &policy.body),
            guardrail: policy.guardrail.clone().or_else(|| defaults.guardrail.clone()),
            cache: policy.cache.or(defaults.cache).map(cache_points),
            cost_header: policy.cost_header.or(defaults.cost_header).unwrap_or(false),
            route_header: policy.route_header.or(defaults.route_header).unwrap_or(false),
            session_header: policy.session_header.clone().or(defaults.session_header.clone()),
            affinity: policy.affinity.or(defaults.affinity).unwrap_or(true),
        }
    }

    /// The limits of one attempt: the route's, else the backend's.
    pub(crate) fn timeouts(&self, backend: Timeouts) -> Timeouts {
        let config::Timeouts { connect, first_byte, idle, attempt, begin: _, request: _ } =
            self.timeouts;
        Timeouts {
            connect: connect.unwrap_or(backend.connect),
            first_byte: first_byte.unwrap_or(backend.first_byte),
            idle: idle.unwrap_or(backend.idle),
            total: attempt.unwrap_or(backend.total),
        }
    }
}

fn cache_points(rule: CacheRule) -> CachePoints {
    let CacheRule { system, messages, tools, message_offset, min_tokens, ttl } = rule;
    let message = messages.then_some(message_offset);
    CachePoints { system, tools, message, min_tokens: min_tokens.into(), ttl }
}

fn joined<T: Clone>(first: &[T], then: &[T]) -> Vec<T> {
    first.iter().chain(then).cloned().collect()
}

fn merged(own: config::Timeouts, default: config::Timeouts) -> config::Timeouts {
    config::Timeouts {
        connect: own.connect.or(default.connect),
        first_byte: own.first_byte.or(default.first_byte),
        idle: own.idle.or(default.idle),
        attempt: own.attempt.or(default.attempt),
        begin: own.begin.or(default.begin),
        request: own.request.or(default.request),
    }
}

fn backoff(retry: &RetryPolicy, defaults: &RetryPolicy) -> Backoff {
    let built_in = Backoff::default();
    let wait =
        |own: Option<Duration>, default: Option<Duration>, last| own.or(default).unwrap_or(last);
    Backoff {
        attempts: retry.attempts.or(defaults.attempts).unwrap_or(built_in.attempts).max(1),
        base: wait(retry.base, defaults.base, built_in.base),
        cap: wait(retry.cap, defaults.cap, built_in.cap),
    }
}
