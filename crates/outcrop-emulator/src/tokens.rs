//! The emulated tokeniser: simulated, but the same everywhere.
//!
//! A token is a run of white space followed by at most [`LONGEST`] other characters of one word.
//! Usage, `CountTokens`, `max_tokens` and the chunks of a stream all count with this one rule, so
//! they agree with each other. They do not agree with any real model.

use crate::words::{Part, Prompt};

/// Characters after which a long word is cut.
const LONGEST: usize = 8;
/// What a turn costs besides its parts.
const PER_TURN: u64 = 3;
/// What an image costs, whatever its size.
const PER_IMAGE: u64 = 256;
/// Bytes of any other medium that make a token.
const BYTES_PER_TOKEN: u64 = 16;

/// Cuts a text into its tokens; joined they give the text again.
pub(crate) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::with_capacity(text.len() / 5 + 1);
    let mut start = 0;
    for end in boundaries(text) {
        pieces.push(&text[start..end]);
        start = end;
    }
    pieces
}

/// How many tokens a text has.
pub(crate) fn count(text: &str) -> u64 {
    boundaries(text).count() as u64
}

/// Cuts a text into groups of `size` tokens.
pub(crate) fn groups(text: &str, size: usize) -> Vec<String> {
    pieces(text).chunks(size.max(1)).map(<[&str]>::concat).collect()
}

/// The first `limit` tokens of a text.
pub(crate) fn cut(text: &str, limit: u64) -> &str {
    let end = match limit.checked_sub(1) {
        None => 0,
        Some(index) => {
            boundaries(text).nth(usize::try_from(index).unwrap_or(usize::MAX)).unwrap_or(text.len())
        }
    };
    &text[..end]
}

/// What a whole prompt costs.
pub(crate) fn prompt(prompt: &Prompt) -> u64 {
    let system: u64 = prompt.system.iter().map(|text| count(text)).sum();
    let tools: u64 = prompt
        .tools
        .iter()
        .map(|tool| count(&tool.name) + count(&tool.description) + count(&tool.schema.to_string()))
        .sum();
    let turns: u64 =
        prompt.turns.iter().map(|turn| PER_TURN + turn.parts.iter().map(part).sum::<u64>()).sum();
    system + tools + turns
}

fn part(one: &Part) -> u64 {
    match one {
        Part::Text(text) => count(text),
        Part::Media { kind: "image", .. } => PER_IMAGE,
        Part::Media { bytes, name, .. } => count(name) + (*bytes as u64).div_ceil(BYTES_PER_TOKEN),
        Part::ToolUse { name, input, .. } => count(name) + count(&input.to_string()),
        Part::ToolResult { parts, .. } => parts.iter().map(part).sum(),
        Part::Thinking { text, .. } => count(text),
        Part::Redacted(bytes) => (bytes.len() as u64).div_ceil(BYTES_PER_TOKEN),
        Part::CachePoint => 0,
        Part::Other(word) => count(word),
    }
}

/// The byte index after each token.
fn boundaries(text: &str) -> impl Iterator<Item = usize> + '_ {
    let mut letters = 0;
    let mut chars = text.char_indices().peekable();
    std::iter::from_fn(move || {
        loop {
            let (index, char) = chars.next()?;
            let end = index + char.len_utf8();
            letters = if char.is_whitespace() { 0 } else { letters + 1 };
            let Some((_, next)) = chars.peek() else {
                return Some(end);
            };
            let word_ends = letters > 0 && next.is_whitespace();
            if word_ends || letters == LONGEST {
                letters = 0;
                return Some(end);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_to_the_text() {
        for text in ["", " ", "one", "one two  three\n", "überlänglichstes Wort", "  x"] {
            assert_eq!(pieces(text).concat(), text);
            assert_eq!(pieces(text).len() as u64, count(text));
            assert_eq!(groups(text, 2).concat(), text);
        }
    }

    #[test]
    fn cut_keeps_the_first_tokens() {
        assert_eq!(cut("one two three", 2), "one two");
        assert_eq!(cut("one", 0), "");
        assert_eq!(cut("one", 9), "one");
    }
}
