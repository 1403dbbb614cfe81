//! Where a text may be cut, by what it consists of.
//!
//! The units of a text are all of it, each byte once.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag};
use unicode_segmentation::UnicodeSegmentation;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// Markdown from a heading to the next.
    Section,
    /// A paragraph, list, table or fenced code of markdown; a heading is in one with what follows it.
    Block,
    /// What code begins at the margin after a blank line, such as a function.
    Item,
    /// Lines up to blank ones, and these.
    Paragraph,
    Line,
    Sentence,
    Word,
    Character,
}

// === impl Level ===

impl Level {
    pub(super) fn units(self, text: &str) -> Vec<Range<usize>> {
        match self {
            Self::Section => cut_at(text, blocks(text).filter(|(_, heading)| *heading).map(start)),
            Self::Block => {
                let mut after_heading = false;
                let mut begins = |(_, heading): &(usize, bool)| {
                    let begins = !after_heading;
                    after_heading = *heading;
                    begins
                };
                cut_at(text, blocks(text).filter(|block| begins(block)).map(start))
            }
            Self::Item => cut_at(text, after_blank(text).filter(|at| is_item(&text[*at..]))),
            Self::Paragraph => cut_at(text, after_blank(text)),
            Self::Line => cut_at(text, text.match_indices('\n').map(|(at, _)| at + 1)),
            Self::Sentence => cut_at(text, text.split_sentence_bound_indices().map(start)),
            Self::Word => cut_at(text, text.split_word_bound_indices().map(start)),
            Self::Character => cut_at(text, text.char_indices().map(start)),
        }
    }
}

/// Where the outermost blocks of markdown begin, and whether they are headings.
fn blocks(text: &str) -> impl Iterator<Item = (usize, bool)> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut depth = 0_usize;
    let outermost = move |(event, range): (Event<'_>, Range<usize>)| {
        let outside = depth == 0;
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _inline => {}
        }
        let heading = matches!(event, Event::Start(Tag::Heading { .. }));
        outside.then_some((range.start, heading))
    };
    Parser::new_ext(text, options).into_offset_iter().filter_map(outermost)
}

/// Where lines begin that come after a blank one and are not blank.
fn after_blank(text: &str) -> impl Iterator<Item = usize> {
    let (mut at, mut after_blank) = (0, false);
    text.split_inclusive('\n').filter_map(move |line| {
        let (start, blank) = (at, line.trim().is_empty());
        at += line.len();
        let begins = after_blank && !blank;
        after_blank = blank;
        begins.then_some(start)
    })
}

/// Whether code begins something here: at the margin, and not with what closes something.
fn is_item(code: &str) -> bool {
    code.starts_with(|c: char| !c.is_whitespace() && !matches!(c, '}' | ')' | ']'))
}

/// What is between the places, which are in order.
fn cut_at(text: &str, places: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut from = 0;
    let mut units = Vec::new();
    for place in places.chain([text.len()]).filter(|place| text.is_char_boundary(*place)) {
        if place > from {
            units.push(from..place);
            from = place;
        }
    }
    units
}

fn start<T>((at, _): (usize, T)) -> usize {
    at
}
