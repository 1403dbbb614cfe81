//! One value in a YAML file, with all else as it is: comments, order, blank lines.
//!
//! What was written is read again: an edit that came out otherwise than meant is an error.

use outcrop_config::document::{self, Entry, Node};

/// `text` with `value` at `path`.
///
/// # Errors
/// Says why it has to be done by hand.
pub fn set(text: &str, path: &[&str], value: &str) -> Result<String, String> {
    let (documents, notes) = document::parse("", text);
    if outcrop_config::has_errors(&notes) || documents.len() > 1 {
        return Err("it is not one YAML document".to_owned());
    }
    let edited = match documents.first() {
        Some(document) => within(text, &document.root, path, value)?,
        None => format!("{text}{}", nested(path, value, 0)),
    };
    match get(&edited, path).as_deref() {
        Some(now) if now == value => Ok(edited),
        Some(_) | None => {
            Err(format!("`{}` is written in a way that only a person can change", path.join(".")))
        }
    }
}

/// The text of the scalar at `path`.
pub fn get(text: &str, path: &[&str]) -> Option<String> {
    let (documents, _) = document::parse("", text);
    let root = &documents.first()?.root;
    path.iter().try_fold(root, |node, key| node.peek(key))?.text().map(str::to_owned)
}

fn within(text: &str, root: &Node, path: &[&str], value: &str) -> Result<String, String> {
    let mut parent = root;
    for (depth, key) in path.iter().enumerate() {
        if !parent.is_map() {
            return Err(format!("`{}` is not a mapping", path[..depth].join(".")));
        }
        let is_last = depth + 1 == path.len();
        match parent.entries().iter().find(|entry| entry.key == *key) {
            Some(entry) if is_last => return replaced(text, entry, value),
            Some(entry) if !entry.value.is_null() => parent = &entry.value,
            Some(entry) => {
                let line = entry.origin().line;
                let indent = entry.origin().column + 1;
                return Ok(inserted(text, line + 1, &nested(&path[depth + 1..], value, indent)));
            }
            None => return added(text, parent, &path[depth..], value),
        }
    }
    Err("there is no path".to_owned())
}

/// Another value for a key that is there.
fn replaced(text: &str, entry: &Entry, value: &str) -> Result<String, String> {
    let (place, key) = (entry.value.origin(), entry.origin());
    let by_hand = || Err(format!("`{}` is not a single value on one line", entry.key));
    let line = if entry.value.is_null() { key.line } else { place.line };
    if line != key.line || !(entry.value.is_null() || entry.value.text().is_some()) {
        return by_hand();
    }
    let Some(old) = text.lines().nth(line - 1) else { return by_hand() };
    let chars = |n: usize| old.char_indices().nth(n).map_or(old.len(), |(at, _)| at);
    // A key may hold colons itself.
    let after = chars(key.column - 1 + entry.key.chars().count());
    let Some(colon) = old[after..].find(':').map(|at| at + after) else { return by_hand() };
    let rest = old[colon + 1..].trim_start();
    let length = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => match rest[1..].find(quote) {
            Some(end) => end + 2,
            None => return by_hand(),
        },
        Some('|' | '>' | '&' | '*' | '!') => return by_hand(),
        Some(_) | None => rest.find(" #").map_or(rest, |end| &rest[..end]).trim_end().len(),
    };
    let rest = &rest[length..];
    let gap = if rest.is_empty() || rest.starts_with(' ') { "" } else { " " };
    let new = format!("{} {}{gap}{rest}", &old[..=colon], scalar(value));
    let lines =
        text.split_inclusive('\n').enumerate().map(|(index, whole)| match index + 1 == line {
            true => format!("{new}{}", &whole[old.len()..]),
            false => whole.to_owned(),
        });
    Ok(lines.collect())
}

/// A new key in a mapping, before its first.
fn added(text: &str, parent: &Node, path: &[&str], value: &str) -> Result<String, String> {
    let Some(first) = parent.entries().first() else {
        return Err("an empty mapping is written there".to_owned());
    };
    let (line, indent) = (first.origin().line, first.origin().column - 1);
    let before = text.lines().nth(line - 1).unwrap_or_default();
    if before.chars().take(indent).any(|c| c != ' ') {
        return Err("the mapping is written in braces".to_owned());
    }
    let last = parent.entries().last().map_or(line, last_line);
    Ok(inserted(text, last + 1, &nested(path, value, indent)))
}

/// The last line on which something of the entry begins.
fn last_line(entry: &Entry) -> usize {
    fn of(node: &Node, least: usize) -> usize {
        let least = least.max(if node.is_null() { 0 } else { node.origin().line });
        let below =
            node.entries().iter().map(last_line).chain(node.list().iter().map(|item| of(item, 0)));
        below.fold(least, usize::max)
    }
    of(&entry.value, entry.origin().line)
}

/// `more` as lines before line `number`, from 1.
fn inserted(text: &str, number: usize, more: &str) -> String {
    let mut out = String::with_capacity(text.len() + more.len());
    let mut lines = text.split_inclusive('\n');
    for line in lines.by_ref().take(number - 1) {
        out.push_str(line);
    }
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    out.push_str(more);
    out.extend(lines);
    out
}

fn nested(path: &[&str], value: &str, indent: usize) -> String {
    let mut out = String::new();
    for (depth, key) in path.iter().enumerate() {
        let space = " ".repeat(indent + 2 * depth);
        let value =
            if depth + 1 == path.len() { format!(" {}", scalar(value)) } else { String::new() };
        out.push_str(&format!("{space}{key}:{value}\n"));
    }
    out
}

/// The value as YAML: plain where that is surely the same.
fn scalar(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:${}+@=?".contains(c);
    let begins = |c: char| c.is_ascii_alphanumeric() || "$/._".contains(c);
    let ends = !value.ends_with(':');
    match value.starts_with(begins) && value.chars().all(is_plain) && ends {
        true => value.to_owned(),
        false => serde_json::Value::from(value).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_changes_and_nothing_else() {
        let text = "# head\na: 1  # one\nb:\n  c: 'x: y' # two\n\n  d:\n    - e\n    - f\ng:\n";
        for (path, value, expected) in [
            (&["a"][..], "2", text.replace("a: 1 ", "a: 2 ")),
            (&["b", "c"], "${V:-x}", text.replace("'x: y'", "${V:-x}")),
            (&["b", "c"], "two words", text.replace("'x: y'", "\"two words\"")),
            (&["g"], "h", text.replace("g:\n", "g: h\n")),
            (&["b", "new"], "n", text.replace("    - f\n", "    - f\n  new: n\n")),
            (&["h", "i"], "true", format!("{text}h:\n  i: true\n")),
            (&["g", "i"], "5", text.replace("g:\n", "g:\n  i: 5\n")),
        ] {
            assert_eq!(set(text, path, value).as_deref(), Ok(expected.as_str()), "{path:?}");
        }
        assert_eq!(set("", &["a", "b"], "c").as_deref(), Ok("a:\n  b: c\n"));
        assert_eq!(set("a: 1", &["b"], "c").as_deref(), Ok("a: 1\nb: c\n"));
        for (text, path) in [
            ("a: {b: c}\n", &["a", "d"][..]),
            ("a: |\n  b\n", &["a"]),
            ("a: [b]\n", &["a"]),
            ("a: 1\n", &["a", "b"]),
            ("a: 1\n---\nb: 1\n", &["a"]),
            ("a: [\n", &["a"]),
        ] {
            assert!(set(text, path, "x").is_err(), "{text}");
        }
    }
}
