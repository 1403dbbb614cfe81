//! JSON laid out for review: order, numbers and escapes as they were written.

use outcrop_model::Ledger;
use outcrop_model::json::Members;
use serde_json::value::RawValue;

/// Widest line before a list or an object is spread over several.
const WIDTH: usize = 110;

pub fn json(bytes: &[u8]) -> String {
    match serde_json::from_slice::<&RawValue>(bytes) {
        Ok(raw) => {
            let mut out = String::new();
            write(raw, 0, &mut out);
            out.push('\n');
            out
        }
        Err(error) => format!("not JSON: {error}\n{}\n", String::from_utf8_lossy(bytes)),
    }
}

pub fn losses(ledger: &Ledger) -> String {
    let line = |l: &outcrop_model::Loss| format!("{} {} — {}\n", l.kind.as_str(), l.path, l.why);
    ledger.losses().iter().map(line).collect()
}

fn write(raw: &RawValue, depth: usize, out: &mut String) {
    let text = raw.get();
    let short = on_one_line(text);
    let is_nested = text.starts_with(['{', '[']);
    if !is_nested || short.len() + 2 * depth <= WIDTH {
        return out.push_str(&short);
    }
    let (open, close) = if text.starts_with('{') { ('{', '}') } else { ('[', ']') };
    out.push(open);
    let items: Vec<(String, &RawValue)> = match open {
        '{' => {
            let members: Members<'_> = serde_json::from_str(text).unwrap();
            let key = |k: &str| format!("{}: ", serde_json::to_string(k).unwrap());
            members.0.into_iter().map(|(k, v)| (key(&k), v)).collect()
        }
        _ => {
            let list: Vec<&RawValue> = serde_json::from_str(text).unwrap();
            list.into_iter().map(|v| (String::new(), v)).collect()
        }
    };
    for (i, (key, value)) in items.iter().enumerate() {
        out.push_str(if i == 0 { "\n" } else { ",\n" });
        out.push_str(&"  ".repeat(depth + 1));
        out.push_str(key);
        write(value, depth + 1, out);
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(close);
}

/// White space outside of strings goes; one space follows each comma and colon.
fn on_one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let (mut inside, mut escaped) = (false, false);
    for c in text.chars() {
        match (inside, c) {
            (true, _) => {
                inside = escaped || c != '"';
                escaped = !escaped && c == '\\';
                out.push(c);
            }
            (false, '"') => {
                inside = true;
                out.push(c);
            }
            (false, c) if c.is_whitespace() => {}
            (false, ',' | ':') => {
                out.push(c);
                out.push(' ');
            }
            (false, _) => out.push(c),
        }
    }
    out
}
