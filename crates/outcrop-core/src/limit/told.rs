//! How limits stand, in the headers of each dialect.
//!
//! | dialect | headers | reset |
//! |---|---|---|
//! | OpenAI's | `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` | time until all is free: `1s`, `6m0s` |
//! | Anthropic | `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}` | a moment in RFC 3339 |
//! | Bedrock's own, Kong, Cohere | none: AWS sends none, and neither do the others in these dialects | |
//!
//! Of several limits of a kind the one with the least left is told. Source: OpenAI's and Anthropic's pages
//! on rate limits, the API of Bedrock (checked 2026-11-26).

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use outcrop_model::Dialect;

use super::book::{Claim, Standing};
use super::counters::Answer;
use super::rule::{Measured, Rule};

/// What can be told of limits, as of one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    now: u64,
    requests: Option<Left>,
    tokens: Option<Left>,
    input: Option<Left>,
    output: Option<Left>,
}

/// Headers for what is allowed, what is left of it, and when all is free.
type Names = [HeaderName; 3];

const OPENAI: [Names; 2] = [
    [
        HeaderName::from_static("x-ratelimit-limit-requests"),
        HeaderName::from_static("x-ratelimit-remaining-requests"),
        HeaderName::from_static("x-ratelimit-reset-requests"),
    ],
    [
        HeaderName::from_static("x-ratelimit-limit-tokens"),
        HeaderName::from_static("x-ratelimit-remaining-tokens"),
        HeaderName::from_static("x-ratelimit-reset-tokens"),
    ],
];

const ANTHROPIC: [Names; 4] = [
    [
        HeaderName::from_static("anthropic-ratelimit-requests-limit"),
        HeaderName::from_static("anthropic-ratelimit-requests-remaining"),
        HeaderName::from_static("anthropic-ratelimit-requests-reset"),
    ],
    [
        HeaderName::from_static("anthropic-ratelimit-tokens-limit"),
        HeaderName::from_static("anthropic-ratelimit-tokens-remaining"),
        HeaderName::from_static("anthropic-ratelimit-tokens-reset"),
    ],
    [
        HeaderName::from_static("anthropic-ratelimit-input-tokens-limit"),
        HeaderName::from_static("anthropic-ratelimit-input-tokens-remaining"),
        HeaderName::from_static("anthropic-ratelimit-input-tokens-reset"),
    ],
    [
        HeaderName::from_static("anthropic-ratelimit-output-tokens-limit"),
        HeaderName::from_static("anthropic-ratelimit-output-tokens-remaining"),
        HeaderName::from_static("anthropic-ratelimit-output-tokens-reset"),
    ],
];

/// All headers that limits can be told in.
pub fn headers() -> impl Iterator<Item = HeaderName> {
    OPENAI.into_iter().chain(ANTHROPIC).flatten()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Left {
    most: u128,
    remaining: u128,
    /// Milliseconds since 1970.
    reset: u64,
}

// === impl Told ===

impl Told {
    pub(super) fn of(rules: &[&Arc<Rule>], claims: &[Claim], answer: &Answer, now: u64) -> Self {
        let mut told = Self { now, ..Self::default() };
        for ((rule, claim), standing) in rules.iter().zip(claims).zip(&answer.standings) {
            let place = match rule.measured {
                Measured::Requests => &mut told.requests,
                Measured::TotalTokens => &mut told.tokens,
                Measured::InputTokens => &mut told.input,
                Measured::OutputTokens => &mut told.output,
                Measured::CachedInputTokens
                | Measured::CacheWriteTokens
                | Measured::ReasoningTokens
                | Measured::Concurrent
                | Measured::Money(_)
                | Measured::Cel(_) => continue,
            };
            let left = Left::of(claim, standing, answer.granted.is_some(), now);
            if place.is_none_or(|other| left.remaining < other.remaining) {
                *place = Some(left);
            }
        }
        told
    }

    /// Puts what the dialect's clients look for.
    pub fn put(&self, dialect: Dialect, headers: &mut HeaderMap) {
        match dialect {
            Dialect::OpenAiChat
            | Dialect::OpenAiText
            | Dialect::Responses
            | Dialect::OpenAiEmbeddings
            | Dialect::OpenAiImages => self.put_openai(headers),
            Dialect::Anthropic => self.put_anthropic(headers),
            Dialect::KongChat | Dialect::CohereRerank | Dialect::Converse | Dialect::Native => {}
        }
    }

    fn put_openai(&self, headers: &mut HeaderMap) {
        // There is one name for tokens of any kind.
        let tokens = [self.tokens, self.input, self.output];
        let tokens = tokens.into_iter().flatten().min_by_key(|left| left.remaining);
        for (names, left) in OPENAI.iter().zip([self.requests, tokens]) {
            let Some(left) = left else { continue };
            left.put(names, duration(left.reset.saturating_sub(self.now)), headers);
        }
    }

    fn put_anthropic(&self, headers: &mut HeaderMap) {
        for (names, left) in
            ANTHROPIC.iter().zip([self.requests, self.tokens, self.input, self.output])
        {
            let Some(left) = left else { continue };
            left.put(names, moment(left.reset), headers);
        }
    }
}

impl Left {
    fn of(claim: &Claim, standing: &Standing, granted: bool, now: u64) -> Self {
        let used = standing.total.saturating_add(if granted { claim.take } else { 0 });
        let newest =
            if granted && claim.take > 0 { claim.span.gone(claim.span.slot) } else { None };
        Self {
            most: claim.most,
            remaining: claim.most.saturating_sub(used),
            reset: newest.or(standing.empty_at).unwrap_or(now),
        }
    }

    fn put(&self, names: &Names, reset: String, headers: &mut HeaderMap) {
        let Self { most, remaining, reset: _ } = self;
        let values = [most.to_string(), remaining.to_string(), reset];
        for (name, value) in names.iter().zip(values) {
            // They are made here, of letters, digits and signs that headers may hold.
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name.clone(), value);
            }
        }
    }
}

/// As OpenAI writes it: `12ms`, `1s`, `6m0s`, `24h0m0s`.
fn duration(millis: u64) -> String {
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let seconds = millis.div_ceil(1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// In whole seconds, rounded up.
fn moment(millis: u64) -> String {
    let seconds = i64::try_from(millis.div_ceil(1000)).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(dialect: Dialect) -> Vec<String> {
        let left = |most, remaining, reset| Some(Left { most, remaining, reset });
        let told = Told {
            now: 1_000_000,
            requests: left(60, 59, 1_000_500),
            tokens: left(1000, 800, 1_360_000),
            input: None,
            output: left(500, 100, 1_000_000 + 3_600_000),
        };
        let mut headers = HeaderMap::new();
        told.put(dialect, &mut headers);
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            format!("{name}: {}", value.to_str().unwrap())
        };
        headers.iter().map(line).collect()
    }

    #[test]
    fn each_dialect_has_its_own_names() {
        let openai = [
            "x-ratelimit-limit-requests: 60",
            "x-ratelimit-remaining-requests: 59",
            "x-ratelimit-reset-requests: 500ms",
            "x-ratelimit-limit-tokens: 500",
            "x-ratelimit-remaining-tokens: 100",
            "x-ratelimit-reset-tokens: 1h0m0s",
        ];
        let anthropic = [
            "anthropic-ratelimit-requests-limit: 60",
            "anthropic-ratelimit-requests-remaining: 59",
            "anthropic-ratelimit-requests-reset: 1970-01-01T00:16:41Z",
            "anthropic-ratelimit-tokens-limit: 1000",
            "anthropic-ratelimit-tokens-remaining: 800",
            "anthropic-ratelimit-tokens-reset: 1970-01-01T00:22:40Z",
            "anthropic-ratelimit-output-tokens-limit: 500",
            "anthropic-ratelimit-output-tokens-remaining: 100",
            "anthropic-ratelimit-output-tokens-reset: 1970-01-01T01:16:40Z",
        ];
        for dialect in Dialect::ALL {
            let expected: &[&str] = match dialect {
                Dialect::Anthropic => &anthropic,
                Dialect::Converse | Dialect::Native | Dialect::KongChat | Dialect::CohereRerank => {
                    &[]
                }
                _ => &openai,
            };
            assert_eq!(headers(dialect), expected, "{dialect:?}");
        }
    }
}
