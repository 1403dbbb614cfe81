//! Text with a style, and text that a terminal can do no harm with.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

/// Whether styles are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    Colour,
    Plain,
}

/// One of the terminal's own colours: its owner chose them, for a light ground or a dark one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    pub bold: bool,
    pub dim: bool,
    pub italic: bool,
    pub underline: bool,
    pub strike: bool,
    pub colour: Option<Colour>,
}

/// Text of one style, with no control in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    text: String,
    pub style: Style,
}

// === impl Style ===

impl Style {
    pub const PLAIN: Self = Self {
        bold: false,
        dim: false,
        italic: false,
        underline: false,
        strike: false,
        colour: None,
    };
    pub const DIM: Self = Self { dim: true, ..Self::PLAIN };

    pub const fn of(colour: Colour) -> Self {
        Self { colour: Some(colour), ..Self::PLAIN }
    }

    fn codes(self) -> Vec<u8> {
        let Self { bold, dim, italic, underline, strike, colour } = self;
        let flags = [(bold, 1), (dim, 2), (italic, 3), (underline, 4), (strike, 9)];
        let mut codes: Vec<u8> =
            flags.into_iter().filter(|(is_on, _)| *is_on).map(|(_, code)| code).collect();
        codes.extend(colour.map(|colour| match colour {
            Colour::Red => 31,
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Blue => 34,
            Colour::Magenta => 35,
            Colour::Cyan => 36,
        }));
        codes
    }
}

// === impl Span ===

impl Span {
    pub fn new(text: &str, style: Style) -> Self {
        Self { text: neutral(text).into_owned(), style }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.text.width()
    }

    pub fn paint(&self, ink: Ink, out: &mut String) {
        let codes = match ink {
            Ink::Colour => self.style.codes(),
            Ink::Plain => Vec::new(),
        };
        if codes.is_empty() {
            out.push_str(&self.text);
            return;
        }
        let codes: Vec<String> = codes.iter().map(u8::to_string).collect();
        // Writing to a string cannot fail.
        let _infallible = write!(out, "\x1b[{}m{}\x1b[0m", codes.join(";"), self.text);
    }
}

/// The text with signs in the place of controls, but for line ends and tabs. Without it a model's answer
/// could change the title, the clipboard or what was shown before.
pub fn neutral(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| sign(c).is_none()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| sign(c).unwrap_or(c)).collect())
}

/// What stands for a control.
fn sign(c: char) -> Option<char> {
    match c {
        '\n' | '\t' => None,
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)),
        '\x7f' => Some('\u{2421}'),
        // Controls of eight bits; and those that let text be read in another order than it has.
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some(char::REPLACEMENT_CHARACTER)
        }
        _ => None,
    }
}
