//! On what terms a model is asked: settings, cache marks.

use serde_json::{Map, Value, json};

use crate::ask::turn::Talk;
use crate::cli::{Cache, TermsArgs};
use crate::settings::is_preset;

/// Settings of the request: each flag, its member, and what it says.
fn said(args: &TermsArgs) -> impl Iterator<Item = (&'static str, &'static str, Value)> {
    let TermsArgs { service_tier, latency, top_k, seed, cache: _, metadata: _, max_budget_usd: _ } =
        args;
    let latency = latency.as_ref().map(|latency| json!({ "latency": latency }));
    let said = [
        ("service_tier", "service_tier", service_tier.as_deref().map(Value::from)),
        ("latency", "performanceConfig", latency),
        ("top_k", "top_k", top_k.map(Value::from)),
        ("seed", "seed", seed.map(Value::from)),
    ];
    said.into_iter().filter_map(|(flag, name, value)| Some((flag, name, value?)))
}

/// What was said by hand, for a role to keep; what a role cannot keep is told.
pub fn to_keep(args: &TermsArgs) -> Map<String, Value> {
    let by_hand = |flag: &str| !is_preset(flag);
    let lost = [
        ("--cache", by_hand("cache") && args.cache != Cache::Off),
        ("--metadata", by_hand("metadata") && !args.metadata.is_empty()),
        ("--max-budget-usd", by_hand("max_budget_usd") && args.max_budget_usd.is_some()),
    ];
    for (flag, _) in lost.iter().filter(|(_, is_lost)| *is_lost) {
        note!("note: a role does not keep {flag}");
    }
    let kept = said(args).filter(|(flag, ..)| by_hand(flag));
    kept.map(|(_, name, value)| (name.to_owned(), value)).collect()
}

/// Puts the settings and marks into the request. What nobody said by hand gives way to a role, to options and to
/// the conversation so far.
pub fn lay_down(args: &TermsArgs, talk: &mut Talk) {
    for (flag, name, value) in said(args) {
        if !(is_preset(flag) && talk.settings.contains_key(name)) {
            talk.settings.insert(name.to_owned(), value);
        }
    }
    let marks: Map<_, _> =
        args.metadata.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    if !marks.is_empty() {
        talk.settings.insert("metadata".to_owned(), marks.into());
    }
    let mark = match args.cache {
        Cache::Off => return,
        Cache::Auto => json!({ "type": "ephemeral" }),
        Cache::FiveMinutes => json!({ "type": "ephemeral", "ttl": "5m" }),
        Cache::OneHour => json!({ "type": "ephemeral", "ttl": "1h" }),
    };
    let system = talk.messages.iter().position(|message| message["role"] == "system");
    let last = talk.messages.len().checked_sub(1);
    for at in system.into_iter().chain(last) {
        mark_last_part(&mut talk.messages[at], &mark);
    }
}

/// Takes away what is for this request alone, before the conversation is kept.
pub fn lift(args: &TermsArgs, talk: &mut Talk) {
    if !args.metadata.is_empty() {
        talk.settings.remove("metadata");
    }
    let parts = talk.messages.iter_mut().filter_map(|message| message["content"].as_array_mut());
    for part in parts.flatten().filter_map(Value::as_object_mut) {
        part.remove("cache_control");
    }
}

/// What stands before a mark is cached.
fn mark_last_part(message: &mut Value, mark: &Value) {
    if let Some(text) = message["content"].as_str() {
        message["content"] = json!([{ "type": "text", "text": text }]);
    }
    if let Some(part) = message["content"].as_array_mut().and_then(|parts| parts.last_mut()) {
        part["cache_control"] = mark.clone();
    }
}
