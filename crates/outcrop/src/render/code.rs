//! Code in colour, line by line.

use std::sync::LazyLock;

use syntect::easy::ScopeRegionIterator;
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxSet};

use super::text::{Colour, Ink, Span, Style};

/// Read when the first block of code comes: it takes longer than all else that a short command does.
static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);
/// Longer lines are data rather than code, and take long to understand.
const LONGEST: usize = 2_000;
/// Languages that models name and the grammars do not, and what is near enough.
const LIKE: [(&str, &str); 8] = [
    ("ts", "js"),
    ("typescript", "js"),
    ("tsx", "js"),
    ("jsx", "js"),
    ("shell", "bash"),
    ("console", "bash"),
    ("jsonc", "json"),
    ("kotlin", "java"),
];
/// What a part of code is, by its scope, and how it looks; the first row that fits counts.
const LOOKS: [(&str, Style); 15] = [
    ("comment", Style::DIM),
    ("string", Style::of(Colour::Green)),
    ("constant", Style::of(Colour::Yellow)),
    ("keyword.operator", Style::PLAIN),
    ("keyword", Style::of(Colour::Magenta)),
    ("storage", Style::of(Colour::Magenta)),
    ("entity.name.function", Style::of(Colour::Blue)),
    ("support.function", Style::of(Colour::Blue)),
    ("variable.function", Style::of(Colour::Blue)),
    ("entity.name.tag", Style::of(Colour::Blue)),
    ("entity", Style::of(Colour::Cyan)),
    ("support", Style::of(Colour::Cyan)),
    ("variable.language", Style::of(Colour::Red)),
    ("markup.inserted", Style::of(Colour::Green)),
    ("markup.deleted", Style::of(Colour::Red)),
];
static SCOPES: LazyLock<Vec<(Scope, Style)>> = LazyLock::new(|| {
    LOOKS.iter().filter_map(|(name, style)| Some((Scope::new(name).ok()?, *style))).collect()
});

/// A block of code on its way.
pub struct Code {
    /// `None` where the language is not known, or the code is not of it after all.
    state: Option<(ParseState, ScopeStack)>,
}

// === impl Code ===

impl Code {
    pub fn new(language: &str, ink: Ink) -> Self {
        let language = language.to_ascii_lowercase();
        if ink == Ink::Plain || language.is_empty() {
            return Self { state: None };
        }
        let like = LIKE.iter().find(|(name, _)| *name == language);
        let token = like.map_or(language.as_str(), |(_, like)| like);
        let syntax = SYNTAXES.find_syntax_by_token(token);
        Self { state: syntax.map(|syntax| (ParseState::new(syntax), ScopeStack::new())) }
    }

    pub fn line(&mut self, line: &str) -> Vec<Span> {
        let coloured = match &mut self.state {
            Some((state, scopes)) if line.len() <= LONGEST => coloured(line, state, scopes),
            Some(_) | None => None,
        };
        coloured.unwrap_or_else(|| {
            // What follows would be read wrongly.
            self.state = None;
            vec![Span::new(line, Style::PLAIN)]
        })
    }
}

fn coloured(line: &str, state: &mut ParseState, scopes: &mut ScopeStack) -> Option<Vec<Span>> {
    let line = format!("{line}\n");
    let operations = state.parse_line(&line, &SYNTAXES).ok()?;
    let mut spans = Vec::new();
    for (text, operation) in ScopeRegionIterator::new(&operations, &line) {
        scopes.apply(operation).ok()?;
        let text = text.trim_end_matches('\n');
        if !text.is_empty() {
            spans.push(Span::new(text, style(scopes)));
        }
    }
    Some(spans)
}

/// The innermost scope that has a look decides.
fn style(scopes: &ScopeStack) -> Style {
    let look = |scope: &Scope| SCOPES.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope));
    scopes.as_slice().iter().rev().find_map(look).map_or(Style::PLAIN, |(_, style)| *style)
}
