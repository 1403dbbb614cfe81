//! Fits a chat request to what a model can take, before any encoder spells it.
//!
//! After [`fit`]:
//! 1. the user speaks first, turns alternate, hold at least one block each, and tool results come
//!    first in theirs;
//! 2. `Role::System` turns exist only for models that allow them; system text only where allowed;
//! 3. no block, turn, tool or request has an `extra`; no block is `Foreign`; none is blank text;
//! 4. thinking, effort, sampling, stop sequences, cache marks, schemas and the form of the answer are
//!    such that the model's card accepts them; `max_tokens` is set;
//! 5. tool names and ids are legal for Bedrock;
//! 6. everything that had to change or go is in the ledger.

mod cache;
mod citations;
mod content;
mod foreign;
mod format;
mod pairs;
mod settings;
mod thinking;
mod tools;
mod turns;

use outcrop_model::{At, Card, ChatRequest, Dialect, Extra, Fault, Ledger};

use crate::names::ToolNames;
use crate::structured::Structured;

pub(crate) use cache::MAX_MARKS;
pub(crate) use settings::{fit_sampling, fit_tier, lower_limit};
pub(crate) use thinking::fit as fit_thinking;
pub(crate) use tools::CANNOT_FORCE;
pub(crate) use turns::{OPERATORS_WORD, operators_word};

/// What the request is being fitted to.
#[derive(Debug, Clone, Copy)]
pub struct Target<'c> {
    pub card: &'c Card,
    /// The dialect it will be spelt in.
    pub dialect: Dialect,
}

/// What the way back must know of a fitted request.
#[derive(Debug)]
pub struct Fitted {
    pub names: ToolNames,
    /// Set when the caller set the form of the answer.
    pub structured: Option<Structured>,
}

/// Fits `request` in place. An error means that nothing is left to ask.
pub fn fit(
    request: &mut ChatRequest<'_>,
    target: Target<'_>,
    ledger: &mut Ledger,
) -> Result<Fitted, Fault> {
    account_for(std::mem::take(&mut request.extra), ledger);
    content::fit(request, target, ledger);
    turns::fit(request, target, ledger);
    pairs::fit(request, ledger);
    if request.turns.is_empty() {
        return Err(nothing_left(request.names.turns, ledger));
    }
    // A budget for thinking lies below the limit.
    settings::lower_limit(request, target.card, ledger);
    // Thinking decides which tool choices and which sampling are possible.
    thinking::fit(request, target, ledger);
    let own = format::own_tools(request);
    tools::fit(request, target, ledger);
    // The form may need a tool of its own, beside those that are left.
    let structured = format::fit(request, own, target, ledger);
    settings::fit(request, target, ledger);
    cache::fit(request, target.card, ledger);
    tools::fit_stream(request, target.card, ledger);
    Ok(Fitted { names: ToolNames::legalise(request), structured })
}

/// Members that the caller relies on: without them the answer would not be the one that was asked for.
const RELIED_UPON: [(&str, &str); 3] = [
    ("safeguards", "this model has none of its own that could be asked for"),
    ("guardrailConfig", NO_GUARDRAIL),
    ("guardrail_config", NO_GUARDRAIL),
];
const NO_GUARDRAIL: &str = "guardrails are not set by this dialect; use Bedrock's own API";

/// Members of OpenAI's API that are well known, and that neither Converse nor Anthropic's API has a place
/// for (service model and API reference, checked 2026-11-26).
const WITHOUT_A_PLACE: [(&str, &str); 9] = [
    ("seed", "Bedrock has no seed for this model"),
    ("logit_bias", "Bedrock has no such setting"),
    ("logprobs", "Bedrock tells no probabilities for this model"),
    ("top_logprobs", "Bedrock tells no probabilities for this model"),
    ("frequency_penalty", "Bedrock has no such setting for this model"),
    ("presence_penalty", "Bedrock has no such setting for this model"),
    ("prediction", "Bedrock takes no predicted output"),
    ("verbosity", "Bedrock has no such setting for this model"),
    ("store", "the gateway keeps answers of the Responses API only"),
];

/// Members that the IR has no place for: refused, or dropped with the best reason that there is.
fn account_for(extra: Extra<'_>, ledger: &mut Ledger) {
    let told = |table: &[(&'static str, &'static str)], key: &str| {
        table.iter().find(|(name, _)| *name == key).map(|(_, why)| *why)
    };
    for (key, raw) in extra {
        match (told(&RELIED_UPON, &key), told(&WITHOUT_A_PLACE, &key)) {
            (Some(why), _) => ledger.refused(key, why),
            (None, Some(why)) => ledger.dropped(key, why),
            (None, None) => ledger.extra(At::Root, &vec![(key, raw)]),
        }
    }
}

/// Why there is nothing to send: the first content that had to go, or that there never was any.
fn nothing_left(turns: &'static str, ledger: &Ledger) -> Fault {
    let below = |path: &str| path.starts_with(turns) && path[turns.len()..].starts_with('[');
    match ledger.losses().iter().find(|loss| below(&loss.path)) {
        Some(loss) => {
            let message = format!(
                "{}, and nothing else is left. Send at least one user message with content.",
                loss.why
            );
            Fault::invalid(loss.path.clone(), message)
        }
        None => {
            let message = "holds no content to send. Add at least one non-empty user message.";
            Fault::invalid(turns, message)
        }
    }
}
