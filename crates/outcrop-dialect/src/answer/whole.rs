//! Whole answers: read, held to the form that was asked for, written in the caller's dialect.

use outcrop_model::{BlockKind, Carrier, ChatResponse, Dialect, ErrorClass, Fault, Ledger, Phase};

use super::{Label, Tally, anthropic_label, openai_label, responses_label, text_label};
use crate::names::ToolNames;
use crate::plan::Way;
use crate::sequencer::unusable;
use crate::structured::Structured;
use crate::{anthropic, converse, openai, responses};

/// A whole answer in the caller's dialect.
#[derive(Debug)]
pub struct Whole {
    /// `None`: the upstream's own bytes.
    pub body: Option<Vec<u8>>,
    pub tally: Tally,
    /// Set when the answer does not have the form that the caller set.
    pub mismatch: Option<Mismatch>,
}

/// An answer in another form than the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where the caller set the form.
    pub path: &'static str,
    pub why: String,
}

/// Turns a whole answer into the caller's.
pub fn whole(way: &Way, body: &[u8], label: &Label, ledger: &mut Ledger) -> Result<Whole, Fault> {
    let relayed = |tally| Ok(Whole { body: None, tally, mismatch: None });
    match way {
        Way::RelayAnthropic => {
            relayed(tally_of(&anthropic::decode_response(body, Phase::BeforeCommit)?))
        }
        Way::RelayChat { .. } => relayed(tally_of(&openai::decode_response(body)?)),
        Way::RelayResponses { .. } => {
            let (usage, stop) = responses::read_whole(body)?;
            relayed(Tally { usage: Some(usage), stop: Some(stop), unknown: 0 })
        }
        Way::RelayBedrock(Carrier::Converse) => {
            relayed(tally_of(&converse::decode_response(body)?))
        }
        Way::RelayBedrock(
            Carrier::Invoke
            | Carrier::CountTokens
            | Carrier::OpenAi
            | Carrier::Anthropic
            | Carrier::Mantle,
        ) => match body.is_empty() {
            true => Err(Fault::new(
                ErrorClass::Garbled,
                Phase::BeforeCommit,
                "The model's answer is empty.",
            )),
            false => relayed(Tally::default()),
        },
        Way::Translate { from, to, names, structured, .. } => {
            let back = Back { from: *from, names, structured: structured.as_ref() };
            translated(back, body, ledger, |response, ledger| match to {
                Dialect::OpenAiChat => {
                    let label = openai_label(label, false, names.call_form());
                    openai::encode_response(response, &label, ledger)
                }
                Dialect::OpenAiText => {
                    openai::text::encode_response(response, &text_label(label, false), ledger)
                }
                Dialect::Responses
                | Dialect::Anthropic
                | Dialect::KongChat
                | Dialect::Converse
                | Dialect::OpenAiEmbeddings
                | Dialect::OpenAiImages
                | Dialect::CohereRerank
                | Dialect::Native => {
                    anthropic::encode_response(response, &anthropic_label(label), ledger)
                }
            })
        }
        Way::Respond { from, names, structured, settings } => {
            let back = Back { from: *from, names, structured: structured.as_ref() };
            translated(back, body, ledger, |response, ledger| {
                responses::encode_response(response, &responses_label(label, settings), ledger)
            })
        }
    }
}

/// What the plan left for the way back.
struct Back<'w> {
    from: Dialect,
    names: &'w ToolNames,
    structured: Option<&'w Structured>,
}

/// Reads the upstream's answer and writes it anew.
fn translated(
    back: Back<'_>,
    body: &[u8],
    ledger: &mut Ledger,
    write: impl FnOnce(&ChatResponse<'_>, &mut Ledger) -> Vec<u8>,
) -> Result<Whole, Fault> {
    let Back { from, names, structured } = back;
    let mut response = decoded(from, body)?;
    let mismatch = structured.and_then(|structured| {
        structured.shape(&mut response, ledger);
        let why = structured.mismatch(&text_of(&response), &response.stop)?;
        Some(Mismatch { path: structured.path, why })
    });
    names.restore_response(&mut response);
    let tally = tally_of(&response);
    Ok(Whole { body: Some(write(&response, ledger)), tally, mismatch })
}

/// Reads the upstream's answer; one that says nothing is a fault.
pub(super) fn decoded(from: Dialect, body: &[u8]) -> Result<ChatResponse<'_>, Fault> {
    let response = match from {
        Dialect::Anthropic => anthropic::decode_response(body, Phase::BeforeCommit)?,
        Dialect::OpenAiChat => openai::decode_response(body)?,
        Dialect::Converse
        | Dialect::OpenAiText
        | Dialect::OpenAiEmbeddings
        | Dialect::CohereRerank
        | Dialect::Responses
        | Dialect::OpenAiImages
        | Dialect::KongChat
        | Dialect::Native => converse::decode_response(body)?,
    };
    if let Some(fault) = unusable(&response.stop).filter(|_| response.blocks.is_empty()) {
        return Err(fault.at_phase(Phase::BeforeCommit));
    }
    Ok(response)
}

fn text_of(response: &ChatResponse<'_>) -> String {
    let texts = response.blocks.iter().filter_map(|block| match &block.kind {
        BlockKind::Text(text) => Some(&**text),
        BlockKind::Media(_)
        | BlockKind::ToolUse(_)
        | BlockKind::ToolResult(_)
        | BlockKind::Thinking { .. }
        | BlockKind::Redacted(_)
        | BlockKind::Foreign { .. } => None,
    });
    texts.collect()
}

fn tally_of(response: &ChatResponse<'_>) -> Tally {
    Tally { usage: Some(response.usage), stop: Some(response.stop.clone()), unknown: 0 }
}
