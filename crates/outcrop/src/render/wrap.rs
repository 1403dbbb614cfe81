//! Lines of no more than so many columns.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::text::{Span, Style};

/// Breaks at spaces and beside wide characters; a word that is longer than a line, wherever it must.
pub fn wrap(spans: &[Span], width: usize) -> Vec<Vec<Span>> {
    let mut lines = Lines { width, ..Lines::default() };
    for span in spans {
        for grapheme in span.text().graphemes(true) {
            match grapheme {
                " " | "\t" => lines.space(span.style),
                _ => lines.grapheme(grapheme, span.style),
            }
        }
    }
    lines.end()
}

#[derive(Default)]
struct Lines {
    width: usize,
    done: Vec<Vec<Span>>,
    line: Row,
    spaces: Row,
    word: Row,
}

#[derive(Default)]
struct Row {
    pieces: Vec<(String, Style)>,
    width: usize,
}

// === impl Lines ===

impl Lines {
    fn space(&mut self, style: Style) {
        self.place();
        self.spaces.push(" ", style);
    }

    fn grapheme(&mut self, grapheme: &str, style: Style) {
        let width = grapheme.width();
        if self.word.width + width > self.width {
            self.place();
        }
        self.word.push(grapheme, style);
        if width > 1 {
            self.place();
        }
    }

    /// Puts the word where there is room for it.
    fn place(&mut self) {
        if self.word.width == 0 && self.word.pieces.is_empty() {
            return;
        }
        let needed = self.line.width + self.spaces.width + self.word.width;
        if needed > self.width && self.line.width > 0 {
            let line = std::mem::take(&mut self.line);
            self.done.push(line.spans());
            self.spaces = Row::default();
        }
        self.line.append(std::mem::take(&mut self.spaces));
        self.line.append(std::mem::take(&mut self.word));
    }

    fn end(mut self) -> Vec<Vec<Span>> {
        self.place();
        self.done.push(self.line.spans());
        self.done
    }
}

// === impl Row ===

impl Row {
    fn push(&mut self, text: &str, style: Style) {
        self.width += text.width();
        match self.pieces.last_mut() {
            Some((last, known)) if *known == style => last.push_str(text),
            Some(_) | None => self.pieces.push((text.to_owned(), style)),
        }
    }

    fn append(&mut self, more: Row) {
        for (text, style) in more.pieces {
            self.push(&text, style);
        }
    }

    fn spans(self) -> Vec<Span> {
        self.pieces.into_iter().map(|(text, style)| Span::new(&text, style)).collect()
    }
}
