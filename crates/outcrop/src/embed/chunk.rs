//! Cuts a text into chunks.
//!
//! 1. A chunk is a slice of the text, never blank, and no chunk is larger than it may be.
//! 2. What is between chunks is white space; without overlap nothing is in two of them.
//! 3. Cuts are where the strategy says; what is too long for that is cut at the next finer level, between
//!    characters at last.
//! 4. What had to be cut in markdown or code is in no chunk with its neighbours.

mod level;

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use self::level::Level;
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
    use Level::{Block, Character, Item, Line, Paragraph, Section, Sentence, Word};
    let (first, finer): (Level, &[Level]) = match strategy {
        Strategy::None if text.trim().is_empty() => return Vec::new(),
        Strategy::None => return std::iter::once(0..text.len()).collect(),
        Strategy::Sentence => (Sentence, &[Word, Character]),
        Strategy::Paragraph => (Paragraph, &[Sentence, Word, Character]),
        Strategy::Fixed => (Word, &[Character]),
        Strategy::Markdown => (Section, &[Block, Sentence, Word, Character]),
        Strategy::Code => (Item, &[Paragraph, Line, Word, Character]),
    };
    let most = u64::from(size.most) * TOKEN;
    let apart = matches!(strategy, Strategy::Markdown | Strategy::Code);
    // What may share chunks.
    let mut groups: Vec<Vec<Range<usize>>> = vec![Vec::new()];
    for unit in first.units(text) {
        let whole = quarters(text[unit.clone()].trim()) <= most;
        let atoms = divided(text, unit, most, finer).into_iter();
        let atoms = atoms.filter_map(|atom| trimmed(text, atom));
        match groups.last_mut() {
            Some(group) if whole || !apart => group.extend(atoms),
            Some(_) | None => groups.extend([atoms.collect(), Vec::new()]),
        }
    }
    let mut chunks = Vec::new();
    for group in &groups {
        pack(text, group, (most, u64::from(size.overlap) * TOKEN), &mut chunks);
    }
    chunks
}

/// About how many tokens `text` is: not too few for writing systems other than Latin.
pub fn tokens(text: &str) -> u64 {
    quarters(text).div_ceil(TOKEN)
}

fn quarters(text: &str) -> u64 {
    text.chars().map(|c| if c.is_ascii() { 1 } else { TOKEN }).sum()
}

/// Fills new chunks with atoms; none of these is larger than `most`, nor blank at its ends.
fn pack(
    text: &str,
    atoms: &[Range<usize>],
    (most, overlap): (u64, u64),
    chunks: &mut Vec<Range<usize>>,
) {
    // What the chunk at hand holds; the last one of another group is not at hand.
    let mut held = None;
    for atom in atoms {
        let Some(chunk) = chunks.last_mut() else {
            held = Some(quarters(&text[atom.clone()]));
            chunks.push(atom.clone());
            continue;
        };
        // With the white space before it.
        let more = quarters(&text[chunk.end..atom.end]);
        if let Some(held) = held.as_mut().filter(|held| **held + more <= most) {
            *held += more;
            chunk.end = atom.end;
            continue;
        }
        let start = match most.checked_sub(more).filter(|_| held.is_some()) {
            Some(room) => back(text, chunk, overlap.min(room)),
            None => atom.start,
        };
        let white = text[start..].len() - text[start..].trim_start().len();
        let next = start + white..atom.end;
        held = Some(quarters(&text[next.clone()]));
        chunks.push(next);
    }
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

/// `unit`, or its parts at the first of `levels` at which they are short enough.
fn divided(text: &str, unit: Range<usize>, most: u64, levels: &[Level]) -> Vec<Range<usize>> {
    let slice = &text[unit.clone()];
    let Some((level, finer)) = levels.split_first().filter(|_| quarters(slice.trim()) > most)
    else {
        return vec![unit];
    };
    let parts = level.units(slice).into_iter();
    parts
        .flat_map(|part| divided(text, unit.start + part.start..unit.start + part.end, most, finer))
        .collect()
}

/// Without the white space around it; `None` where nothing else is there.
fn trimmed(text: &str, chunk: Range<usize>) -> Option<Range<usize>> {
    let slice = &text[chunk.clone()];
    let start = chunk.start + (slice.len() - slice.trim_start().len());
    let end = chunk.start + slice.trim_end().len();
    (start < end).then_some(start..end)
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
    fn markdown_is_cut_at_headings_and_code_at_what_it_defines() {
        let text = "# A\none\n\n## B\ntwo\n\n```\n# no heading\n\nx\n```\n\n## C\nthree";
        let whole = ["# A\none", "## B\ntwo\n\n```\n# no heading\n\nx\n```", "## C\nthree"];
        assert_eq!(cut(text, Strategy::Markdown, 9), whole);
        // A heading stays with what follows it; what had to be cut stays alone.
        let parts = ["# A\none", "## B\ntwo", "```\n# no heading\n\nx\n```", "## C\nthree"];
        assert_eq!(cut(text, Strategy::Markdown, 6), parts);
        let code = "use a;\n\n/// B.\nfn b() {\n    one;\n\n    two;\n}\n\nfn c() {}\n";
        let items = ["use a;", "/// B.\nfn b() {\n    one;\n\n    two;\n}", "fn c() {}"];
        assert_eq!(cut(code, Strategy::Code, 10), items);
        assert_eq!(cut(code, Strategy::Code, 6)[1..3], ["/// B.\nfn b() {\n    one;", "two;\n}"]);
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
            text in "([a-zé漢🇩🇪}#`-]{0,9}[.!? \n,]{0,3}){0,30}",
            strategy in prop::sample::select(vec![
                Strategy::None, Strategy::Sentence, Strategy::Paragraph, Strategy::Fixed,
                Strategy::Markdown, Strategy::Code,
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
