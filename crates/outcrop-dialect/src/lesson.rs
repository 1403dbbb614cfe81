//! What Bedrock's refusals teach about a model that the catalog does not know, or knows wrongly.
//!
//! 1. A refusal teaches only if it names what it refuses: a member of the body that was sent, a field
//!    of Converse, a beta. Anything else is the caller's to hear.
//! 2. What is learned either changes the model's card, so that `fit` and the relay treat the request
//!    as for any model without the ability, or names members that are cut out of later bodies. Both
//!    are in the ledger of each request that they touch.
//! 3. The conversation is never cut: no member is, without which the model would answer another
//!    question, or do more than it should.

mod place;

use std::borrow::Cow;

use outcrop_model::catalog::{EffortStyle, ForcedTools, Gate, SamplingRule, ThinkingStyle};
use outcrop_model::json::{Members, Str, parse_body};
use outcrop_model::{Card, ErrorClass, Fault, Ledger, Phase};

use crate::gate;
use crate::plan::{Outgoing, Way};
use crate::write::JsonWriter;

/// What is known of one model beyond its card.
#[derive(Debug, Clone)]
pub struct Lesson {
    /// The card with what was learned.
    pub card: Card,
    /// Members of a body that the model does not take.
    refused: Vec<Gate>,
}

/// A text of Bedrock's and what it says about the model.
struct Row {
    /// In lower case; a part of the message.
    text: &'static str,
    fact: fn(&mut Card),
}

/// Sources: Converse's refusals as AWS's troubleshooting pages and public issue threads of gateways
/// quote them; checked 2026-11-21, not tried against a live account.
const ROWS: &[Row] = &[
    row("support the stopsequences field", |card| card.stop_sequences = false),
    row("support the cachepoint field", |card| card.cache = false),
    row("cache_control.ephemeral.ttl: extra inputs", |card| card.cache_one_hour = false),
    row("cache_control.ttl: extra inputs", |card| card.cache_one_hour = false),
    row("support the system field", |card| card.system = false),
    row("support system messages", |card| card.system = false),
    row("support the citationscontent field", |card| card.citations = false),
    row("support the citations field", |card| card.citations = false),
    row("support the reasoningcontent field", |card| card.replay_thinking = false),
    row("support the toolconfig.toolchoice.tool field", |card| {
        card.forced_tools = match card.forced_tools {
            ForcedTools::Named => ForcedTools::Any,
            ForcedTools::Any | ForcedTools::None => ForcedTools::None,
        }
    }),
    row("support the toolconfig.toolchoice.any field", |card| {
        card.forced_tools = ForcedTools::None;
    }),
    row("support the toolconfig.toolchoice field", |card| card.forced_tools = ForcedTools::None),
    row("tool use in streaming mode", |card| card.streamed_tools = false),
    row("strict: extra inputs", |card| card.strict_tools = false),
    row("support the outputconfig", |card| card.json_schema = false),
    row("output_config.format: extra inputs", |card| card.json_schema = false),
    row("schema is too complex", |card| card.json_schema = false),
    row("schema too complex", |card| card.json_schema = false),
    row("output_config.effort: extra inputs", |card| card.effort = EffortStyle::None),
    row("reasoning_effort: extra inputs", |card| card.effort = EffortStyle::None),
    row("thinking: extra inputs", |card| {
        card.thinking = ThinkingStyle::None;
        card.effort = EffortStyle::None;
    }),
    row("`temperature` and `top_p` cannot both be", |card| card.sampling = SamplingRule::One),
    row("`temperature` is deprecated", |card| card.sampling = SamplingRule::None),
];

const fn row(text: &'static str, fact: fn(&mut Card)) -> Row {
    Row { text, fact }
}

/// How the refusal of a member ends, after its place.
const EXTRA_INPUTS: &str = ": Extra inputs are not permitted";
/// How JSON-schema validators refuse a member: `#/place: extraneous key [name] is not permitted`.
const EXTRANEOUS: &str = ": extraneous key [";
/// How Converse refuses a limit above the model's, before the number.
const OUTPUT_LIMIT: &str = "exceeds the model limit of ";
const BETA_FLAG: &str = "invalid beta flag";
/// Members that are not cut: with them goes what was said, or what the model may do.
const CONVERSATION: [&str; 20] = [
    "messages",
    "system",
    "tools",
    "toolConfig",
    "max_tokens",
    "anthropic_version",
    "role",
    "type",
    "content",
    "text",
    "source",
    "data",
    "input",
    "name",
    "id",
    "tool_use_id",
    "input_schema",
    "thinking",
    "signature",
    "safeguards",
];

// === impl Lesson ===

impl Lesson {
    /// Nothing learned yet.
    pub fn of(card: &Card) -> Self {
        Self { card: card.clone(), refused: Vec::new() }
    }

    /// Learns from the refusal of `sent`. `None` if it teaches nothing new.
    pub fn learn(&self, fault: &Fault, sent: &[u8]) -> Option<Self> {
        if !teaches(fault) {
            return None;
        }
        let words = fault.detail.as_deref().unwrap_or(&fault.message);
        let mut next = self.clone();
        let mut new = next.heed_rows(words) | next.heed_limit(words);
        if words.contains(BETA_FLAG) {
            new |= next.heed_betas(words, sent);
        }
        for place in refused_places(words) {
            new |= next.heed_place(&place, sent);
        }
        new.then_some(next)
    }

    /// Facts that a sentence states; whether any is new.
    fn heed_rows(&mut self, words: &str) -> bool {
        let words = words.to_ascii_lowercase();
        let mut card = self.card.clone();
        ROWS.iter().filter(|row| words.contains(row.text)).for_each(|row| (row.fact)(&mut card));
        std::mem::replace(&mut self.card, card) != self.card
    }

    /// The most tokens that the model gives.
    fn heed_limit(&mut self, words: &str) -> bool {
        let Some((_, after)) = words.split_once(OUTPUT_LIMIT) else { return false };
        let number = after.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        let Some(most) = number.parse().ok().filter(|most| *most > 0) else { return false };
        std::mem::replace(&mut self.card.max_output_tokens, most) != most
    }

    /// The betas that the message names, or else all that were sent.
    fn heed_betas(&mut self, words: &str, sent: &[u8]) -> bool {
        let members: Members<'_> = parse_body(sent).unwrap_or_default();
        let list = members.get("anthropic_beta").map_or("[]", |raw| raw.get());
        let sent: Vec<Str<'_>> = serde_json::from_str(list).unwrap_or_default();
        let named: Vec<&str> =
            sent.iter().map(|beta| &*beta.0).filter(|b| words.contains(*b)).collect();
        let refused = match named.is_empty() {
            true => sent.iter().map(|beta| beta.0.to_string()).collect(),
            false => named.into_iter().map(str::to_owned).collect::<Vec<_>>(),
        };
        let new: Vec<String> =
            refused.into_iter().filter(|beta| self.card.accepts_beta(beta)).collect();
        let any = !new.is_empty();
        self.card.refused_betas.extend(new);
        any
    }

    fn heed_place(&mut self, place: &[&str], sent: &[u8]) -> bool {
        let Some(path) = place::of(place, sent) else { return false };
        let is_vital = path.rsplit('.').next().is_some_and(|member| CONVERSATION.contains(&member));
        // The setting of that name, unlike the block's text, can go.
        if is_vital && path != "thinking" || self.refused.iter().any(|g| g.path == path) {
            return false;
        }
        self.refused.push(Gate { path, betas: Vec::new() });
        true
    }

    /// Cuts what the model does not take out of a planned body. Bedrock's own bodies stay as they are.
    pub fn trim(&self, outgoing: &mut Outgoing, ledger: &mut Ledger) {
        if self.refused.is_empty() || matches!(outgoing.way, Way::RelayBedrock(_)) {
            return;
        }
        // A body of ours is an object; were it none, Bedrock would say so.
        let Ok(members) = parse_body::<Members<'_>>(&outgoing.body) else { return };
        let mut out = Vec::with_capacity(outgoing.body.len());
        let mut w = JsonWriter::new(&mut out);
        w.open_object();
        for (key, value) in &members.0 {
            let mut left = Cow::Borrowed(*value);
            if gate::pass(key, &mut left, self.refused.iter(), ledger) {
                w.key_escaped(key);
                w.raw(&left);
            }
        }
        w.close_object();
        outgoing.body = out.into();
    }
}

/// A refusal of the request as such, heard before the client saw anything.
fn teaches(fault: &Fault) -> bool {
    let is_refusal = matches!(
        fault.class,
        ErrorClass::InvalidRequest | ErrorClass::Unsupported | ErrorClass::ModelRejected
    );
    is_refusal && matches!(fault.phase, Phase::AwaitingHead | Phase::BeforeCommit)
}

/// The places that a message refuses, each as its steps.
fn refused_places(words: &str) -> Vec<Vec<&str>> {
    let mut places = Vec::new();
    for (at, _) in words.match_indices(EXTRA_INPUTS) {
        let word = words[..at].rsplit([' ', '\n', ',', '"']).next().unwrap_or_default();
        places.push(word.split('.').collect());
    }
    for (at, found) in words.match_indices(EXTRANEOUS) {
        let pointer = words[..at].rsplit([' ', '\n', '"']).next().unwrap_or_default();
        let name = words[at + found.len()..].split(']').next().unwrap_or_default();
        let steps = pointer.trim_start_matches('#').split('/').filter(|step| !step.is_empty());
        places.push(steps.chain([name]).collect());
    }
    places.retain(|place: &Vec<&str>| place.iter().all(|step| !step.is_empty()));
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_model::Catalog;

    const BODY: &str = r#"{"anthropic_beta":["a-1","context-1m-2025-08-07"],"speed":1,"system":"s","safeguards":{},"thinking":{}}"#;

    fn lesson() -> Lesson {
        Lesson::of(Catalog::built_in().card("anthropic.claude-opus-4-6-v1"))
    }

    fn learn(lesson: &Lesson, words: &str) -> Option<Lesson> {
        let fault = Fault::new(ErrorClass::InvalidRequest, Phase::AwaitingHead, "m");
        lesson.learn(&fault.with_detail(words.to_owned()), BODY.as_bytes())
    }

    #[test]
    fn every_row_teaches_once() {
        for row in ROWS {
            let mut card = Catalog::built_in().card("some.model").clone();
            card.thinking = ThinkingStyle::Adaptive;
            card.effort = EffortStyle::OutputConfig;
            let words = row.text.to_ascii_uppercase();
            let learned = learn(&Lesson::of(&card), &words);
            let learned = learned.unwrap_or_else(|| panic!("{}", row.text));
            assert_ne!(learned.card, card, "{}", row.text);
            // A named tool that is refused leaves any tool to be tried.
            if learned.card.forced_tools != ForcedTools::Any {
                assert!(learn(&learned, &words).is_none(), "{}", row.text);
            }
        }
    }

    #[test]
    fn rule_1_what_names_nothing_teaches_nothing() {
        for words in ["no", "Malformed input request", "nothing: Extra inputs are not permitted"] {
            assert!(learn(&lesson(), words).is_none(), "{words}");
        }
        let late = Fault::new(ErrorClass::InvalidRequest, Phase::Streaming, "m")
            .with_detail("speed: Extra inputs are not permitted");
        assert!(lesson().learn(&late, BODY.as_bytes()).is_none());
    }

    #[test]
    fn several_places_are_learned_at_once_and_only_once() {
        let words =
            "speed: Extra inputs are not permitted, #: extraneous key [thinking] is not permitted";
        let learned = learn(&lesson(), words).unwrap();
        let paths: Vec<_> = learned.refused.iter().map(|gate| gate.path.as_str()).collect();
        assert_eq!(paths, ["speed", "thinking"]);
        assert!(learn(&learned, words).is_none());
    }

    #[test]
    fn a_limit_is_learned_by_its_number() {
        let words = "The maximum tokens you requested exceeds the model limit of 8192. Try again.";
        let learned = learn(&lesson(), words).unwrap();
        assert_eq!(learned.card.max_output_tokens, 8192);
        assert!(learn(&learned, words).is_none());
        assert!(learn(&lesson(), "exceeds the model limit of nothing").is_none());
    }

    #[test]
    fn betas_go_by_name_or_all_at_once() {
        let named = learn(&lesson(), "invalid beta flag: context-1m-2025-08-07").unwrap();
        assert!(!named.card.accepts_beta("context-1m-2025-08-07"));
        assert!(named.card.accepts_beta("compact-2026-01-12"));
        let all = learn(&lesson(), "invalid beta flag").unwrap();
        assert!(!all.card.accepts_beta("context-1m-2025-08-07"));
        assert!(learn(&all, "invalid beta flag").is_none());
    }

    #[test]
    fn rule_3_the_conversation_is_never_cut() {
        assert!(learn(&lesson(), "system: Extra inputs are not permitted").is_none());
        assert!(learn(&lesson(), "safeguards: Extra inputs are not permitted").is_none());
    }
}
