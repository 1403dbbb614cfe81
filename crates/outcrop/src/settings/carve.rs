//! Parts of a YAML file as texts of their own, with their comments and their order.
//!
//! A part is read again: where its lines alone do not say what they said in the file (braces, anchors), its
//! values are written anew.

use std::ops::Range;

use outcrop_config::document::{self, Entry, Node};
use serde_json::{Value, json};

/// `head` and, under `key`, what the entry holds.
pub fn part(text: &str, entry: &Entry, head: &str, key: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let range = lines_of(&lines, entry);
    let inner = &lines[(range.start + 1).min(range.end)..range.end];
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let own = inner.iter().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    let mut part = format!("{head}{key}:\n");
    for line in inner {
        let line = line.get(own..).unwrap_or_default();
        part.push_str(&if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") });
    }
    let value = entry.value.value();
    match parsed(&part).is_some_and(|parsed| parsed[key] == value) {
        true => part,
        false => format!("{head}{}", anew(&json!({ key: value }), 0)),
    }
}

/// The file without some of its entries, each named by its path.
pub fn without(text: &str, root: &Node, paths: &[&[&str]]) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut value = root.value();
    let mut gone: Vec<Range<usize>> = Vec::new();
    for path in paths {
        let Some((last, above)) = path.split_last() else { continue };
        let parent = above.iter().try_fold(root, |node, key| node.peek(key));
        let entry = parent.and_then(|node| node.entries().iter().find(|one| one.key == *last));
        gone.extend(entry.map(|entry| lines_of(&lines, entry)));
        let members = above.iter().try_fold(&mut value, |value, key| value.get_mut(key));
        if let Some(members) = members.and_then(Value::as_object_mut) {
            members.shift_remove(*last);
        }
    }
    let left = lines.iter().enumerate().filter(|(at, _)| !gone.iter().any(|one| one.contains(at)));
    let left: String = left.map(|(_, line)| format!("{line}\n")).collect();
    match parsed(&left).unwrap_or_default() {
        now if same(&now, &value) => left,
        _changed if same(&Value::Null, &value) => String::new(),
        _changed => anew(&value, 0),
    }
}

/// A mapping with a line for each key; lists and empty mappings are on one.
fn anew(value: &Value, indent: usize) -> String {
    let mut out = String::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        let is_plain = key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
            && key.starts_with(|c: char| c.is_ascii_alphabetic());
        let key = if is_plain { key.clone() } else { Value::from(key.as_str()).to_string() };
        out.push_str(&format!("{}{key}:", " ".repeat(indent)));
        match value {
            Value::Object(members) if !members.is_empty() => {
                out.push_str(&format!("\n{}", anew(value, indent + 2)));
            }
            value => out.push_str(&format!(" {value}\n")),
        }
    }
    out
}

/// Equal, but that a mapping of which nothing is left is read as null.
fn same(now: &Value, value: &Value) -> bool {
    match (now, value) {
        (Value::Null, Value::Object(members)) => members.is_empty(),
        (Value::Object(now), Value::Object(value)) => {
            now.len() == value.len()
                && value.iter().all(|(key, value)| now.get(key).is_some_and(|now| same(now, value)))
        }
        (now, value) => now == value,
    }
}

/// The lines of an entry, from that of its key.
fn lines_of(lines: &[&str], entry: &Entry) -> Range<usize> {
    let origin = entry.origin();
    let (start, column) = (origin.line - 1, origin.column - 1);
    let is_list = !entry.value.list().is_empty();
    let is_own = |line: &str| {
        let indent = line.len() - line.trim_start().len();
        let is_item = is_list && indent == column && line.trim_start().starts_with('-');
        indent > column || is_item
    };
    let mut end = start + 1;
    for (at, line) in lines.iter().enumerate().skip(start + 1) {
        if is_own(line) && !line.trim().is_empty() {
            end = at + 1;
        } else if !(line.trim().is_empty() || line.trim_start().starts_with('#')) {
            break;
        }
    }
    start..end
}

fn parsed(text: &str) -> Option<Value> {
    let (documents, notes) = document::parse("", text);
    let is_fine = !outcrop_config::has_errors(&notes) && documents.len() < 2;
    is_fine.then(|| documents.first().map_or(Value::Null, |document| document.root.value()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> Node {
        document::parse("", text).0.remove(0).root
    }

    #[test]
    fn parts_keep_their_comments_and_say_what_they_said() {
        let text = "# head\na:\n  # of b\n  b:\n    c: 1 # one\n\n    d:\n    - e\n  f: {g: 2}\n# of h\nh:\n- i\nj: 3\n";
        let root = root(text);
        let a = &root.entries()[0].value;
        let b = part(text, &a.entries()[0], "x: y\n", "config");
        assert_eq!(b, "x: y\nconfig:\n  c: 1 # one\n\n  d:\n  - e\n");
        assert_eq!(part(text, &a.entries()[1], "", "f"), "f:\n  g: 2\n");
        assert_eq!(
            without(text, &root, &[&["a", "b"], &["h"]]),
            "# head\na:\n  # of b\n  f: {g: 2}\n# of h\nj: 3\n"
        );
        let anchored = "a: &x\n  b: 1\nc:\n  d: *x\ne: 2\n";
        let root = self::root(anchored);
        assert_eq!(part(anchored, &root.entries()[1], "", "c"), "c:\n  d:\n    b: 1\n");
        assert_eq!(without("a:\n  b: 1\n", &self::root("a:\n  b: 1\n"), &[&["a", "b"]]), "a:\n");
    }
}
