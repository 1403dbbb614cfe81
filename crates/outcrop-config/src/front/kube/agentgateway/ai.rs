//! `ai` of a policy: what is done to prompts.

use outcrop_model::chat::CacheTtl;

use super::layers::Layers;
use super::surface::Ends;
use crate::document::Node;
use crate::edit::{BodyEdit, BodyEdits, Message, Mode};
use crate::front::Reading;
use crate::origin::Diagnostic;
use crate::policy::{CacheRule, Guardrail};
use crate::route::Pattern;

/// What holds for a provider.
pub(super) struct Ai {
    pub(super) body: BodyEdits,
    /// Names of models and what they stand for, the most special first.
    pub(super) aliases: Vec<(Pattern, String)>,
    pub(super) guardrail: Option<Guardrail>,
    pub(super) cache: Option<CacheRule>,
    pub(super) ends: Option<Ends>,
}

/// `region`: the provider's.
pub(super) fn of(layers: &Layers<'_>, region: &str, reading: &mut Reading<'_>) -> Ai {
    let get = |member: &str| layers.ai(member);
    let mut body = BodyEdits::new();
    for (member, mode) in [("defaults", Mode::Default), ("overrides", Mode::Override)] {
        if let Some(node) = get(member) {
            body.extend(fields(node, mode, reading));
        }
    }
    // The second name is a TrafficPolicy's.
    if let Some(prompt) = get("prompt").or_else(|| get("promptEnrichment")) {
        let prepend = messages(prompt, "prepend", reading);
        let append = messages(prompt, "append", reading);
        body.push(BodyEdit::Prompt { prepend, append });
    }
    Ai {
        body,
        aliases: get("modelAliases").map(aliases).unwrap_or_default(),
        guardrail: get("promptGuard").and_then(|node| guardrail(node, region, reading)),
        cache: get("promptCaching").map(|node| cache(node, reading)),
        ends: get("routes").map(|node| Ends::of(node, reading)),
    }
}

fn fields(node: &Node, mode: Mode, reading: &mut Reading<'_>) -> BodyEdits {
    let mut edits = BodyEdits::new();
    for field in node.list() {
        let Some(path) = reading.need_str(field, "field").map(str::to_owned) else { continue };
        let Some(value) = field.get("value") else {
            reading.missing(field.origin(), "value");
            continue;
        };
        let own = reading.bool(field, "override").unwrap_or(false);
        let mode = if own { Mode::Override } else { mode };
        edits.push(BodyEdit::Set { path, value: value.value().to_string(), mode });
    }
    edits
}

fn messages(prompt: &Node, key: &str, reading: &mut Reading<'_>) -> Vec<Message> {
    let mut messages = Vec::new();
    for node in reading.list(prompt, key) {
        let role = reading.need_str(node, "role").map(str::to_lowercase);
        let content = reading.need_str(node, "content").map(str::to_owned);
        if let (Some(role), Some(content)) = (role, content) {
            messages.push(Message { role, content });
        }
    }
    messages
}

fn aliases(node: &Node) -> Vec<(Pattern, String)> {
    let pair =
        |entry: &crate::document::Entry| Some((entry.key.clone(), entry.value.text()?.to_owned()));
    let mut aliases: Vec<(String, String)> = node.entries().iter().filter_map(pair).collect();
    aliases.sort_by_key(|(name, _)| (name.contains('*'), std::cmp::Reverse(name.len())));
    aliases.into_iter().map(|(name, model)| (Pattern::with_stars(&name), model)).collect()
}

fn cache(node: &Node, reading: &mut Reading<'_>) -> CacheRule {
    let count = |reading: &mut Reading<'_>, key: &str| {
        reading.int(node, key).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    };
    CacheRule {
        system: reading.bool(node, "cacheSystem").unwrap_or(true),
        messages: reading.bool(node, "cacheMessages").unwrap_or(true),
        tools: reading.bool(node, "cacheTools").unwrap_or(false),
        // There 0 is the message before the last (API reference, checked 2026-11-26).
        message_offset: count(reading, "cacheMessageOffset").unwrap_or(0).saturating_add(1),
        min_tokens: count(reading, "minTokens").unwrap_or(1024),
        ttl: CacheTtl::Default,
    }
}

/// The one guardrail of Bedrock's; other guards are told of.
fn guardrail(node: &Node, region: &str, reading: &mut Reading<'_>) -> Option<Guardrail> {
    let mut found: Option<Guardrail> = None;
    // Older TrafficPolicies have one where there is a list.
    let guards = ["request", "response"].into_iter().filter_map(|key| node.get(key));
    for guard in guards.flat_map(Node::one_or_many) {
        let Some(bedrock) = guard.get("bedrockGuardrails") else {
            let kinds = ["regex", "webhook", "openAIModeration", "moderation", "googleModelArmor"];
            let kind = kinds.into_iter().find(|kind| guard.peek(kind).is_some());
            let what = format!("the guard `{}` is not honoured", kind.unwrap_or("?"));
            let hint = "a guardrail of Bedrock's is: bedrockGuardrails";
            reading.say(Diagnostic::warning(guard.origin(), what).hint(hint));
            guard.dismiss();
            continue;
        };
        if reading.str(bedrock, "action") == Some("Audit") {
            let what = "a guardrail that only watches is not honoured: it is not asked";
            reading.say(Diagnostic::warning(bedrock.origin(), what));
            bedrock.dismiss();
            continue;
        }
        if let Some(other) = reading.str(bedrock, "region").filter(|other| *other != region) {
            let what = format!("a guardrail in {other} cannot judge models in {region}");
            let hint = "Bedrock asks guardrails of the model's own region: make one there";
            reading.say(Diagnostic::error(bedrock.origin(), what).hint(hint));
        }
        let Some(own) = bedrocks(bedrock, reading) else { continue };
        if found.as_ref().is_some_and(|known| *known != own) {
            tell_of_second(bedrock, reading);
        }
        found = Some(own);
    }
    found
}

/// `identifier` and `version`.
pub(super) fn bedrocks(node: &Node, reading: &mut Reading<'_>) -> Option<Guardrail> {
    let id = reading.need_str(node, "identifier")?.to_owned();
    let version = reading.need_str(node, "version")?.to_owned();
    Some(Guardrail { id, version, trace: false })
}

/// Says that a request has one guardrail.
pub(super) fn tell_of_second(node: &Node, reading: &mut Reading<'_>) {
    let what = "Bedrock judges a request by one guardrail, and this is a second";
    reading.say(Diagnostic::error(node.origin(), what).hint("put both into one guardrail"));
}
