//! What the families without content blocks share: one prompt text in, one text out.

use crate::words::{Answer, AnswerPart, Part, Role, Stop, Turn};

use super::reader::{Node, Parsed};

/// The answer's text, all text parts in a row. Thinking and tool calls have no place in a plain text.
pub(crate) fn text_of(answer: &Answer) -> String {
    let text = |part: &AnswerPart| match part {
        AnswerPart::Text(text) => Some(text.clone()),
        AnswerPart::Thinking { .. } | AnswerPart::Redacted(_) | AnswerPart::ToolUse { .. } => None,
    };
    answer.parts.iter().filter_map(text).collect()
}

/// The answer's thinking, or nothing.
pub(crate) fn thinking_of(answer: &Answer) -> String {
    let text = |part: &AnswerPart| match part {
        AnswerPart::Thinking { text, .. } => Some(text.clone()),
        AnswerPart::Text(_) | AnswerPart::Redacted(_) | AnswerPart::ToolUse { .. } => None,
    };
    answer.parts.iter().filter_map(text).collect()
}

/// `length` or `stop`, the two words most families have.
pub(crate) fn stop_or_length(stop: &Stop) -> &'static str {
    match stop {
        Stop::MaxTokens => "length",
        Stop::EndTurn | Stop::ToolUse | Stop::StopSequence(_) | Stop::Other(_) => "stop",
    }
}

/// A prompt text of at least one character.
pub(crate) fn prompt_text<'a>(root: &Node<'a>, key: &str) -> Parsed<&'a str> {
    let node = root.need(key)?;
    match node.text()? {
        "" => Err(node.fail("expected minLength: 1, actual: 0")),
        text => Ok(text),
    }
}

pub(crate) fn user_text(text: &str) -> Turn {
    Turn { role: Role::User, parts: vec![Part::Text(text.to_owned())] }
}

/// The number members that steer sampling, each with its closed range.
pub(crate) fn check_numbers(node: &Node<'_>, ranges: &[(&str, f64, f64)]) -> Parsed<()> {
    for (key, low, high) in ranges {
        if let Some(number) = node.get(key) {
            number.within(*low, *high)?;
        }
    }
    Ok(())
}

/// A list of texts that may be absent.
pub(crate) fn texts(node: &Node<'_>, key: &str) -> Parsed<Vec<String>> {
    Ok(node.get(key).map(|list| list.texts()).transpose()?.unwrap_or_default())
}

/// A token limit that may be absent.
pub(crate) fn tokens(node: &Node<'_>, key: &str) -> Parsed<Option<u32>> {
    node.get(key).map(|limit| limit.tokens()).transpose()
}
