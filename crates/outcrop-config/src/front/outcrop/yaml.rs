//! JSON as YAML that people like to read, and that our own reader reads back as it was.

use serde_json::Value;

use crate::document::Scalar;
use crate::document::plain;

/// `value` as one document. Dollars in texts are doubled where they would name a variable.
pub(super) fn write(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(members) if members.is_empty() => out.push_str("{}\n"),
        value => block(value, 0, &mut out),
    }
    out
}

/// Longest list of words on one line.
const FLOW: usize = 80;

/// A mapping or a list whose lines begin at `indent`; anything else on the line that is open.
fn block(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (index, (key, value)) in members.iter().enumerate() {
                // The first goes where the line is.
                if index > 0 || out.is_empty() || out.ends_with('\n') {
                    pad(indent, out);
                }
                out.push_str(&scalar(key, Dollars::AsTheyAre));
                out.push(':');
                after_key(value, indent, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 || out.is_empty() || out.ends_with('\n') {
                    pad(indent, out);
                }
                out.push_str("- ");
                block(item, indent + 2, out);
            }
        }
        Value::String(text) if as_lines(text) => lines(text, indent, out),
        value => {
            out.push_str(&inline(value));
            out.push('\n');
        }
    }
}

fn after_key(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(members) if members.len() == 1 && members.values().all(is_word) => {
            out.push(' ');
            out.push_str(&inline(value));
            out.push('\n');
        }
        Value::Object(members) if !members.is_empty() => {
            out.push('\n');
            block(value, indent + 2, out);
        }
        Value::Array(items) if !items.is_empty() => {
            let words = items.iter().all(is_word);
            let flow = inline(value);
            if words && flow.len() <= FLOW {
                out.push(' ');
                out.push_str(&flow);
                out.push('\n');
            } else {
                out.push('\n');
                block(value, indent + 2, out);
            }
        }
        value => {
            out.push(' ');
            block(value, indent + 2, out);
        }
    }
}

/// Whether it can be said on the line that is open.
fn is_word(value: &Value) -> bool {
    match value {
        Value::String(text) => !as_lines(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn inline(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => scalar(text, Dollars::Doubled),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| {
                format!("{}: {}", scalar(key, Dollars::AsTheyAre), inline(value))
            };
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Variables are put into texts, and not into keys.
#[derive(Clone, Copy, PartialEq)]
enum Dollars {
    AsTheyAre,
    Doubled,
}

/// A text, quoted where it must be.
fn scalar(text: &str, dollars: Dollars) -> String {
    let text = match dollars {
        Dollars::Doubled => double_dollars(text),
        Dollars::AsTheyAre => text.to_owned(),
    };
    let word = |b: u8| b.is_ascii_alphanumeric() || b"_-./:@+*=$ ".contains(&b);
    let bare = text
        .starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_'))
        && text.bytes().all(word)
        && !text.ends_with([':', ' '])
        && !text.contains(": ")
        && matches!(plain(&text), Scalar::Text(_));
    match bare {
        true => text,
        false => quoted(text),
    }
}

/// In double quotes: JSON's escapes are YAML's, and YAML wants some more.
fn quoted(text: String) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for c in Value::String(text).to_string().chars() {
        match is_printable(c) {
            true => out.push(c),
            false => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out
}

/// Whether a character can stand in YAML as it is, and is seen.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Doubles the dollars that would be read as more than that.
fn double_dollars(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        let starts = |next: &char| next.is_ascii_alphabetic() || matches!(next, '$' | '{' | '_');
        if c == '$' && chars.peek().is_some_and(starts) {
            out.push('$');
        }
    }
    out
}

/// Whether a text is best written line by line.
fn as_lines(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n')
        && !text.starts_with([' ', '\n'])
        && !text.ends_with("\n\n")
        && text.chars().all(|c| is_printable(c) || c == '\n')
        && text.lines().all(|line| !line.ends_with(' '))
}

fn lines(text: &str, indent: usize, out: &mut String) {
    out.push_str(if text.ends_with('\n') { "|\n" } else { "|-\n" });
    for line in double_dollars(text).lines() {
        if !line.is_empty() {
            pad(indent, out);
            out.push_str(line);
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::document::parse;
    use crate::front::outcrop::Outcrop;
    use crate::front::{FrontEnd, Reading};
    use crate::load::put_variables_in;

    fn text() -> impl Strategy<Value = String> {
        let odd =
            r#"[-a-z0-9 \n\t$\{}\[\]:#'"*&!|>%@,.~_=/+<?\\é\u{7f}\u{85}\u{2028}\u{feff}]{0,12}"#;
        let words = prop::sample::select(vec!["null", "true", "1e3", "0x1f", "<<", "-", "$A ${B}"]);
        prop_oneof![odd, words.prop_map(str::to_owned), any::<String>()]
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((text(), inner), 0..5)
                    .prop_map(|members| members.into_iter().collect::<Value>()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_it_was(value in value()) {
            let value = json!({ "it": value });
            let written = write(&value);
            let (mut documents, diagnostics) = parse("", &written);
            prop_assert_eq!(diagnostics, [], "{}", written);
            let mut reading = Reading::new(&|_: &str| None);
            put_variables_in(&mut documents[0].root, Outcrop.variables(), &mut reading);
            prop_assert_eq!(documents[0].root.value(), value, "{}", written);
        }
    }
}
