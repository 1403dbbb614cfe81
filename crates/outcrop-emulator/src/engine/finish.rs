//! What every engine's draft goes through: stop sequences, the bound on tokens, stop reason, usage.

use super::{Draft, Outcome};
use crate::models::Model;
use crate::tokens;
use crate::words::{Answer, AnswerPart, Prompt, Stop, Usage};

pub(super) fn outcome(draft: Draft, prompt: &Prompt, model: &Model, input: u64) -> Outcome {
    let mut parts = draft.parts;
    let mut stop = draft.stop;
    if let Some(met) = cut_at_sequence(&mut parts, &prompt.stop_sequences) {
        stop = Some(Stop::StopSequence(met));
    }
    let bound = prompt.max_tokens.unwrap_or(model.max_output).min(model.max_output);
    let output = match cut_at_bound(&mut parts, u64::from(bound)) {
        Bounded::Whole(output) => output,
        Bounded::Cut => {
            stop = Some(Stop::MaxTokens);
            u64::from(bound)
        }
    };
    let calls = parts.iter().any(|part| matches!(part, AnswerPart::ToolUse { .. }));
    let stop = stop.unwrap_or(if calls { Stop::ToolUse } else { Stop::EndTurn });
    let usage = Usage { input, output, ..Usage::default() };
    let citation = prompt.citable.clone();
    Outcome { answer: Answer { parts, stop, usage, citation }, raw_events: draft.raw_events }
}

enum Bounded {
    Whole(u64),
    Cut,
}

/// Cuts the answer before the first stop sequence in a text and gives that sequence.
fn cut_at_sequence(parts: &mut Vec<AnswerPart>, sequences: &[String]) -> Option<String> {
    for index in 0..parts.len() {
        let AnswerPart::Text(text) = &mut parts[index] else {
            continue;
        };
        let first = sequences
            .iter()
            .filter_map(|sequence| Some((text.find(sequence.as_str())?, sequence)))
            .min_by_key(|(at, _)| *at);
        if let Some((at, sequence)) = first {
            text.truncate(at);
            let kept = if at == 0 { index } else { index + 1 };
            parts.truncate(kept);
            return Some(sequence.clone());
        }
    }
    None
}

/// Cuts the answer after `bound` tokens. A call that does not fit is left out whole.
fn cut_at_bound(parts: &mut Vec<AnswerPart>, bound: u64) -> Bounded {
    let mut used = 0;
    for index in 0..parts.len() {
        let left = bound - used;
        let cost = cost(&parts[index]);
        if cost <= left {
            used += cost;
            continue;
        }
        let kept = match &mut parts[index] {
            AnswerPart::Text(text) => {
                let length = tokens::cut(text, left).len();
                text.truncate(length);
                !text.is_empty()
            }
            AnswerPart::Thinking { text, .. } => {
                let length = tokens::cut(text, left).len();
                text.truncate(length);
                !text.is_empty()
            }
            AnswerPart::Redacted(_) | AnswerPart::ToolUse { .. } => false,
        };
        parts.truncate(if kept { index + 1 } else { index });
        resign(parts);
        return Bounded::Cut;
    }
    Bounded::Whole(used)
}

/// A thinking text that was cut short is issued with the signature of what is left.
fn resign(parts: &mut [AnswerPart]) {
    if let Some(AnswerPart::Thinking { text, signature }) = parts.last_mut()
        && !signature.is_empty()
    {
        *signature = super::seal::sign(text);
    }
}

fn cost(part: &AnswerPart) -> u64 {
    match part {
        AnswerPart::Text(text) | AnswerPart::Thinking { text, .. } => tokens::count(text),
        AnswerPart::Redacted(bytes) => (bytes.len() as u64).div_ceil(16),
        AnswerPart::ToolUse { name, input, .. } => {
            tokens::count(name) + tokens::count(&input.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&str]) -> Vec<AnswerPart> {
        all.iter().map(|text| AnswerPart::Text((*text).to_owned())).collect()
    }

    #[test]
    fn the_earliest_stop_sequence_wins() {
        let mut parts = texts(&["one", "two END three STOP"]);
        let sequences = ["STOP".to_owned(), "END".to_owned()];
        assert_eq!(cut_at_sequence(&mut parts, &sequences).as_deref(), Some("END"));
        assert!(matches!(&parts[1], AnswerPart::Text(text) if text == "two "));
    }

    #[test]
    fn the_bound_cuts_within_a_text() {
        let mut parts = texts(&["one two", "three four five"]);
        assert!(matches!(cut_at_bound(&mut parts, 3), Bounded::Cut));
        assert!(matches!(&parts[1], AnswerPart::Text(text) if text == "three"));
        assert!(matches!(cut_at_bound(&mut parts, 3), Bounded::Whole(3)));
    }
}
