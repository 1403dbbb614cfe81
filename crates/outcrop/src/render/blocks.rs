//! Lines of markdown, read into blocks as CommonMark nests them.
//!
//! Each line is looked at once and in order, so that long answers take no more time than they have lines.

use std::borrow::Cow;

use super::code::Code;
use super::inline::{self, Piece};
use super::text::{Colour, Ink, Span, Style};
use super::wrap::wrap;

/// Columns that text has at the least, however deep it stands.
const NARROWEST: usize = 12;
/// Spaces that make a line code.
const CODE_INDENT: usize = 4;
/// Bytes of a begun line that tell what it begins.
const PEEKED: usize = 64;
const BULLETS: [&str; 3] = ["• ", "◦ ", "▪ "];
const HEADING: Style = Style { bold: true, ..Style::of(Colour::Magenta) };

/// What was read and not yet taken.
pub struct Blocks {
    width: usize,
    ink: Ink,
    open: Vec<Container>,
    leaf: Leaf,
    out: String,
    /// Whether a blank line is due before the next one.
    gap: bool,
    begun: bool,
    /// How many of the open containers were open at the last line, too.
    kept: usize,
}

/// A block that holds others.
enum Container {
    Quote,
    Item {
        /// Columns before its text in what is read.
        indent: usize,
        marker: String,
        is_shown: bool,
    },
}

/// The block that the next line may go on with.
enum Leaf {
    None,
    Paragraph(String),
    Fence { mark: char, length: usize, indent: usize, code: Code },
}

// === impl Blocks ===

impl Blocks {
    pub fn new(width: usize, ink: Ink) -> Self {
        Self {
            width: width.max(NARROWEST),
            ink,
            open: Vec::new(),
            leaf: Leaf::None,
            out: String::new(),
            gap: false,
            begun: false,
            kept: 0,
        }
    }

    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    pub fn end(&mut self) {
        self.close(0);
        *self = Self { out: self.take(), ..Self::new(self.width, self.ink) };
    }

    pub fn line(&mut self, line: &str) {
        let line = self.expanded(line);
        let (matched, mut rest) = self.matched(&line);
        let goes_on = matched == self.open.len();
        if !goes_on {
            if let Leaf::Paragraph(text) = &mut self.leaf
                && !begins_block(rest)
            {
                push_line(text, rest);
                return;
            }
            self.close(matched);
        }
        if let Leaf::Fence { .. } = self.leaf {
            self.code(rest);
            return;
        }
        while let Some((container, inner)) = self.opened(rest) {
            self.finish();
            self.open.push(container);
            rest = inner;
        }
        self.leaf(rest);
    }

    /// Looks at the begin of a line that is not complete: an item or a quote ends the paragraph before it,
    /// whatever else it says.
    pub fn peek(&mut self, begin: &str) {
        if begin.len() > PEEKED || !matches!(self.leaf, Leaf::Paragraph(_)) {
            return;
        }
        let line = self.expanded(begin);
        let (matched, rest) = self.matched(&line);
        let item = list_marker(rest.trim());
        let ends = match matched == self.open.len() {
            true => self.opened(rest).is_some(),
            false => {
                indent_of(rest) < CODE_INDENT && (item.is_some() || rest.trim().starts_with('>'))
            }
        };
        // A mark alone may yet become something else.
        if ends && item.is_none_or(|(_, text)| !text.trim().is_empty()) {
            self.finish();
        }
    }

    /// How many of the open containers go on, and what the line says within them.
    fn matched<'a>(&self, line: &'a str) -> (usize, &'a str) {
        let (mut matched, mut rest) = (0, line);
        while let Some(inner) = self.open.get(matched).and_then(|open| open.strip(rest)) {
            rest = inner;
            matched += 1;
        }
        (matched, rest)
    }

    /// The line with its tabs as spaces; code keeps its own where nothing stands before it.
    fn expanded<'a>(&self, line: &'a str) -> Cow<'a, str> {
        let is_code = matches!(self.leaf, Leaf::Fence { .. });
        if !line.contains('\t') || (is_code && self.open.is_empty()) {
            return Cow::Borrowed(line);
        }
        let (mut out, mut column) = (String::new(), 0);
        for c in line.chars() {
            let columns = if c == '\t' { CODE_INDENT - column % CODE_INDENT } else { 1 };
            match c {
                '\t' => out.extend(std::iter::repeat_n(' ', columns)),
                _ => out.push(c),
            }
            column += columns;
        }
        Cow::Owned(out)
    }

    /// The container that begins here, and what it holds of the line.
    fn opened<'a>(&self, line: &'a str) -> Option<(Container, &'a str)> {
        if indent_of(line) >= CODE_INDENT {
            return None;
        }
        let text = line.trim_start();
        if let Some(inner) = Container::Quote.strip(line) {
            return Some((Container::Quote, inner));
        }
        let in_paragraph = matches!(self.leaf, Leaf::Paragraph(_));
        if is_rule(text) || (in_paragraph && setext(text).is_some()) {
            return None;
        }
        let (marker, rest) = list_marker(text)?;
        let number = marker.trim_end_matches(['.', ')']).parse::<u32>().ok();
        // As CommonMark says: in a paragraph, a number at the begin of a line is seldom a list.
        if in_paragraph && (rest.trim().is_empty() || number.is_some_and(|number| number != 1)) {
            return None;
        }
        let spaces = indent_of(rest);
        let spaces = if rest.trim().is_empty() || spaces > CODE_INDENT { 1 } else { spaces };
        let indent = indent_of(line) + marker.len() + spaces;
        let rest = rest.get(spaces..).unwrap_or("");
        let depth = self.open.iter().filter(|open| matches!(open, Container::Item { .. })).count();
        let (sign, rest) = match number {
            Some(_) => (format!("{marker} "), rest),
            None => bullet(depth, rest),
        };
        Some((Container::Item { indent, marker: sign, is_shown: false }, rest))
    }

    fn leaf(&mut self, line: &str) {
        let text = line.trim();
        if text.is_empty() {
            self.finish();
            self.gap = true;
            return;
        }
        if let Leaf::Paragraph(paragraph) = &mut self.leaf {
            if let Some(level) = setext(line) {
                let heading = std::mem::take(paragraph).replace('\n', " ");
                self.leaf = Leaf::None;
                self.heading(&format!("{level} {}", heading.trim()));
                return;
            }
            if !begins_leaf(line) {
                push_line(paragraph, line);
                return;
            }
            self.finish();
        }
        if indent_of(line) >= CODE_INDENT {
            self.emit(&[Span::new(line, Style::PLAIN)]);
        } else if let Some((mark, length)) = fence(text) {
            let language = text[length..].trim().split([' ', ',', '{', ':']).next().unwrap_or("");
            let code = Code::new(language, self.ink);
            self.emit(&[Span::new(text, Style::DIM)]);
            self.leaf = Leaf::Fence { mark, length, indent: indent_of(line), code };
        } else if is_heading(text) {
            self.heading(text);
        } else if is_rule(text) {
            let rule = "─".repeat(self.room());
            self.emit(&[Span::new(&rule, Style::DIM)]);
        } else {
            self.leaf = Leaf::Paragraph(line.to_owned());
        }
    }

    /// A line within a fence, or the one that ends it.
    fn code(&mut self, line: &str) {
        let Leaf::Fence { mark, length, indent, code } = &mut self.leaf else { return };
        let text = line.trim();
        let closes = indent_of(line) < CODE_INDENT
            && text.len() >= *length
            && text.chars().all(|c| c == *mark);
        if closes {
            self.leaf = Leaf::None;
            self.emit(&[Span::new(text, Style::DIM)]);
            return;
        }
        let line = line.get(indent_of(line).min(*indent)..).unwrap_or("");
        let spans = code.line(line);
        self.emit(&spans);
    }

    fn heading(&mut self, text: &str) {
        let hashes = text.len() - text.trim_start_matches('#').len();
        let mark = format!("{} ", &text[..hashes]);
        let indent = Span::new(&mark, Style::PLAIN).width();
        let room = self.room().saturating_sub(indent).max(NARROWEST);
        let mut lines = Vec::new();
        for piece in inline::pieces(text, room, HEADING) {
            match piece {
                Piece::Line(spans) | Piece::Fixed(spans) => lines.extend(wrap(&spans, room)),
            }
        }
        for (at, line) in lines.into_iter().enumerate() {
            let mark = if at == 0 { mark.clone() } else { " ".repeat(indent) };
            let mark = Span::new(&mark, Style { dim: true, ..HEADING });
            self.emit(&[&[mark][..], &line].concat());
        }
    }

    /// Shows the paragraph, if there is one, and leaves any leaf.
    fn finish(&mut self) {
        let Leaf::Paragraph(text) = std::mem::replace(&mut self.leaf, Leaf::None) else { return };
        let room = self.room();
        for piece in inline::pieces(&text, room, Style::PLAIN) {
            match piece {
                Piece::Fixed(line) => self.emit(&line),
                Piece::Line(spans) => {
                    for line in wrap(&spans, room) {
                        self.emit(&line);
                    }
                }
            }
        }
    }

    /// Ends all containers but the first `left`.
    fn close(&mut self, left: usize) {
        self.finish();
        while self.open.len() > left {
            // An item with nothing in it is there all the same.
            if let Some(Container::Item { is_shown: false, .. }) = self.open.last() {
                self.emit(&[]);
            }
            self.open.pop();
        }
        self.kept = self.kept.min(left);
    }

    /// Columns for text within the open containers.
    fn room(&self) -> usize {
        let taken: usize = self.open.iter().map(Container::width).sum();
        self.width.saturating_sub(taken).max(NARROWEST)
    }

    fn emit(&mut self, line: &[Span]) {
        if std::mem::take(&mut self.gap) && self.begun {
            let mut prefix = String::new();
            for container in &mut self.open[..self.kept] {
                container.begin(self.ink, &mut prefix);
            }
            self.out.push_str(prefix.trim_end());
            self.out.push('\n');
        }
        let mut painted = String::new();
        for container in &mut self.open {
            container.begin(self.ink, &mut painted);
        }
        for span in line {
            span.paint(self.ink, &mut painted);
        }
        self.out.push_str(painted.trim_end());
        self.out.push('\n');
        self.begun = true;
        self.kept = self.open.len();
    }
}

// === impl Container ===

impl Container {
    /// What is within, if the line goes on with this.
    fn strip<'a>(&self, line: &'a str) -> Option<&'a str> {
        match self {
            Container::Quote => {
                let inner = line.trim_start().strip_prefix('>')?;
                (indent_of(line) < CODE_INDENT).then(|| inner.strip_prefix(' ').unwrap_or(inner))
            }
            Container::Item { .. } if line.trim().is_empty() => Some(""),
            Container::Item { indent, .. } => {
                (indent_of(line) >= *indent).then(|| &line[*indent..])
            }
        }
    }

    fn width(&self) -> usize {
        match self {
            Container::Quote => 2,
            Container::Item { marker, .. } => Span::new(marker, Style::PLAIN).width(),
        }
    }

    /// Writes what stands before the next line.
    fn begin(&mut self, ink: Ink, out: &mut String) {
        let width = self.width();
        match self {
            Container::Quote => Span::new("│ ", Style::DIM).paint(ink, out),
            Container::Item { is_shown: true, .. } => out.push_str(&" ".repeat(width)),
            Container::Item { marker, is_shown, .. } => {
                *is_shown = true;
                Span::new(marker, Style::of(Colour::Cyan)).paint(ink, out);
            }
        }
    }
}

/// The sign of an item, and its text; a box to be ticked is a sign of its own.
fn bullet(depth: usize, text: &str) -> (String, &str) {
    for (written, sign) in [("[ ] ", "☐ "), ("[x] ", "☑ "), ("[X] ", "☑ ")] {
        if let Some(rest) = text.strip_prefix(written) {
            return (sign.to_owned(), rest);
        }
    }
    (BULLETS[depth % BULLETS.len()].to_owned(), text)
}

/// Whether this line goes on with no paragraph that was begun further in.
fn begins_block(line: &str) -> bool {
    let text = line.trim();
    let begins_container = text.starts_with('>') || list_marker(text).is_some();
    text.is_empty() || begins_leaf(line) || (indent_of(line) < CODE_INDENT && begins_container)
}

/// Whether this line ends a paragraph and begins another leaf.
fn begins_leaf(line: &str) -> bool {
    let text = line.trim();
    indent_of(line) < CODE_INDENT && (fence(text).is_some() || is_heading(text) || is_rule(text))
}

/// The marker of a list's item, and what is behind it.
fn list_marker(text: &str) -> Option<(&str, &str)> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let length = match text[digits..].chars().next()? {
        '-' | '*' | '+' if digits == 0 => 1,
        '.' | ')' if (1..=9).contains(&digits) => digits + 1,
        _ => return None,
    };
    let (marker, rest) = text.split_at(length);
    (rest.is_empty() || rest.starts_with(' ')).then_some((marker, rest))
}

/// The mark of a fence that opens here, and how long it is.
pub fn fence(text: &str) -> Option<(char, usize)> {
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = text.len() - text.trim_start_matches(mark).len();
    let is_fence = length >= 3 && (mark == '~' || !text[length..].contains('`'));
    is_fence.then_some((mark, length))
}

fn is_heading(text: &str) -> bool {
    let rest = text.trim_start_matches('#');
    (1..=6).contains(&(text.len() - rest.len())) && (rest.is_empty() || rest.starts_with(' '))
}

fn is_rule(text: &str) -> bool {
    let mut marks = text.chars().filter(|c| *c != ' ');
    let first = marks.next();
    matches!(first, Some('-' | '*' | '_'))
        && marks.clone().count() >= 2
        && marks.all(|c| Some(c) == first)
}

/// The level of the heading that the line makes of the paragraph before it.
fn setext(line: &str) -> Option<&'static str> {
    let text = line.trim();
    let is_all = |mark: char| !text.is_empty() && text.chars().all(|c| c == mark);
    match indent_of(line) < CODE_INDENT {
        true if is_all('=') => Some("#"),
        true if is_all('-') => Some("##"),
        true | false => None,
    }
}

fn push_line(paragraph: &mut String, line: &str) {
    paragraph.push('\n');
    paragraph.push_str(line);
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}
