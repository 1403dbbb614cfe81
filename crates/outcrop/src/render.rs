//! Markdown for a terminal, as it comes.
//!
//! 1. A block (paragraph, item, line of code, table) is given out when it is complete; nothing that was given
//!    out changes. No cursor is moved and nothing is asked of the terminal, so it works in any, over any line.
//! 2. How the text is cut into pieces changes nothing.
//! 3. No character of the text reaches the terminal as an order: controls are shown as signs.
//! 4. No word is lost: what is no markdown is shown as it is written.
//!
//! Does not do: links by reference to what is said later; they stay as they are written.

mod blocks;
mod code;
mod inline;
mod text;
mod wrap;

use self::blocks::Blocks;
pub use self::blocks::fence;
pub use self::text::{Ink, neutral};

/// Columns where nothing tells how wide the terminal is.
const WIDTH: usize = 80;

/// A text on its way to a terminal.
pub struct Markdown {
    /// The line that is not complete.
    line: String,
    blocks: Blocks,
}

// === impl Markdown ===

impl Markdown {
    /// For a terminal of `width` columns.
    pub fn new(width: usize, ink: Ink) -> Self {
        Self { line: String::new(), blocks: Blocks::new(width, ink) }
    }

    /// Takes the next piece of the text, and gives what can be shown by now.
    pub fn push(&mut self, text: &str) -> String {
        for piece in text.split_inclusive('\n') {
            self.line.push_str(piece);
            if let Some(line) = self.line.strip_suffix('\n') {
                self.blocks.line(line.strip_suffix('\r').unwrap_or(line));
                self.line.clear();
            }
        }
        self.blocks.peek(&self.line);
        self.blocks.take()
    }

    /// The rest; the next text begins afresh.
    pub fn end(&mut self) -> String {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.blocks.line(&line);
        }
        self.blocks.end();
        self.blocks.take()
    }
}

/// How many columns the terminal has.
pub fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(WIDTH, |(width, _)| usize::from(width.0))
}

#[cfg(test)]
mod tests;
