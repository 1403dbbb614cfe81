//! The canonical request of Signature Version 4, from what was on the wire.
//!
//! One rule verifies every SDK: the raw path is normalised and percent-encoded once more, so
//! `%3A` counts as `%253A` and a raw `:` as `%3A`.

use http::HeaderMap;

use super::Signed;
use super::crypto::sha256_hex;
use crate::route::percent_decode_bytes;

/// Builds the canonical request for the headers named as signed.
pub(super) fn request(signed: &Signed<'_>, names: &[&str], payload_hash: &str) -> String {
    let mut text =
        format!("{}\n{}\n{}\n", signed.method, path(signed.raw_path), query(signed.raw_query));
    for name in names {
        let value = header(signed, name).unwrap_or_default();
        text.push_str(&format!("{name}:{value}\n"));
    }
    text.push_str(&format!("\n{}\n{payload_hash}", names.join(";")));
    text
}

/// The string to sign for a canonical request.
pub(super) fn string_to_sign(timestamp: &str, scope: &str, canonical: &str) -> String {
    format!(
        "{}\n{timestamp}\n{scope}\n{}",
        super::sigv4::ALGORITHM,
        sha256_hex(canonical.as_bytes())
    )
}

/// A header's canonical value: all its values, trimmed, inner runs of spaces made one.
pub(super) fn header(signed: &Signed<'_>, name: &str) -> Option<String> {
    let values = values(signed.headers, name);
    if values.is_empty() && name == "host" {
        return signed.authority.map(str::to_owned);
    }
    (!values.is_empty()).then(|| values.join(","))
}

fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers
        .get_all(name)
        .iter()
        .map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect()
}

/// Removes dot segments and double slashes, then encodes every byte but unreserved ones and `/`.
fn path(raw: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let mut normal = String::from("/");
    normal.push_str(&kept.join("/"));
    if raw.ends_with('/') && !kept.is_empty() {
        normal.push('/');
    }
    encode(normal.as_bytes(), true)
}

/// Decodes, encodes strictly and sorts by encoded name, then value.
pub(super) fn query(raw: &str) -> String {
    let mut pairs: Vec<(String, String)> = raw
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let strict = |text| encode(&percent_decode_bytes(text), false);
            (strict(name), strict(value))
        })
        .collect();
    pairs.sort();
    let joined: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    joined.join("&")
}

fn encode(bytes: &[u8], keep_slash: bool) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        let unreserved = byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        if unreserved || (keep_slash && byte == b'/') {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_path_is_encoded_once_more() {
        assert_eq!(path("/model/x-v2%3A0/converse"), "/model/x-v2%253A0/converse");
        assert_eq!(path("/model/x-v1:0/invoke"), "/model/x-v1%3A0/invoke");
        assert_eq!(path("/model/arn:aws%2Fab/invoke"), "/model/arn%3Aaws%252Fab/invoke");
        assert_eq!(path("//a/./b/../c/"), "/a/c/");
        assert_eq!(path("/"), "/");
    }

    #[test]
    fn queries_are_sorted_by_encoded_name_and_value() {
        assert_eq!(query("b=2&a=x%20y&a=%2F&c"), "a=%2F&a=x%20y&b=2&c=");
    }
}
