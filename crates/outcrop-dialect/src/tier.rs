//! The service tier in a body or an event, of requests and answers alike.
//!
//! Converse calls it `serviceTier`, OpenAI's and Anthropic's dialects `service_tier`; InvokeModel has a
//! header for it instead. Answers with optimised latency have prices of their own, which nobody lists: they
//! count as served by an unknown tier.

use std::borrow::Cow;

use memchr::memmem;
use outcrop_model::Tier;
use serde::Deserialize;

/// Bedrock's word for the latency that costs more.
pub const OPTIMISED: &str = "optimized";
/// The names that tell a tier, as they stand in JSON.
const MEMBERS: [&[u8]; 3] = [b"\"serviceTier\"", b"\"service_tier\"", b"\"performanceConfig\""];

/// The members that tell it; all else is skipped.
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow, rename = "serviceTier")]
    converse: Option<Named<'a>>,
    #[serde(borrow)]
    service_tier: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "performanceConfig")]
    performance: Option<Performance<'a>>,
    /// Of an event of OpenAI's Responses: the answer.
    #[serde(borrow)]
    response: Option<Response<'a>>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    service_tier: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Performance<'a> {
    #[serde(borrow)]
    latency: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, rename = "type")]
    word: Cow<'a, str>,
}

/// The tier that `json` asks for or tells; `None` when it leaves that to Bedrock or says nothing.
pub fn find(json: &[u8]) -> Option<Tier> {
    let is_there = |name: &&[u8]| memmem::find(json, name).is_some();
    MEMBERS.iter().find(|name| is_there(name))?;
    // Whoever reads the body itself says what is wrong with it.
    let told: Told<'_> = serde_json::from_slice(json).ok()?;
    let latency = told.performance.and_then(|performance| performance.latency);
    if latency.is_some_and(|word| word == OPTIMISED) {
        return Some(Tier::Unknown);
    }
    let inner = told.response.and_then(|response| response.service_tier);
    let word = told.converse.map(|named| named.word).or(told.service_tier).or(inner)?;
    (word != "auto").then(|| Tier::named(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tier_is_found_where_it_stands_and_nowhere_else() {
        for (json, expected) in [
            (r#"{"messages":[],"serviceTier":{"type":"flex"}}"#, Some(Tier::Flex)),
            (r#"{"service_tier":"priority","x":[{"service_tier":"flex"}]}"#, Some(Tier::Priority)),
            (r#"{"usage":{},"serviceTier":{"type":"default"}}"#, Some(Tier::Standard)),
            (r#"{"serviceTier":{"type":"reserved"}}"#, Some(Tier::Unknown)),
            (r#"{"performanceConfig":{"latency":"optimized"}}"#, Some(Tier::Unknown)),
            (
                r#"{"performanceConfig":{"latency":"standard"},"serviceTier":{"type":"flex"}}"#,
                Some(Tier::Flex),
            ),
            (r#"{"performanceConfig":{"latency":"standard"}}"#, None),
            (
                r#"{"type":"response.completed","response":{"service_tier":"flex"}}"#,
                Some(Tier::Flex),
            ),
            (r#"{"service_tier":"auto"}"#, None),
            (r#"{"service_tier":null}"#, None),
            (r#"{"text":"\"serviceTier\""}"#, None),
            (r#"{"usage":{"service_tier":"standard"}}"#, None),
            (r#"{"serviceTier":"#, None),
            ("", None),
        ] {
            assert_eq!(find(json.as_bytes()), expected, "{json}");
        }
    }
}
