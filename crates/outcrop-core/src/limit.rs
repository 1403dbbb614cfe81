//! Reserve: limits and budgets, before anything is sent; the truth of it is settled after.
//!
//! 1. A request takes from every limit that is for it, or is refused and takes from none. What is granted
//!    is never more than a limit allows, however many requests come at once and, where counters are
//!    shared, to however many instances.
//! 2. What is reserved is the most that the request may use, as far as that can be told; what it used in
//!    truth takes its place, once, also when the client left. What nobody told stays as reserved. A request
//!    that goes on to another target reserves for that one in the step in which it gives back the rest.
//! 3. No store that fails refuses a request that it should not, unless the operator wants that
//!    ([`outcrop_config::OnStoreLoss::Refuse`]), and none makes a request wait long. What is refused for want of
//!    a store is not told as a limit that is reached.
//! 4. A refusal names the limit, never a key or another value that it is counted by.
//!
//! Rules ([`Rules`]) belong to a configuration; counters ([`Counters`]) outlive it, by the names of limits,
//! what they count and their windows.

mod alert;
mod book;
mod cel;
mod counters;
mod file;
mod refusal;
mod rule;
mod shared;
mod told;
mod webhook;
mod window;

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use outcrop_config::{Diagnostic, Limit};
use outcrop_model::{Fault, PicoUsd, Usage};

use self::book::{Adjustment, Claim};
use self::cel::Names;
use self::counters::{Back, Mode};
use self::rule::{Measured, Rule};
use self::window::Span;

use self::alert::Watch;

pub use self::alert::{Alert, Alerts, Event};
pub(crate) use self::counters::LOOK;
pub use self::counters::{Counters, StoreError, StoreStanding, StoreWish, Timepiece};
pub use self::told::{Told, headers};
pub use self::webhook::posting;

/// What a limit may tell requests apart by.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The name of the caller's key.
    pub key: Option<&'a str>,
    pub tags: &'a [(String, String)],
    pub route: &'a str,
    pub backend: &'a str,
    /// The model as the caller wrote it, as it is called, and as a foundation model: limits may name any,
    /// the last is counted.
    pub models: [&'a str; 3],
    pub headers: &'a HeaderMap,
    /// The client's address.
    pub peer: Option<IpAddr>,
}

/// The most that a request may use, as far as that can be told beforehand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expected {
    pub usage: Usage,
    /// `None` when the model has no known price.
    pub cost: Option<PicoUsd>,
}

/// What a request used in truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// Nothing: it never came to an answer.
    Nothing,
    /// So much, as far as it was told.
    Told { usage: Usage, cost: Option<PicoUsd> },
    /// Nobody told: what was reserved stays.
    Unknown,
}

/// The limits of one configuration.
#[derive(Debug, Default)]
pub struct Rules(Vec<Arc<Rule>>);

/// The limits of one configuration, over the counters of the process.
#[derive(Debug, Clone, Default)]
pub struct Limiter {
    rules: Arc<Rules>,
    counters: Arc<Counters>,
}

/// What a request took; settles once. Dropped before that, what it reserved stays counted, unless it is
/// known how it ends.
#[derive(Debug)]
pub struct Reservation {
    counters: Arc<Counters>,
    mode: Mode,
    /// Empty where no limit reads them.
    names: Names,
    held: Vec<Held>,
    expected: Expected,
    told: Arc<Told>,
    /// What it settles as when it is dropped.
    ends_as: Spent,
    is_settled: bool,
}

#[derive(Debug)]
struct Held {
    rule: Arc<Rule>,
    counter: Arc<str>,
    span: Span,
    taken: u128,
}

/// A refusal, and all that is to be said of it.
#[derive(Debug)]
pub struct Refusal {
    pub fault: Fault,
    /// Names of the limits that refused; none where the shared store was wanting.
    pub limits: Vec<String>,
    pub told: Arc<Told>,
}

// === impl Facts ===

impl<'a> Facts<'a> {
    /// The name by which the model is counted.
    fn model(&self) -> &'a str {
        self.models[2]
    }
}

// === impl Rules ===

impl Rules {
    /// # Errors
    /// All that is wrong with any of them: no limit is left out for being wrong.
    pub fn compile(limits: &[Limit]) -> Result<Self, Vec<Diagnostic>> {
        let (mut rules, mut wrong) = (Vec::new(), Vec::new());
        for limit in limits {
            match Rule::compile(limit) {
                Ok(rule) => rules.push(Arc::new(rule)),
                Err(diagnostic) => wrong.push(diagnostic),
            }
        }
        if wrong.is_empty() { Ok(Self(rules)) } else { Err(wrong) }
    }
}

// === impl Limiter ===

impl Limiter {
    pub fn new(rules: Arc<Rules>, counters: Arc<Counters>) -> Self {
        Self { rules, counters }
    }

    /// Whether any limit must know beforehand what a request may use.
    pub fn needs_estimate(&self) -> bool {
        self.rules.0.iter().any(|rule| rule.needs_estimate())
    }

    /// Takes from all limits that are for the request; `None` when there is none. `expected` is asked for
    /// only when a limit needs it.
    ///
    /// # Errors
    /// When a limit refuses.
    pub async fn reserve(
        &self,
        facts: &Facts<'_>,
        expected: impl FnOnce() -> Expected,
    ) -> Result<Option<Reservation>, Box<Refusal>> {
        self.exchange(None, facts, expected).await
    }

    /// The same in the place of an earlier reservation of the same request, which settles as it ends: in
    /// one step, so that nobody else finds the room between, and the request is counted once.
    ///
    /// # Errors
    /// When a limit refuses; the earlier one is settled all the same.
    pub async fn exchange(
        &self,
        mut earlier: Option<Reservation>,
        facts: &Facts<'_>,
        expected: impl FnOnce() -> Expected,
    ) -> Result<Option<Reservation>, Box<Refusal>> {
        let rules: Vec<&Arc<Rule>> =
            self.rules.0.iter().filter(|rule| rule.applies_to(facts)).collect();
        if rules.is_empty() {
            return Ok(None);
        }
        let names = match rules.iter().any(|rule| rule.needs_names()) {
            true => Names::of(facts),
            false => Names::default(),
        };
        let expected = match rules.iter().any(|rule| rule.needs_estimate()) {
            true => expected(),
            false => Expected::default(),
        };
        let now = self.counters.now();
        let mut claims = Vec::with_capacity(rules.len());
        for rule in &rules {
            let take = rule.expected(&expected, &names).map_err(|fault| {
                let limits = vec![rule.name.clone()];
                Box::new(Refusal { fault, limits, told: Arc::default() })
            })?;
            let counter = self.counters.place(rule, facts);
            let (span, most, scale) = (rule.span(now), rule.most, rule.scale());
            claims.push(Claim { counter, span, most, take, scale });
        }
        let back = earlier.as_mut().map(|earlier| earlier.giving_way_to(&claims));
        let answer = match self.counters.reserve(&claims, back, now).await {
            Ok(answer) => answer,
            Err(fault) => {
                let limits = Vec::new();
                return Err(Box::new(Refusal { fault, limits, told: Arc::default() }));
            }
        };
        let told = Arc::new(Told::of(&rules, &claims, &answer, now));
        let Some(mode) = answer.granted else {
            for ((rule, claim), standing) in rules.iter().zip(&claims).zip(&answer.standings) {
                if standing.is_spent && claim.take <= claim.most {
                    self.counters.tell_spent(rule, claim, standing);
                }
            }
            if let Some(rule) = refusal::beyond_share(&rules, &answer) {
                let fault = self.counters.store_away(&refusal::of_share(rule));
                return Err(Box::new(Refusal { fault, limits: Vec::new(), told: Arc::default() }));
            }
            return Err(Box::new(refusal::of(&rules, &claims, &answer, (told, now))));
        };
        let held = rules.into_iter().zip(claims).map(|(rule, claim)| {
            let Claim { counter, span, take, .. } = claim;
            Held { rule: Arc::clone(rule), counter, span, taken: take }
        });
        let (held, counters) = (held.collect(), Arc::clone(&self.counters));
        let (ends_as, is_settled) = (Spent::Unknown, false);
        Ok(Some(Reservation { counters, mode, names, held, expected, told, ends_as, is_settled }))
    }
}

// === impl Reservation ===

impl Reservation {
    /// Puts the truth in the place of what was reserved.
    pub fn settle(mut self, spent: &Spent) {
        self.settle_once(spent);
    }

    /// So much it used; it settles with that once another takes its place, or it is dropped.
    #[must_use]
    pub fn ending_as(mut self, spent: Spent) -> Self {
        self.ends_as = spent;
        self
    }

    /// The most that was expected; nothing where no limit asked for it.
    pub fn expected(&self) -> &Usage {
        &self.expected.usage
    }

    /// How limits stand.
    pub fn told(&self) -> &Arc<Told> {
        &self.told
    }

    /// What it gives back to a reservation with these claims. A request that goes on is the same request:
    /// where it is counted again, it was not before.
    fn giving_way_to(&mut self, claims: &[Claim]) -> Back<'_> {
        let goes_on = |held: &Held| {
            matches!(held.rule.measured, Measured::Requests)
                && claims.iter().any(|claim| claim.counter == held.counter)
        };
        let changes = self.held.iter().map(|held| match goes_on(held) {
            true => held.adjustment(0),
            false => held.adjustment(held.truth(&self.ends_as, &self.names)),
        });
        Back { mode: &self.mode, changes: changes.collect(), is_done: &mut self.is_settled }
    }

    fn settle_once(&mut self, spent: &Spent) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        let changes: Vec<Adjustment> =
            self.held.iter().map(|held| held.adjustment(held.truth(spent, &self.names))).collect();
        let watches = self.held.iter().enumerate().filter_map(|(index, held)| {
            held.rule.budget()?.soft?;
            let (rule, counter) = (Arc::clone(&held.rule), Arc::clone(&held.counter));
            Some(Watch { index, rule, counter, span: held.span.until(self.counters.now()) })
        });
        self.counters.settle(&self.mode, changes, watches.collect());
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let spent = self.ends_as;
        self.settle_once(&spent);
    }
}

// === impl Held ===

impl Held {
    fn adjustment(&self, truth: u128) -> Adjustment {
        let Self { rule, counter, span, taken } = self;
        let (counter, scale) = (Arc::clone(counter), rule.scale());
        Adjustment { counter, span: *span, taken: *taken, truth, scale }
    }

    /// What it is to be counted as.
    fn truth(&self, spent: &Spent, names: &Names) -> u128 {
        if self.span.is_in_flight() {
            return 0;
        }
        let (usage, cost) = match spent {
            Spent::Unknown => return self.taken,
            Spent::Nothing => (Usage::default(), Some(PicoUsd::ZERO)),
            Spent::Told { usage, cost } => (*usage, *cost),
        };
        let counted = self.rule.count(&usage, cost, names);
        counted.unwrap_or_else(|| {
            tracing::warn!(
                limit = self.rule.name,
                "what a request took is not known: it counts as reserved"
            );
            self.taken
        })
    }
}
