//! Budgets that come to their soft threshold, or to their end: told once for each counter and window.

use std::fmt;
use std::sync::Arc;

use outcrop_config::{Budget, Secret};
use outcrop_model::PicoUsd;

use super::rule::Rule;
use super::window::{Span, words};

/// What is told of a budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    pub event: Event,
    /// Name of the limit.
    pub limit: String,
    pub webhook: Option<Secret>,
    pub soft: Option<PicoUsd>,
    /// With what requests under way have reserved.
    pub spent: PicoUsd,
    pub budget: PicoUsd,
    /// `day`, `30 minutes`.
    pub window: String,
    /// When it ends, in milliseconds since 1970.
    pub ends: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The soft threshold is reached; requests go on.
    Soft,
    /// It refuses requests.
    Spent,
}

/// Where alerts go, beside the log.
#[derive(Clone)]
pub struct Alerts(Arc<dyn Fn(Alert) + Send + Sync>);

/// A counter with a soft threshold.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    /// Which of the changes made with it concerns it.
    pub(super) index: usize,
    pub(super) counter: Arc<str>,
    pub(super) span: Span,
    pub(super) rule: Arc<Rule>,
}

// === impl Event ===

impl Event {
    pub fn as_str(self) -> &'static str {
        match self {
            Event::Soft => "budget_soft",
            Event::Spent => "budget_spent",
        }
    }

    /// What the shared store knows it by that this was told of a counter in a window.
    pub(super) fn mark(self, counter: &str, span: &Span) -> String {
        format!("{}:{counter}@{}", self.as_str(), span.era())
    }
}

// === impl Alert ===

impl Alert {
    pub(super) fn of(rule: &Rule, budget: &Budget, span: &Span, event: Event) -> Self {
        Self {
            event,
            limit: rule.name.clone(),
            webhook: budget.webhook.clone(),
            soft: budget.soft,
            spent: PicoUsd::ZERO,
            budget: PicoUsd::new(rule.most),
            window: words(rule.window),
            ends: span.gone(span.slot),
        }
    }

    /// How long the window lasts from `now`, in milliseconds.
    pub(super) fn life(&self, now: u64) -> u64 {
        self.ends.map_or(1, |end| end.saturating_sub(now)).max(1)
    }

    /// As the webhook gets it.
    pub fn json(&self) -> serde_json::Value {
        let ends = self
            .ends
            .and_then(|at| jiff::Timestamp::from_millisecond(i64::try_from(at).ok()?).ok());
        serde_json::json!({
            "event": self.event.as_str(),
            "limit": self.limit,
            "spent_usd": self.spent.to_string(),
            "soft_usd": self.soft.map(|soft| soft.to_string()),
            "budget_usd": self.budget.to_string(),
            "window": self.window,
            "ends": ends.map(|ends| ends.to_string()),
        })
    }
}

// === impl Alerts ===

impl Alerts {
    pub fn new(sink: impl Fn(Alert) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Tells `other` too.
    pub fn also(self, other: impl Fn(&Alert) + Send + Sync + 'static) -> Self {
        Self::new(move |alert| {
            other(&alert);
            (self.0)(alert);
        })
    }

    pub(super) fn tell(&self, alert: Alert, spent: u128) {
        let alert = Alert { spent: PicoUsd::new(spent), ..alert };
        tracing::warn!(
            event = alert.event.as_str(),
            limit = alert.limit,
            spent_usd = %alert.spent,
            budget_usd = %alert.budget,
            "a budget is nearly or wholly spent"
        );
        (self.0)(alert);
    }
}

impl Default for Alerts {
    /// To the log alone.
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alerts")
    }
}

// === impl Watch ===

impl Watch {
    pub(super) fn is_reached(&self, spent: u128) -> bool {
        let soft = self.rule.budget().and_then(|budget| budget.soft);
        soft.is_some_and(|soft| spent >= soft.get())
    }

    /// What is told then.
    pub(super) fn alert(&self) -> Option<Alert> {
        Some(Alert::of(&self.rule, self.rule.budget()?, &self.span, Event::Soft))
    }

    pub(super) fn mark(&self) -> String {
        Event::Soft.mark(&self.counter, &self.span)
    }
}
