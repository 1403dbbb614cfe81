//! Sampling, limits and the caller's own metadata.

use std::borrow::Cow;

use outcrop_model::catalog::{SamplingRule, ThinkingStyle, TopKPlace};
use outcrop_model::chat::Thinking;
use outcrop_model::{Card, ChatRequest, Dialect, Ledger};

use super::Target;

/// Bedrock's upper end of `temperature`; OpenAI's goes to 2.
const MAX_TEMPERATURE: f64 = 1.0;
/// Limits of Converse `requestMetadata` (service model, checked 2026-11-21).
const MAX_METADATA_PAIRS: usize = 16;
const MAX_METADATA_TEXT: usize = 256;

pub(super) fn fit(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    fit_sampling(request, target, ledger);
    fit_limit(request, target, ledger);
    fit_stop(request, target, ledger);
    fit_betas(request, target, ledger);
    fit_identity(request, target, ledger);
}

pub(crate) fn fit_sampling(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    if let Some(temperature) = request.temperature.filter(|t| *t > MAX_TEMPERATURE) {
        ledger.approximated(
            "temperature",
            format!("{temperature} lowered to 1, the most that Bedrock takes"),
        );
        request.temperature = Some(MAX_TEMPERATURE);
    }
    let thinks =
        matches!(request.thinking, Some(Thinking::Budget { .. } | Thinking::Adaptive { .. }));
    let anthropic = target.dialect == Dialect::Anthropic;
    // Claude, over whichever carrier.
    let is_exclusive = match target.card.thinking {
        ThinkingStyle::Budget | ThinkingStyle::Adaptive => thinks,
        ThinkingStyle::None | ThinkingStyle::Always | ThinkingStyle::ReasoningConfig => false,
    };
    let rule = if is_exclusive { SamplingRule::None } else { target.card.sampling };
    match rule {
        SamplingRule::All => {}
        SamplingRule::One => {
            // 1 is what the model does anyway, so the other one is what the caller cares about.
            match (request.temperature, request.top_p) {
                (Some(_), Some(1.0)) => request.top_p = None,
                (Some(MAX_TEMPERATURE), Some(_)) => request.temperature = None,
                (Some(_), Some(_)) => {
                    ledger.dropped("top_p", "this model takes temperature or top_p, not both");
                    request.top_p = None;
                }
                (_, None) | (None, _) => {}
            }
        }
        SamplingRule::None => {
            let why = if thinks {
                "not possible while the model thinks"
            } else {
                "this model takes no sampling settings"
            };
            // 1 is what the model does anyway: leaving it out loses nothing.
            if request.temperature.take().is_some_and(|t| t != MAX_TEMPERATURE) {
                ledger.dropped("temperature", why);
            }
            if request.top_p.take().is_some_and(|p| p != 1.0) {
                ledger.dropped("top_p", why);
            }
            if request.top_k.take().is_some() {
                ledger.dropped("top_k", why);
            }
        }
    }
    if !anthropic && target.card.top_k == TopKPlace::None && request.top_k.take().is_some() {
        ledger.dropped("top_k", "this model takes no top_k");
    }
}

/// Agents ask for the most that any model could say; a model refuses more than its own most.
pub(crate) fn lower_limit(request: &mut ChatRequest<'_>, card: &Card, ledger: &mut Ledger) {
    let most = card.max_output_tokens;
    if most > 0 && request.max_tokens.is_some_and(|max| max > most) {
        let why = format!("lowered to {most}, the most that this model gives");
        ledger.approximated(request.names.max_tokens, why);
        request.max_tokens = Some(most);
    }
}

fn fit_limit(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    let max = *request.max_tokens.get_or_insert(target.card.default_max_tokens);
    if max < target.card.min_max_tokens {
        let least = target.card.min_max_tokens;
        ledger.approximated(
            request.names.max_tokens,
            format!("raised to {least}, the least that this model takes"),
        );
        request.max_tokens = Some(least);
    }
}

fn fit_stop(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    request.stop_sequences.retain(|s| !s.is_empty());
    if !request.stop_sequences.is_empty() && !target.card.stop_sequences {
        ledger.dropped(request.names.stop_sequences, "this model takes no stop sequences");
        request.stop_sequences.clear();
    }
    if target.dialect == Dialect::Anthropic
        && request.stop_sequences.iter().any(|s| s.trim().is_empty())
    {
        ledger.dropped(
            request.names.stop_sequences,
            "this model takes no stop sequences of white space",
        );
        request.stop_sequences.retain(|s| !s.trim().is_empty());
    }
}

fn fit_betas(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    let path = request.names.betas;
    request.betas.retain(|beta| {
        let accepted = target.dialect == Dialect::Anthropic && target.card.accepts_beta(beta);
        if !accepted {
            ledger.dropped(path, format!("Bedrock does not take `{beta}` for this model"));
        }
        accepted
    });
    if target.dialect == Dialect::Anthropic {
        add_feature_betas(request, target.card);
    }
}

/// What the request uses that the model takes only with a beta.
fn add_feature_betas(request: &mut ChatRequest<'_>, card: &Card) {
    let effort = request.effort.as_ref().map(|_| "output_config.effort".to_owned());
    let kinds = request.tools.iter().filter_map(|tool| tool.vendor.as_ref());
    let paths = effort.into_iter().chain(kinds.map(|(kind, _)| format!("tools[{kind}]")));
    let needed: Vec<String> =
        paths.filter_map(|path| card.feature_beta(&path).map(str::to_owned)).collect();
    for beta in needed {
        if !request.betas.contains(&Cow::Borrowed(&*beta)) {
            request.betas.push(Cow::Owned(beta));
        }
    }
}

fn fit_identity(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    if target.dialect == Dialect::Converse && request.user.take().is_some() {
        ledger.dropped(request.names.user, "Bedrock takes no end-user id for this model");
    }
    if request.metadata.len() > MAX_METADATA_PAIRS {
        ledger.dropped("metadata", format!("Bedrock takes {MAX_METADATA_PAIRS} pairs at most"));
        request.metadata.clear();
    }
    request.metadata.retain(|(key, value)| {
        let legal = !key.is_empty() && is_metadata(key) && is_metadata(value);
        if !legal {
            ledger.dropped(
                format!("metadata.{key}"),
                "holds characters or a length that Bedrock does not take",
            );
        }
        legal
    });
    fit_tier(request, ledger);
}

fn is_metadata(text: &str) -> bool {
    text.len() <= MAX_METADATA_TEXT
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b" \t:_@$#=/+,-.".contains(&b))
}

/// `auto` and `default` are what Bedrock does unasked.
pub(crate) fn fit_tier(request: &mut ChatRequest<'_>, ledger: &mut Ledger) {
    match request.service_tier.as_deref() {
        None | Some("flex" | "priority" | "reserved") => {}
        Some("auto" | "default" | "standard" | "standard_only") => request.service_tier = None,
        Some(_) => {
            ledger.dropped("service_tier", "not a tier of Bedrock");
            request.service_tier = None;
        }
    }
}
