//! A diagnostic with the line that it is about, and a mark below the place.
//!
//! No secret is shown: what follows a key that may hold one is hidden.

use outcrop_config::{Diagnostic, Severity};

use crate::sources::Text;

/// Longest part of a line that is shown, and how much of it stands before the place.
const WIDTH: usize = 100;
const BEFORE: usize = 60;

/// Stands for a secret of any length.
const MASK: &str = "***";

/// Words in the names of members that hold secrets, without `_` and `-`.
const SECRET: [&str; 10] = [
    "secret",
    "password",
    "credential",
    "authorization",
    "apikey",
    "accesskey",
    "sessiontoken",
    "externalid",
    "privatekey",
    "inline",
];

pub fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "notice",
    }
}

pub fn show(diagnostic: &Diagnostic, texts: &[Text]) -> String {
    let Diagnostic { severity, origin, what, hint } = diagnostic;
    let mut out = format!("{}: {what}\n", word(*severity));
    let line = texts
        .iter()
        .find(|text| text.name == origin.source)
        .and_then(|text| text.text.lines().nth(origin.line.checked_sub(1)?));
    let gutter = origin.line.to_string().len().max(2);
    out.push_str(&format!("{:gutter$}--> {origin}\n", ""));
    if let Some(line) = line {
        let (shown, column, length) = cut(line, origin.column);
        out.push_str(&format!("{:gutter$} |\n{:gutter$} | {shown}\n", "", origin.line));
        out.push_str(&format!("{:gutter$} | {:column$}{}\n", "", "", "^".repeat(length)));
    }
    if let Some(hint) = hint {
        out.push_str(&format!("{:gutter$} = help: {hint}\n", ""));
    }
    out
}

/// What is shown of the line, where in it the place is, and how long what stands there is.
fn cut(line: &str, column: usize) -> (String, usize, usize) {
    let (hidden, at) = hide(line, column.saturating_sub(1));
    let hidden: Vec<char> = hidden.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let at = at.min(hidden.len());
    let start = if hidden.len() > WIDTH { at.saturating_sub(BEFORE) } else { 0 };
    let shown: String = hidden.iter().skip(start).take(WIDTH).collect();
    let rest = &hidden[at..hidden.len().min(start + WIDTH)];
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

/// The line with three stars for what may be a secret, however long it is; and where the character then
/// is that was at `at`.
fn hide(line: &str, at: usize) -> (String, usize) {
    let mut out = String::with_capacity(line.len());
    let mut moved = at;
    let mut rest = line;
    while let Some(index) = rest.find([':', '=']) {
        let (name, after) = rest.split_at(index + 1);
        out.push_str(name);
        rest = after;
        if is_secret(name) {
            let spaces = rest.len() - rest.trim_start_matches(' ').len();
            let value = value_length(&rest[spaces..]);
            out.push_str(&rest[..spaces]);
            let (secret, after) = rest[spaces..].split_at(value);
            let start = out.chars().count();
            if !secret.is_empty() {
                out.push_str(MASK);
                moved = match moved.saturating_sub(start) {
                    0 => moved,
                    // Within the secret: at the mask.
                    beyond if beyond < secret.chars().count() => start,
                    _ => moved + MASK.len() - secret.chars().count(),
                };
            }
            rest = after;
        }
    }
    (out + rest, moved)
}

/// Whether the member's name at the end of `text` is one of a secret.
fn is_secret(text: &str) -> bool {
    let name = text.trim_end_matches([':', '=', ' ', '"', '\'']);
    let start = name.rfind([' ', '{', ',', '"', '\'']).map_or(0, |index| index + 1);
    let name: String = name[start..]
        .chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .collect::<String>()
        .to_lowercase();
    name == "token" || name == "url" || SECRET.iter().any(|word| name.contains(word))
}

/// The length of the scalar at the beginning; none of what refers to a secret, or holds more.
fn value_length(text: &str) -> usize {
    let bare = text.trim_start_matches(['"', '\'']);
    match text.chars().next() {
        _ if bare.starts_with("${") => 0,
        Some('{' | '[' | '|' | '>' | '&' | '*' | '#') | None => 0,
        Some(quote @ ('"' | '\'')) => text[1..].find(quote).map_or(text.len(), |end| end + 2),
        Some(_) => text.find([',', '}']).or_else(|| text.find(" #")).unwrap_or(text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (line, shown) in [
            ("api_key: abc # why", "api_key: *** # why"),
            ("  - {token: abc, name: x}", "  - {token: ***, name: x}"),
            ("secretKey: \"a:b, c\"", "secretKey: ***"),
            ("aws_secret_access_key = abc", "aws_secret_access_key = ***"),
            ("token: ${TOKEN}", "token: ${TOKEN}"),
            ("api_key: {env: KEY}", "api_key: {env: KEY}"),
            ("{\"x-api-key\": \"abcdefgh\"}", "{\"x-api-key\": ***}"),
            ("total_tokens: many", "total_tokens: many"),
            ("region: us-east-1", "region: us-east-1"),
        ] {
            assert_eq!(hide(line, 0).0, shown);
        }
        // The mark stays below its place, whatever is hidden before it.
        let line = "{token: abcdefgh, key: \"\", nme: x}";
        let (shown, column, length) = cut(line, line.find("nme").unwrap() + 1);
        assert_eq!(
            (&shown[column..column + length], &*shown),
            ("nme", "{token: ***, key: \"\", nme: x}")
        );
        assert_eq!(cut("token: abcdefgh", 8), ("token: ***".to_owned(), 7, 3));
    }

    #[test]
    fn the_mark_is_below_the_place_in_long_lines_too() {
        let line = format!("{}here: 1", " ".repeat(300));
        let (shown, column, length) = cut(&line, 301);
        assert_eq!((&shown[column..column + length], shown.len() <= WIDTH), ("here", true));
        assert_eq!(cut("é: ü", 4), ("é: ü".to_owned(), 3, 1));
        assert_eq!(cut("a", 9), ("a".to_owned(), 1, 1));
    }
}
