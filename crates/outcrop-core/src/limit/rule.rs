//! Limits, ready to be asked: which requests they are for, which counter, how much.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use outcrop_config::{
    Budget, Diagnostic, HeaderMatch, Limit, Measure, Pattern, Per, Selector, Severity, Window,
};
use outcrop_model::{Fault, PicoUsd, Usage};

use super::cel::{Expression, Names};
use super::window::{Span, words};
use super::{Expected, Facts};
use crate::pattern::Matcher;

/// One limit.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    /// Of its counter, or what the names of its counters begin with.
    counter: Arc<str>,
    pub(super) selector: Selector,
    headers: Headers,
    models: Vec<Matcher>,
    unless: (Vec<Matcher>, Headers),
    pub(super) measured: Measured,
    pub(super) most: u128,
    pub(super) window: Window,
}

/// Headers and what one of their values must be.
type Headers = Vec<(String, Matcher)>;

/// What is counted.
#[derive(Debug)]
pub(super) enum Measured {
    Requests,
    InputTokens,
    OutputTokens,
    TotalTokens,
    CachedInputTokens,
    CacheWriteTokens,
    ReasoningTokens,
    Concurrent,
    Money(Budget),
    Cel(Expression),
}

/// How much of its limit a request may take before it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    /// It takes no more than was reserved, as far as the estimate holds.
    Bounded,
    /// Nobody can tell: what is reserved is no reason to refuse a request for good.
    Guessed,
}

/// Bytes of a hash that tell values apart.
const HASH_BYTES: usize = 16;

// === impl Rule ===

impl Rule {
    /// # Errors
    /// Says what is wrong, and where.
    pub(super) fn compile(limit: &Limit) -> Result<Self, Diagnostic> {
        let wrong = |what: String, hint: &str| Diagnostic {
            severity: Severity::Error,
            origin: limit.origin.clone(),
            what: format!("limit `{}`: {what}", limit.name),
            hint: Some(hint.to_owned()),
        };
        let measured = match &limit.measure {
            Measure::Requests => Measured::Requests,
            Measure::InputTokens => Measured::InputTokens,
            Measure::OutputTokens => Measured::OutputTokens,
            Measure::TotalTokens => Measured::TotalTokens,
            Measure::CachedInputTokens => Measured::CachedInputTokens,
            Measure::CacheWriteTokens => Measured::CacheWriteTokens,
            Measure::ReasoningTokens => Measured::ReasoningTokens,
            Measure::Concurrent => Measured::Concurrent,
            Measure::Money(budget) => Measured::Money(budget.clone()),
            Measure::Cel(text) => Measured::Cel(Expression::compile(text).map_err(|why| {
                wrong(
                    format!("the expression `{text}` cannot be used: {why}"),
                    "Write CEL that gives a whole number, such as `input_tokens + output_tokens * 3u`; tokens are numbers without sign.",
                )
            })?),
        };
        let matcher = |pattern: &Pattern, of: &str| {
            Matcher::compile(pattern).map_err(|why| {
                wrong(
                    format!("the pattern for {of} cannot be used: {why}"),
                    "Write a regular expression as of Rust's `regex`.",
                )
            })
        };
        let headers = |headers: &[HeaderMatch]| -> Result<Headers, Diagnostic> {
            let one = |header: &HeaderMatch| {
                let matcher = matcher(&header.value, &format!("the header `{}`", header.name))?;
                Ok((header.name.clone(), matcher))
            };
            headers.iter().map(one).collect()
        };
        let models = |models: &[Pattern]| -> Result<Vec<Matcher>, Diagnostic> {
            models.iter().map(|model| matcher(model, "a model")).collect()
        };
        let Selector { unless, .. } = &limit.selector;
        Ok(Self {
            name: limit.name.clone(),
            counter: counter_of(limit),
            selector: limit.selector.clone(),
            headers: headers(&limit.selector.headers)?,
            models: models(&limit.selector.models)?,
            unless: (models(&unless.models)?, headers(&unless.headers)?),
            measured,
            most: limit.amount,
            window: limit.window,
        })
    }

    pub(super) fn applies_to(&self, facts: &Facts<'_>) -> bool {
        let Selector { routes, keys, models: _, tags, headers: _, unless, per: _ } = &self.selector;
        let is_one_of = |names: &[String], name: &str| names.iter().any(|n| n == name);
        let is_key = |keys: &[String]| facts.key.is_some_and(|key| is_one_of(keys, key));
        let is_model = |matchers: &[Matcher]| {
            matchers.iter().any(|matcher| facts.models.iter().any(|name| matcher.matches(name)))
        };
        let has_header = |(name, matcher): &(String, Matcher)| {
            let values = facts.headers.get_all(name.as_str());
            values.iter().any(|v| v.to_str().is_ok_and(|value| matcher.matches(value)))
        };
        let (unless_models, unless_headers) = &self.unless;
        (routes.is_empty() || is_one_of(routes, facts.route))
            && (keys.is_empty() || is_key(keys))
            && (self.models.is_empty() || is_model(&self.models))
            && tags.iter().all(|tag| facts.tags.contains(tag))
            && self.headers.iter().all(has_header)
            && !is_key(&unless.keys)
            && !is_model(unless_models)
            && !unless_headers.iter().any(has_header)
    }

    /// The counter that a request takes from. Values that come from outside, some of them secret, are in
    /// it as a hash.
    pub(super) fn counter(&self, facts: &Facts<'_>) -> Arc<str> {
        if self.selector.per.is_empty() {
            return Arc::clone(&self.counter);
        }
        let mut values = Vec::with_capacity(64);
        for per in &self.selector.per {
            let peer;
            let value = match per {
                Per::Key => facts.key.map(str::as_bytes),
                Per::Route => Some(facts.route.as_bytes()),
                Per::Model => Some(facts.model().as_bytes()),
                Per::Tag(name) => {
                    let tag = facts.tags.iter().find(|(tag, _)| tag == name);
                    tag.map(|(_, value)| value.as_bytes())
                }
                Per::Header(name) => facts.headers.get(name).map(http::HeaderValue::as_bytes),
                Per::Peer => {
                    peer = facts.peer.map(|peer| network(peer).to_string());
                    peer.as_deref().map(str::as_bytes)
                }
            };
            // With its length, so that no two lists of values look the same; none is another than empty.
            let length = value.map_or(u64::MAX, |value| value.len() as u64);
            values.extend_from_slice(&length.to_be_bytes());
            values.extend_from_slice(value.unwrap_or_default());
        }
        let mut name = String::with_capacity(self.counter.len() + 1 + HASH_BYTES * 2);
        name.push_str(&self.counter);
        name.push('/');
        push_hash(&mut name, &values);
        name.into()
    }

    /// Whether it has a counter for each of what clients choose as they like.
    pub(super) fn is_by_clients(&self) -> bool {
        self.selector.per.iter().any(|per| match per {
            // Whether there is such a model is known only after it is counted.
            Per::Header(_) | Per::Model | Per::Peer => true,
            Per::Key | Per::Route | Per::Tag(_) => false,
        })
    }

    pub(super) fn budget(&self) -> Option<&Budget> {
        if let Measured::Money(budget) = &self.measured { Some(budget) } else { None }
    }

    pub(super) fn span(&self, now: u64) -> Span {
        match self.measured {
            Measured::Concurrent => Span::IN_FLIGHT,
            Measured::Requests
            | Measured::InputTokens
            | Measured::OutputTokens
            | Measured::TotalTokens
            | Measured::CachedInputTokens
            | Measured::CacheWriteTokens
            | Measured::ReasoningTokens
            | Measured::Money(_)
            | Measured::Cel(_) => Span::at(self.window, now),
        }
    }

    /// How many count as one where numbers have 64 bits: of money, a billionth of a dollar does.
    pub(super) fn scale(&self) -> u128 {
        const PICO_IN_NANO: u128 = 1000;
        if matches!(self.measured, Measured::Money(_)) { PICO_IN_NANO } else { 1 }
    }

    /// Whether it reads the names of where a request goes.
    pub(super) fn needs_names(&self) -> bool {
        matches!(self.measured, Measured::Cel(_))
    }

    /// Whether it must be known beforehand what a request may use.
    pub(super) fn needs_estimate(&self) -> bool {
        !matches!(self.measured, Measured::Requests | Measured::Concurrent)
    }

    /// What to reserve for a request.
    ///
    /// # Errors
    /// When a budget cannot hold it, since what it costs is not known.
    pub(super) fn expected(&self, expected: &Expected, names: &Names) -> Result<u128, Fault> {
        if let Measured::Money(_) = self.measured {
            let cost = expected.cost.ok_or_else(|| self.unpriced())?;
            return Ok(cost.get());
        }
        let amount = self.count(&expected.usage, None, names).unwrap_or(0);
        Ok(match self.precision() {
            Precision::Bounded => amount,
            Precision::Guessed => amount.min(self.most),
        })
    }

    fn precision(&self) -> Precision {
        match self.measured {
            Measured::Requests
            | Measured::InputTokens
            | Measured::OutputTokens
            | Measured::TotalTokens
            | Measured::Concurrent
            | Measured::Money(_) => Precision::Bounded,
            Measured::CachedInputTokens
            | Measured::CacheWriteTokens
            | Measured::ReasoningTokens
            | Measured::Cel(_) => Precision::Guessed,
        }
    }

    /// What a request took; `None` where that is not known.
    pub(super) fn count(
        &self,
        usage: &Usage,
        cost: Option<PicoUsd>,
        names: &Names,
    ) -> Option<u128> {
        let tokens = match &self.measured {
            Measured::Requests | Measured::Concurrent => 1,
            Measured::InputTokens => usage.prompt(),
            Measured::OutputTokens => usage.output,
            Measured::TotalTokens => usage.total(),
            Measured::CachedInputTokens => usage.cache_read,
            Measured::CacheWriteTokens => usage.cache_write(),
            Measured::ReasoningTokens => usage.reasoning.unwrap_or(0),
            Measured::Money(_) => return cost.map(PicoUsd::get),
            Measured::Cel(expression) => {
                let value = expression.value(usage, names);
                return value
                    .inspect_err(|why| {
                        tracing::warn!(limit = self.name, why, "an expression gave no number");
                    })
                    .ok();
            }
        };
        Some(tokens.into())
    }

    /// `100 requests per minute`.
    pub(super) fn allowance(&self) -> String {
        let amount = match self.measured {
            Measured::Money(_) => format!("${}", PicoUsd::new(self.most)),
            _ => self.most.to_string(),
        };
        match self.unit() {
            "requests at once" => format!("{amount} requests at once"),
            "" => format!("{amount} per {}", words(self.window)),
            unit => format!("{amount} {unit} per {}", words(self.window)),
        }
    }

    fn unit(&self) -> &'static str {
        match self.measured {
            Measured::Requests => "requests",
            Measured::InputTokens => "input tokens",
            Measured::OutputTokens => "output tokens",
            Measured::TotalTokens => "tokens",
            Measured::CachedInputTokens => "cached input tokens",
            Measured::CacheWriteTokens => "tokens written to a cache",
            Measured::ReasoningTokens => "reasoning tokens",
            Measured::Concurrent => "requests at once",
            Measured::Money(_) => "",
            Measured::Cel(_) => "units",
        }
    }

    fn unpriced(&self) -> Fault {
        let message = format!(
            "What this request costs is not known, so the budget `{}` cannot hold it. Ask for another model, or have a price added.",
            self.name
        );
        Fault::invalid("model", message)
    }
}

/// What is counted, in which window, for which limit. A limit that comes to count something else, or in
/// another window, begins anew: what was counted before has another unit, or other slots.
fn counter_of(limit: &Limit) -> Arc<str> {
    let mut name = String::new();
    match &limit.measure {
        Measure::Requests => name.push_str("requests"),
        Measure::InputTokens => name.push_str("input_tokens"),
        Measure::OutputTokens => name.push_str("output_tokens"),
        Measure::TotalTokens => name.push_str("total_tokens"),
        Measure::CachedInputTokens => name.push_str("cached_input_tokens"),
        Measure::CacheWriteTokens => name.push_str("cache_write_tokens"),
        Measure::ReasoningTokens => name.push_str("reasoning_tokens"),
        Measure::Concurrent => name.push_str("concurrent"),
        Measure::Money(_) => name.push_str("money"),
        Measure::Cel(text) => {
            name.push_str("cel ");
            push_hash(&mut name, text.as_bytes());
        }
    }
    // Neither has a colon, so that no name of a limit looks like another limit's counter.
    match (&limit.measure, limit.window) {
        (Measure::Concurrent, _) => name.push(':'),
        (_, Window::Day) => name.push_str(":day:"),
        (_, Window::Week) => name.push_str(":week:"),
        (_, Window::Month) => name.push_str(":month:"),
        (_, Window::Rolling(length)) => {
            // A string takes all that is written to it.
            let _always = write!(name, ":{}ms:", length.as_millis());
        }
    }
    // A slash comes before what is counted apart, and nowhere else.
    for sign in limit.name.chars() {
        match sign {
            '/' => name.push_str("%2F"),
            '%' => name.push_str("%25"),
            sign => name.push(sign),
        }
    }
    name.into()
}

fn push_hash(name: &mut String, of: &[u8]) {
    let hash = digest(&SHA256, of);
    for byte in &hash.as_ref()[..HASH_BYTES] {
        for half in [byte >> 4, byte & 15] {
            name.extend(char::from_digit(half.into(), 16));
        }
    }
}

/// What stands for a client: of IPv6, the network that a customer gets at least, whose addresses are all
/// the customer's (RFC 6177).
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}
