//! What a scalar says.

/// A scalar, by YAML 1.2's core schema.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Above `i64::MAX`.
    Large(u64),
    Float(f64),
    Text(&'a str),
}

/// What the plain (unquoted) `text` says.
pub(crate) fn plain(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" => Scalar::Bool(true),
        "false" | "False" | "FALSE" => Scalar::Bool(false),
        _ => number(text).unwrap_or(Scalar::Text(text)),
    }
}

fn number(text: &str) -> Option<Scalar<'_>> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let radix = |digits: &str, radix| i64::from_str_radix(digits, radix).ok().map(Scalar::Int);
    if let Some(hex) = text.strip_prefix("0x") {
        return hex.bytes().all(|b| b.is_ascii_hexdigit()).then(|| radix(hex, 16))?;
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return octal.bytes().all(|b| b.is_ascii_digit()).then(|| radix(octal, 8))?;
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        let whole = text.parse().map(Scalar::Int).or_else(|_| text.parse().map(Scalar::Large));
        if let Ok(whole) = whole {
            return Some(whole);
        }
    }
    let float = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let number: f64 = float.then(|| text.parse().ok())??;
    number.is_finite().then_some(Scalar::Float(number))
}
