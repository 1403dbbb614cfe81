//! What is said when a limit refuses.

use std::sync::Arc;
use std::time::Duration;

use outcrop_model::{ErrorClass, Fault, Phase, PicoUsd};

use super::Refusal;
use super::book::{Claim, Standing};
use super::counters::Answer;
use super::rule::{Measured, Rule};
use super::told::Told;

/// A request in flight may end at any moment; asking more often than this helps nobody.
const IN_FLIGHT_WAIT: Duration = Duration::from_secs(1);

/// Where no limit is reached as far as is known: one of which the request asks for more than this instance
/// may give out while the shared store is away.
pub(super) fn beyond_share<'r>(rules: &[&'r Arc<Rule>], answer: &Answer) -> Option<&'r Rule> {
    if answer.standings.iter().any(is_reached) {
        return None;
    }
    let mut refusing = rules.iter().zip(&answer.standings).filter(|(_, standing)| !standing.fits);
    refusing.next().map(|(rule, _)| &***rule)
}

/// What is said then.
pub(super) fn of_share(rule: &Rule) -> String {
    let (name, allowance) = (&rule.name, rule.allowance());
    format!(
        "The limit `{name}` allows {allowance}. The counters that gateways share are away right now, and this request needs more than this gateway may give out by itself."
    )
}

fn is_reached(standing: &Standing) -> bool {
    !standing.fits && standing.is_spent
}

/// The refusal of the limit that holds out longest, with the names of all that are reached.
pub(super) fn of(
    rules: &[&Arc<Rule>],
    claims: &[Claim],
    answer: &Answer,
    (told, now): (Arc<Told>, u64),
) -> Refusal {
    let mut refusing: Vec<(&Rule, &Claim, &Standing)> = rules
        .iter()
        .zip(claims)
        .zip(&answer.standings)
        .filter(|(_, standing)| is_reached(standing))
        .map(|((rule, claim), standing)| (&***rule, claim, standing))
        .collect();
    for (rule, claim, standing) in &refusing {
        tracing::debug!(
            limit = rule.name,
            counter = &*claim.counter,
            used = %standing.total,
            most = %claim.most,
            asked = %claim.take,
            "a limit refuses a request"
        );
    }
    // What never fits holds out longest of all.
    refusing.sort_by_key(|(_, claim, standing)| {
        (claim.take > claim.most, standing.free_at.unwrap_or(0))
    });
    let limits = refusing.iter().map(|(rule, ..)| rule.name.clone()).collect();
    let fault = match refusing.last() {
        Some((rule, claim, standing)) => fault(rule, claim, standing, now),
        None => Fault::new(ErrorClass::Throttled, Phase::BeforeSend, "A limit refuses this."),
    };
    Refusal { fault, limits, told }
}

fn fault(rule: &Rule, claim: &Claim, standing: &Standing, now: u64) -> Fault {
    let (name, allowance) = (&rule.name, rule.allowance());
    if claim.take > claim.most {
        let asked = amount(rule, claim.take);
        let message = format!(
            "The limit `{name}` allows {allowance}, and this request alone may take {asked}. Ask for less, such as a smaller max_tokens."
        );
        return Fault::new(ErrorClass::QuotaExceeded, Phase::BeforeSend, message);
    }
    let wait = match standing.free_at {
        Some(at) => Duration::from_millis(at.saturating_sub(now).max(1)),
        None => IN_FLIGHT_WAIT,
    };
    let seconds = wait.as_millis().div_ceil(1000);
    let is_spent = matches!(rule.measured, Measured::Money(_)) || claim.span.is_calendar();
    let (class, what) = match is_spent {
        true => (ErrorClass::QuotaSpent, "which is spent"),
        false => (ErrorClass::Throttled, "which is reached"),
    };
    let message =
        format!("The limit `{name}` allows {allowance}, {what}. Try again in {seconds} s.");
    let mut fault = Fault::new(class, Phase::BeforeSend, message);
    fault.retry_after = Some(wait);
    fault
}

fn amount(rule: &Rule, amount: u128) -> String {
    match rule.measured {
        Measured::Money(_) => format!("${}", PicoUsd::new(amount)),
        Measured::Requests
        | Measured::InputTokens
        | Measured::OutputTokens
        | Measured::TotalTokens
        | Measured::CachedInputTokens
        | Measured::CacheWriteTokens
        | Measured::ReasoningTokens
        | Measured::Concurrent
        | Measured::Cel(_) => amount.to_string(),
    }
}
