//! Cuts a text into chunks.
//!
//! 1. A chunk is a slice of the text, never blank, and no chunk is larger than it may be.
//! 2. What is between chunks is white space; without overlap nothing is in two of them.
//! 3. Cuts are where the strategy says; a sentence or paragraph that is too long is cut between words,
//!    and a word that is too long between characters.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::cli::Strategy;

/// Quarters of a token.
const TOKEN: u64 = 4;

/// Sizes in tokens.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub most: u32,
    pub overlap: u32,
}

/// The chunks of `text`, as ranges of its bytes.
pub fn chunks(text: &str, strategy: Strategy, size: Size) -> Vec<Range<usize>> {
    let most = u64::from(size.most) * TOKEN;
    let units = match strategy {
        Strategy::None if text.trim().is_empty() => return Vec::new(),
        Strategy::None => return std::iter::once(0..text.len()).collect(),
        Strategy::Sentence => text.split_sentence_bound_indices().map(range).collect(),
        Strategy::Paragraph => paragraphs(text),
        Strategy::Fixed => words(text, 0..text.len()),
    };
    let atoms: Vec<Range<usize>> = units
        .into_iter()
        .flat_map(|unit| divided(text, unit, most))
        .filter_map(|atom| trimmed(text, atom))
        .collect();
    pack(text, &atoms, most, u64::from(size.overlap) * TOKEN)
}

/// About how many tokens `text` is: not too few for writing systems other than Latin.
pub fn tokens(text: &str) -> u64 {
    quarters(text).div_ceil(TOKEN)
}

fn quarters(text: &str) -> u64 {
    text.chars().map(|c| if c.is_ascii() { 1 } else { TOKEN }).sum()
}

/// Fills chunks with atoms; none of these is larger than `most`, nor blank at its ends.
fn pack(text: &str, atoms: &[Range<usize>], most: u64, overlap: u64) -> Vec<Range<usize>> {
    let mut chunks: Vec<Range<usize>> = Vec::new();
    let mut held = 0;
    for atom in atoms {
        let Some(chunk) = chunks.last_mut() else {
            held = quarters(&text[atom.clone()]);
            chunks.push(atom.clone());
            continue;
        };
        // With the white space before it.
        let more = quarters(&text[chunk.end..atom.end]);
        if held + more <= most {
            held += more;
            chunk.end = atom.end;
            continue;
        }
        let start = match most.checked_sub(more) {
            Some(room) => back(text, chunk, overlap.min(room)),
            None => atom.start,
        };
        let white = text[start..].len() - text[start..].trim_start().len();
        let next = start + white..atom.end;
        held = quarters(&text[next.clone()]);
        chunks.push(next);
    }
    chunks
}

/// Where the last words of `chunk` begin that have room.
fn back(text: &str, chunk: &Range<usize>, mut room: u64) -> usize {
    let mut start = chunk.end;
    for (at, word) in text[chunk.clone()].split_word_bound_indices().rev() {
        match room.checked_sub(quarters(word)) {
            Some(left) => room = left,
            None => break,
        }
        start = chunk.start + at;
    }
    start
}

/// `unit`, or its words where it is too long, or their characters.
fn divided(text: &str, unit: Range<usize>, most: u64) -> Vec<Range<usize>> {
    if quarters(&text[unit.clone()]) <= most {
        return vec![unit];
    }
    let whole_or_characters = |word: Range<usize>| {
        if quarters(&text[word.clone()]) <= most {
            return vec![word];
        }
        let start = word.start;
        let character = |(at, c): (usize, char)| start + at..start + at + c.len_utf8();
        text[word].char_indices().map(character).collect()
    };
    words(text, unit).into_iter().flat_map(whole_or_characters).collect()
}

fn words(text: &str, within: Range<usize>) -> Vec<Range<usize>> {
    let start = within.start;
    let word = |(at, word): (usize, &str)| start + at..start + at + word.len();
    text[within].split_word_bound_indices().map(word).collect()
}

/// A paragraph ends with the blank lines after it.
fn paragraphs(text: &str) -> Vec<Range<usize>> {
    let mut paragraphs: Vec<Range<usize>> = Vec::new();
    let (mut at, mut after_blank) = (0, false);
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let blank = line.trim().is_empty();
        match paragraphs.last_mut() {
            Some(last) if blank || !after_blank => last.end = end,
            Some(_) | None => paragraphs.push(at..end),
        }
        after_blank = blank;
        at = end;
    }
    paragraphs
}

/// Without the white space around it; `None` where nothing else is there.
fn trimmed(text: &str, chunk: Range<usize>) -> Option<Range<usize>> {
    let slice = &text[chunk.clone()];
    let start = chunk.start + (slice.len() - slice.trim_start().len());
    let end = chunk.start + slice.trim_end().len();
    (start < end).then_some(start..end)
}

fn range((at, slice): (usize, &str)) -> Range<usize> {
    at..at + slice.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop, prop_assert, proptest};

    use super::*;

    fn cut(text: &str, strategy: Strategy, most: u32) -> Vec<&str> {
        let chunks = chunks(text, strategy, Size { most, overlap: 0 });
        chunks.into_iter().map(|chunk| &text[chunk]).collect()
    }

    #[test]
    fn cuts_are_where_the_strategy_says() {
        let text = "One here. Two there!\n\nThree? Four.";
        assert_eq!(cut(text, Strategy::None, 1), [text]);
        assert_eq!(cut(text, Strategy::Sentence, 4), ["One here.", "Two there!", "Three? Four."]);
        assert_eq!(cut(text, Strategy::Paragraph, 6), ["One here. Two there!", "Three? Four."]);
        assert_eq!(cut("aa bb cc dd", Strategy::Fixed, 2), ["aa bb cc", "dd"]);
        assert_eq!(cut("abcdefghij", Strategy::Sentence, 1), ["abcd", "efgh", "ij"]);
        assert_eq!(cut(" \n ", Strategy::None, 9), [""; 0]);
    }

    #[test]
    fn the_next_chunk_begins_with_the_overlap() {
        let text = "Red fox. Big dog. Old cat.";
        let chunks = chunks(text, Strategy::Sentence, Size { most: 4, overlap: 2 });
        let chunks: Vec<&str> = chunks.into_iter().map(|chunk| &text[chunk]).collect();
        assert_eq!(chunks, ["Red fox.", "fox. Big dog.", "dog. Old cat."]);
    }

    proptest! {
        #[test]
        fn chunks_are_the_text(
            text in "([a-zé漢🇩🇪]{0,9}[.!? \n,]{0,3}){0,30}",
            strategy in prop::sample::select(vec![
                Strategy::None, Strategy::Sentence, Strategy::Paragraph, Strategy::Fixed,
            ]),
            most in 1_u32..20,
            overlap in 0_u32..20,
        ) {
            let overlap = overlap.min(most - 1);
            let chunks = chunks(&text, strategy, Size { most, overlap });
            let (mut seen, mut begun) = (0, None);
            for chunk in chunks {
                // Slicing panics where a range is not on characters' borders.
                let slice = &text[chunk.clone()];
                prop_assert!(!slice.trim().is_empty());
                prop_assert!(strategy == Strategy::None || tokens(slice) <= u64::from(most));
                prop_assert!(begun < Some(chunk.start) && chunk.end > seen);
                match chunk.start.checked_sub(seen) {
                    Some(_) => prop_assert!(text[seen..chunk.start].trim().is_empty()),
                    None => {
                        prop_assert!(tokens(&text[chunk.start..seen]) <= u64::from(overlap));
                    }
                }
                begun = Some(chunk.start);
                seen = chunk.end;
            }
            prop_assert!(text[seen..].trim().is_empty());
        }
    }
}
