//! A diagnostic with the line that it is about, and a mark below the place.
//!
//! No secret is shown. Not what must be hidden is looked for, but what may be shown, and all else of a line
//! is three stars:
//!
//! 1. The names of members are shown.
//! 2. A scalar is shown if a front end took its text for something that is no secret, and its name is none of a
//!    secret. So a value is hidden whose name nobody knows: it may be a secret's name, mistyped.
//! 3. A variable alone (`${NAME}`, decK's `${{ env "NAME" }}`) is shown: what it holds is not in the text.
//! 4. Comments, tags and anchors are hidden, and so is what comes after an error of YAML.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::document::{Node, Sight, Token, without_mark};
use crate::load::{Read, Source, read};
use crate::origin::{Diagnostic, Origin};
use crate::secret::is_secret_name;
use crate::variables::{Lookup, deck, only_variable};

/// Longest part of a line that is shown, and how much of it stands before the place.
const WIDTH: usize = 100;
const BEFORE: usize = 60;

/// Stands for what is hidden, however long it is.
const MASK: &str = "***";

/// Parts of a Kubernetes object in which all may be secret.
const DATA: [&str; 3] = ["data", "stringData", "binaryData"];

/// Lines of texts, as far as they may be shown.
pub struct Excerpts(HashMap<String, Sheet>);

/// A text.
#[derive(Default)]
struct Sheet {
    chars: Vec<char>,
    /// Where its lines begin.
    lines: Vec<usize>,
    tokens: Vec<Token>,
    /// Where scalars begin that may be shown.
    open: HashSet<usize>,
    /// Where those begin that may not: what an alias repeats may be both.
    closed: HashSet<usize>,
}

/// How much of what is below a name is hidden.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cover {
    None,
    /// The scalar that is called so, or the items of its list.
    Scalars,
    All,
}

// === impl Excerpts ===

impl Excerpts {
    /// Of the texts that a configuration is read from.
    pub fn of(sources: &[Source<'_>], lookup: &dyn Lookup) -> Self {
        let Read { documents, tokens, reading: _ } = read(sources, lookup);
        let mut sheets: HashMap<String, Sheet> = HashMap::new();
        for (source, tokens) in sources.iter().zip(tokens) {
            sheets.insert(source.name.to_owned(), Sheet::of(source.text, tokens));
        }
        for document in &documents {
            if let Some(sheet) = sheets.get_mut(&*document.source) {
                sheet.judge(&document.root, Cover::None);
            }
        }
        Self(sheets)
    }

    /// The diagnostic as text.
    pub fn show(&self, diagnostic: &Diagnostic) -> String {
        let Diagnostic { severity, origin, what, hint } = diagnostic;
        let mut out = format!("{}: {what}\n", severity.as_str());
        let gutter = origin.line.to_string().len().max(2);
        out.push_str(&format!("{:gutter$}--> {origin}\n", ""));
        let Origin { source, line, column, path: _ } = origin;
        if let Some((line, at)) =
            self.0.get(source).and_then(|sheet| sheet.line(*line, column.saturating_sub(1)))
        {
            let (shown, column, length) = cut(&line, at);
            out.push_str(&format!("{:gutter$} |\n{:gutter$} | {shown}\n", "", origin.line));
            out.push_str(&format!("{:gutter$} | {:column$}{}\n", "", "", "^".repeat(length)));
        }
        if let Some(hint) = hint {
            out.push_str(&format!("{:gutter$} = help: {hint}\n", ""));
        }
        out
    }
}

// === impl Sheet ===

impl Sheet {
    fn of(text: &str, tokens: Vec<Token>) -> Self {
        let chars: Vec<char> = without_mark(text).chars().collect();
        let is_end = |(index, c): (usize, &char)| match c {
            '\n' => true,
            '\r' => chars.get(index + 1) != Some(&'\n'),
            _ => false,
        };
        let ends = chars.iter().enumerate().filter(|at| is_end(*at)).map(|(index, _)| index + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        Self { chars, lines, tokens, ..Self::default() }
    }

    /// Finds out what of a document may be shown.
    fn judge(&mut self, node: &Node, cover: Cover) {
        for entry in node.members() {
            self.judge(&entry.value, cover_of(node, &entry.key, cover));
        }
        for item in node.items() {
            self.judge(item, cover);
        }
        if node.is_map() || node.is_list() {
            return;
        }
        let is_open = match (node.sight(), cover) {
            (Sight::Hidden, _) | (_, Cover::All) => false,
            (Sight::Unknown, _) => node.is_null(),
            (Sight::Taken, Cover::None) => !has_login(node),
            // `max_tokens: 100`
            (Sight::Taken, Cover::Scalars) => node.is_number(),
        };
        match is_open {
            true => self.open.insert(node.index()),
            false => self.closed.insert(node.index()),
        };
    }

    /// The line, and where in it the character is then that stands at `at`.
    fn line(&self, line: usize, at: usize) -> Option<(Vec<char>, usize)> {
        let Range { start, end } = self.range(line)?;
        let mut shown = Vec::new();
        let (mut moved, at) = (None, start + at);
        let first = self.tokens.partition_point(|token| token.to <= start);
        let mut next = start;
        let tokens = self.tokens[first..].iter().take_while(|token| token.from < end);
        for token in tokens {
            let (from, to) = (token.from.clamp(next, end), token.to.clamp(next, end));
            self.between(next..from, at, &mut shown, &mut moved);
            let secret = !self.is_open(token) && from < to;
            match secret {
                true => hidden(from..to, at, &mut shown, &mut moved),
                false => self.plain(from..to, at, &mut shown, &mut moved),
            }
            next = to;
        }
        self.between(next..end, at, &mut shown, &mut moved);
        let end = shown.len();
        Some((shown, moved.unwrap_or(end)))
    }

    /// Where the line, counted from 1, stands: YAML's lines.
    fn range(&self, line: usize) -> Option<Range<usize>> {
        let start = *self.lines.get(line.checked_sub(1)?)?;
        let rest = &self.chars[start..];
        let length = rest.iter().position(|c| matches!(c, '\n' | '\r')).unwrap_or(rest.len());
        (!rest.is_empty()).then(|| start..start + length)
    }

    fn is_open(&self, token: &Token) -> bool {
        let is_variable = || {
            let text: String =
                self.chars[token.from..token.to.min(self.chars.len())].iter().collect();
            let text = text.trim_matches(['"', '\'']);
            only_variable(text).or_else(|| deck::only_variable(text)).is_some()
        };
        let from = &token.from;
        token.is_key || (self.open.contains(from) && !self.closed.contains(from)) || is_variable()
    }

    fn plain(
        &self,
        range: Range<usize>,
        at: usize,
        shown: &mut Vec<char>,
        moved: &mut Option<usize>,
    ) {
        for index in range {
            if index == at {
                *moved = Some(shown.len());
            }
            let c = self.chars[index];
            shown.push(if c.is_control() { ' ' } else { c });
        }
    }

    /// What stands between scalars: marks of YAML, and whatever else is hidden.
    fn between(
        &self,
        range: Range<usize>,
        at: usize,
        shown: &mut Vec<char>,
        moved: &mut Option<usize>,
    ) {
        let text = &self.chars[range.clone()];
        let is_mark = |c: &char| c.is_whitespace() || "{}[],:-?".contains(*c);
        let marks = text.iter().position(|c| !is_mark(c)).unwrap_or(text.len());
        let spaces = text[marks..].iter().rev().take_while(|c| c.is_whitespace()).count();
        let (from, to) = (range.start + marks, range.end - spaces);
        self.plain(range.start..from, at, shown, moved);
        if from < to {
            hidden(from..to, at, shown, moved);
        }
        self.plain(to..range.end, at, shown, moved);
    }
}

/// How much is hidden of the member of `node` that is called `key`.
fn cover_of(node: &Node, key: &str, above: Cover) -> Cover {
    let is_object = node.peek("kind").is_some() && DATA.contains(&key);
    if above == Cover::All || is_object {
        return Cover::All;
    }
    // `{name: x-api-key, value: …}` and `{path: api_key, value: …}`
    let called = ["name", "path", "key"].iter().filter_map(|key| node.peek(key)?.raw());
    let mut called = called.map(|name| name.rsplit('.').next().unwrap_or(name));
    let hides = match key {
        "value" | "values" => called.any(is_secret),
        // `{x-api-key: {regex: …}}`
        "regex" => above == Cover::Scalars,
        key => is_secret(key),
    };
    if hides { Cover::Scalars } else { Cover::None }
}

fn is_secret(name: &str) -> bool {
    is_secret_name(name) || name == "inline" || name.ends_with("_value")
}

/// Whether it is an address with the login for it.
fn has_login(node: &Node) -> bool {
    let has = |text: &str| text.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    node.raw().is_some_and(has)
}

fn hidden(range: Range<usize>, at: usize, shown: &mut Vec<char>, moved: &mut Option<usize>) {
    if range.contains(&at) {
        *moved = Some(shown.len());
    }
    shown.extend(MASK.chars());
}

/// What is shown of the line, where in it the place is, and how long what stands there is.
fn cut(line: &[char], at: usize) -> (String, usize, usize) {
    let start = if line.len() > WIDTH { at.saturating_sub(BEFORE) } else { 0 };
    let shown: String = line.iter().skip(start).take(WIDTH).collect();
    let rest = &line[at..line.len().min(start + WIDTH)];
    let length = match rest.first() {
        Some(quote @ ('"' | '\'')) => {
            rest.iter().skip(1).position(|c| c == quote).map_or(rest.len(), |end| end + 2)
        }
        Some(_) | None => {
            let ends = |c: &char| matches!(c, ',' | '}' | ']' | ':' | ' ');
            rest.iter().position(ends).unwrap_or(rest.len())
        }
    };
    (shown, at - start, length.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load;

    /// The line of `text` that `line` is, with the place of `what` in it.
    fn shown(text: &str, what: &str) -> (String, usize, usize) {
        let sources = [Source { name: "f.yaml", text }];
        let excerpts = Excerpts::of(&sources, &|_: &str| None);
        let number = 1 + text.lines().position(|line| line.contains(what)).unwrap_or_default();
        let line = text.lines().nth(number - 1).unwrap_or_default();
        let column = line[..line.find(what).unwrap_or_default()].chars().count();
        let sheet = &excerpts.0["f.yaml"];
        sheet.line(number, column).map(|(line, at)| cut(&line, at)).unwrap_or_default()
    }

    #[test]
    fn what_is_known_to_be_no_secret_is_shown() {
        const BACKEND: &str = "backends:\n  b: {region: eu-west-1, identity: ";
        for (identity, expected) in [
            ("{api_key: abc}} # why", "  b: {region: eu-west-1, identity: {api_key: ***}} ***"),
            ("{api_key: {env: KEY}}}", "  b: {region: eu-west-1, identity: {api_key: {env: KEY}}}"),
            (
                "{api_key: {inline: abc}}}",
                "  b: {region: eu-west-1, identity: {api_key: {inline: ***}}}",
            ),
            ("{api_key: \"${KEY}\"}}", "  b: {region: eu-west-1, identity: {api_key: \"${KEY}\"}}"),
            ("{api_kee: abc}}", "  b: {region: eu-west-1, identity: {api_kee: ***}}"),
            (
                "{api_key: [\"a, b\", !x c]}}",
                "  b: {region: eu-west-1, identity: {api_key: [***, ***]}}",
            ),
            ("{api_key: a: b}}", "  b: {region: ***, identity: {api_key: ***: ***"),
        ] {
            let text = format!("{BACKEND}{identity}\n");
            assert_eq!(shown(&text, "b:").0, expected, "{text}");
        }
        let regex = "routes: [{match: {headers: {x-api-key: {regex: (abc}, x-team: {regex: a}}}}]";
        let shown_regex =
            "routes: [{match: {headers: {x-api-key: {regex: ***}, x-team: {regex: a}}}}]";
        assert_eq!(shown(regex, "match").0, shown_regex);
        let limit = "limits: [{name: l, total_tokens: 9, window: dy}]\n";
        assert_eq!(shown(limit, "l,").0, limit.trim_end());
        let lines = "backends:\n  b:\n    region: eu-west-1\n    identity:\n      credentials: |\n        [default]\n        key = abc\n";
        assert_eq!(shown(lines, "key =").0.trim(), "***");
        let alias = "backends: {b: {region: &r eu-west-1, identity: {api_key: *r}}}";
        assert_eq!(shown(alias, "b:").0, "backends: {b: {region: ***, identity: {api_key: ***");
    }

    #[test]
    fn the_mark_is_below_the_place() {
        let line = "keys: [{token: abcdefgh, name: \"\", nme: x}]";
        let (text, column, length) = shown(line, "nme");
        assert_eq!(
            (&text[column..column + length], &*text),
            ("nme", "keys: [{token: ***, name: \"\", nme: ***}]")
        );
        let (text, column, length) = shown(line, "abc");
        assert_eq!(&text[column..column + length], "***");
        // In long lines too.
        let long = format!("keys: [{}{{nme: x}}]", " ".repeat(300));
        let (text, column, length) = shown(&long, "nme");
        assert_eq!((&text[column..column + length], text.len() <= WIDTH), ("nme", true));
        assert_eq!(cut(&['é', ':', ' ', 'ü'], 3), ("é: ü".to_owned(), 3, 1));
        assert_eq!(cut(&['a'], 1), ("a".to_owned(), 1, 1));
    }

    /// What YAML takes for a line break is one here: else a line would be shown by what is known of another.
    #[test]
    fn lines_are_those_of_yaml() {
        let text = "\u{feff}backends:\r  b: {regoin: us,\n    identity: {api_key: abc}}\r\n";
        let sources = [Source { name: "f.yaml", text }];
        let excerpts = Excerpts::of(&sources, &|_: &str| None);
        let (_, diagnostics) = load(&sources, &|_: &str| None);
        let all: String = diagnostics.iter().map(|one| excerpts.show(one)).collect();
        assert!(all.contains(" 2 |   b: {regoin: ***,\n") && !all.contains("abc"), "{all}");
        assert!(all.contains(" 3 |     identity: {api_key: ***}}\n"), "{all}");
    }
}
