//! Secrets in the configuration: where they are written in plain text, and texts without them.

use std::path::Path;

use outcrop_config::document::{self, Entry, Node};
use outcrop_config::{Diagnostic, Origin};

use super::dotenv;

/// Words in the names of keys whose values are secrets.
const SECRET: [&str; 6] = ["key", "secret", "token", "password", "external_id", "credential"];
/// Names with such a word that are none.
const OPEN: [&str; 3] = ["max_tokens", "reserve_tokens", "max_tool_tokens"];

/// Secrets in plain text, and whether others can read them.
pub fn exposed(path: &Path, text: &str) -> Vec<Diagnostic> {
    let lines = text.lines().enumerate();
    let mut plain: Vec<usize> = lines
        .filter(|(_, line)| member(line).is_some_and(|(key, value)| is_plain_secret(key, value)))
        .map(|(index, _)| index + 1)
        .collect();
    plain.extend(values(text).iter().map(|(place, _)| place.line));
    plain.sort_unstable();
    plain.dedup();
    let origin = |line: usize| Origin {
        source: path.display().to_string(),
        line,
        column: usize::from(line > 0),
        path: String::new(),
    };
    let mut notes: Vec<Diagnostic> = plain
        .iter()
        .map(|line| {
            Diagnostic::warning(origin(*line), "a secret is written in plain text")
                .hint("put it into .env, and ${NAME} here")
        })
        .collect();
    if !plain.is_empty() && dotenv::is_open_to_others(path) {
        let hint = format!("run: chmod 600 {}", path.display());
        notes.push(Diagnostic::warning(origin(0), "others can read its secrets").hint(hint));
    }
    notes
}

/// `text` with the values of secrets hidden.
pub fn masked(text: &str) -> String {
    let text = without_values(text);
    let hide = |line: &str| match member(line) {
        Some((key, value)) if is_plain_secret(key, value) => {
            let begin = line.len() - line.trim_start().len();
            format!("{}{key}: ***\n", &line[..begin])
        }
        Some(_) | None => format!("{line}\n"),
    };
    text.lines().map(hide).collect()
}

/// The values of secrets wherever YAML lets them be: in braces, on lines of their own.
fn values(text: &str) -> Vec<(Origin, String)> {
    fn look(node: &Node, found: &mut Vec<(Origin, String)>) {
        for Entry { key, value, .. } in node.entries() {
            match value.text() {
                Some(text) if is_plain_secret(key, text) => {
                    found.push((value.origin(), text.to_owned()));
                }
                Some(_) | None => look(value, found),
            }
        }
        node.list().iter().for_each(|item| look(item, found));
    }
    let mut found = Vec::new();
    let (documents, _) = document::parse("", text);
    documents.iter().for_each(|document| look(&document.root, &mut found));
    found
}

fn without_values(text: &str) -> String {
    let mut text = text.to_owned();
    let mut values = values(&text);
    values.sort_by_key(|(place, _)| std::cmp::Reverse((place.line, place.column)));
    for (place, value) in values {
        let start: usize = text.split_inclusive('\n').take(place.line - 1).map(str::len).sum();
        let mut from =
            start + text[start..].chars().take(place.column - 1).map(char::len_utf8).sum::<usize>();
        for line in value.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(at) = text[from..].find(line) {
                text.replace_range(from + at..from + at + line.len(), "***");
                from += at;
            }
        }
    }
    text
}

/// Key and value of a line, if they are on it.
fn member(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.trim().trim_start_matches("- ").split_once(':')?;
    Some((key.trim().trim_matches(['"', '\'']), value.trim()))
}

pub fn is_plain_secret(key: &str, value: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
    let value = value.trim_matches(['"', '\'']);
    let is_secret = SECRET.iter().any(|word| name.contains(word)) && !OPEN.contains(&name.as_str());
    let is_open = value.is_empty() || value.starts_with('$') || value.starts_with('#');
    is_secret && !is_open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_however_they_are_written() {
        for text in [
            "a: {api_key: sEcr3t, b: 1}\n",
            "api_key:\n  sEcr3t\n",
            "api_key: |\n  sEcr3t\n  sEcr3t\nb: 1\n",
            "a: [{token: 'sEcr3t'}]\n",
            "# api_key: sEcr3t\n",
            "api_key: \"sEcr3t\" # mine\nb: [\n",
        ] {
            assert!(!masked(text).contains("sEcr3t"), "{text}: {}", masked(text));
            assert!(!exposed(Path::new("no-file"), text).is_empty(), "{text}");
        }
        let open = "a: {api_key: $KEY, max_tokens: 5}\nb: x\n";
        assert_eq!(masked(open), open);
        assert!(exposed(Path::new("no-file"), open).is_empty());
    }
}
