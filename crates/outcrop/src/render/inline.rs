//! What stands in a paragraph, a heading or a table.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use pulldown_cmark::{Alignment, CowStr, Event, Options, Parser, Tag, TagEnd};

use super::text::{Colour, Span, Style};

/// Part of a block.
pub enum Piece {
    /// A line of the text, to be wrapped.
    Line(Vec<Span>),
    /// A line that is as wide as it is.
    Fixed(Vec<Span>),
}

/// Reads the text of one block, with no other blocks in it.
pub fn pieces(text: &str, width: usize, base: Style) -> Vec<Piece> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut reader = Reader::new(width, base);
    let (mut depth, mut read) = (0, 0);
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        if depth == 0 {
            reader.unread(text.get(read..range.start));
            read = range.end;
        }
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
        reader.event(event);
    }
    reader.unread(text.get(read..));
    reader.pieces
}

struct Reader {
    width: usize,
    pieces: Vec<Piece>,
    line: Vec<Span>,
    /// The innermost last.
    styles: Vec<Style>,
    /// Address and text of the links that are open.
    links: Vec<(String, String)>,
    alignments: Vec<Alignment>,
    rows: Vec<Vec<String>>,
    cell: Option<String>,
}

// === impl Reader ===

impl Reader {
    fn new(width: usize, base: Style) -> Self {
        Self {
            width,
            pieces: Vec::new(),
            line: Vec::new(),
            styles: vec![base],
            links: Vec::new(),
            alignments: Vec::new(),
            rows: Vec::new(),
            cell: None,
        }
    }

    fn event(&mut self, event: Event<'_>) {
        let style = self.style();
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.said(&text, style);
            }
            Event::Code(text) => self.said(&text, Style { colour: Some(Colour::Cyan), ..style }),
            Event::Html(text) => self.said(&text, Style::DIM),
            Event::InlineHtml(text) if is_break(&text) => self.break_line(),
            Event::InlineHtml(text) | Event::FootnoteReference(text) => {
                self.said(&text, Style::DIM)
            }
            // Models break lines where they mean it.
            Event::SoftBreak | Event::HardBreak => self.break_line(),
            Event::Rule => self.said("───", Style::DIM),
            Event::TaskListMarker(is_done) => self.said(if is_done { "☑ " } else { "☐ " }, style),
        }
    }

    /// Definitions of links: no part of the text to who reads markdown, but links to them stand elsewhere.
    fn unread(&mut self, text: Option<&str>) {
        self.end_line();
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            self.text(text.trim_matches('\n'), Style::DIM);
            self.end_line();
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        let style = self.style();
        let inner = match tag {
            Tag::Emphasis => Style { italic: true, ..style },
            Tag::Strong => Style { bold: true, ..style },
            Tag::Strikethrough => Style { strike: true, ..style },
            Tag::Link { dest_url, .. } => {
                self.links.push((dest_url.into_string(), String::new()));
                Style { underline: true, ..style }
            }
            Tag::Image { dest_url, .. } => {
                self.links.push((dest_url.into_string(), String::new()));
                self.said("image: ", Style::DIM);
                Style { italic: true, ..style }
            }
            Tag::Table(alignments) => {
                self.end_line();
                self.alignments = alignments;
                style
            }
            Tag::TableHead | Tag::TableRow => {
                self.rows.push(Vec::new());
                style
            }
            Tag::TableCell => {
                self.cell = Some(String::new());
                style
            }
            // None comes here, unless the text was read in two ways; then nothing is lost.
            Tag::BlockQuote(_) => {
                self.said("> ", style);
                style
            }
            Tag::Item => {
                self.said("• ", style);
                style
            }
            Tag::Paragraph
            | Tag::Heading { .. }
            | Tag::CodeBlock(_)
            | Tag::HtmlBlock
            | Tag::List(_)
            | Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => style,
        };
        self.styles.push(inner);
    }

    fn end(&mut self, tag: TagEnd) {
        self.styles.pop();
        match tag {
            TagEnd::Link | TagEnd::Image => self.end_link(),
            TagEnd::TableCell => {
                let cell = self.cell.take();
                self.rows.last_mut().into_iter().for_each(|row| row.extend(cell.clone()));
            }
            TagEnd::Table => {
                let table = table(std::mem::take(&mut self.rows), &self.alignments, self.width);
                let lines =
                    table.lines().map(|line| Piece::Fixed(vec![Span::new(&line, Style::PLAIN)]));
                self.pieces.extend(lines);
            }
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::HtmlBlock => self.end_line(),
            TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::BlockQuote(_)
            | TagEnd::CodeBlock
            | TagEnd::List(_)
            | TagEnd::Item
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::MetadataBlock(_) => {}
        }
    }

    /// The address after the text, unless the text is the address.
    fn end_link(&mut self) {
        let Some((address, text)) = self.links.pop() else { return };
        let is_told = text == address || address.strip_prefix("mailto:") == Some(text.as_str());
        if !is_told && !address.is_empty() {
            self.said(&format!(" ({address})"), Style::DIM);
        }
    }

    fn said(&mut self, text: &str, style: Style) {
        for (_, said) in &mut self.links {
            said.push_str(text);
        }
        self.text(text, style);
    }

    fn text(&mut self, text: &str, style: Style) {
        if let Some(cell) = &mut self.cell {
            cell.push_str(Span::new(text, style).text());
            return;
        }
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.end_line();
            }
            if !line.is_empty() {
                self.line.push(Span::new(line, style));
            }
        }
    }

    fn break_line(&mut self) {
        match &mut self.cell {
            Some(cell) => cell.push('\n'),
            None => self.end_line(),
        }
    }

    fn end_line(&mut self) {
        if !self.line.is_empty() {
            self.pieces.push(Piece::Line(std::mem::take(&mut self.line)));
        }
    }

    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or_default()
    }
}

fn is_break(html: &CowStr<'_>) -> bool {
    matches!(html.to_ascii_lowercase().as_str(), "<br>" | "<br/>" | "<br />")
}

fn table(rows: Vec<Vec<String>>, alignments: &[Alignment], width: usize) -> Table {
    let mut rows = rows.into_iter();
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_header(rows.next().unwrap_or_default())
        .add_rows(rows);
    for (column, alignment) in table.column_iter_mut().zip(alignments) {
        column.set_cell_alignment(match alignment {
            Alignment::None | Alignment::Left => CellAlignment::Left,
            Alignment::Center => CellAlignment::Center,
            Alignment::Right => CellAlignment::Right,
        });
    }
    table
}
