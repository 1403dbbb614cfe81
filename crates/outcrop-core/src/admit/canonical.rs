//! The canonical request of Signature Version 4, from what was on the wire.
//!
//! One rule verifies every SDK: the raw path is normalised and percent-encoded once more, so that
//! boto3's `%3A` counts as `%253A` and Anthropic's raw `:` as `%3A` (seen on the wire, 2026-11-21).

use http::HeaderMap;
use http::request::Parts;

use super::crypto::{hex, hmac, sha256};
use crate::model_id::percent_decode_bytes;

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The five parts of `Credential`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) key_id: String,
    pub(super) date: String,
    pub(super) region: String,
    pub(super) service: String,
}

// === impl Scope ===

impl Scope {
    pub(super) fn parse(credential: &str) -> Option<Self> {
        let mut parts = credential.split('/').map(str::to_owned);
        let mut part = || parts.next().filter(|part| !part.is_empty());
        let scope = Self { key_id: part()?, date: part()?, region: part()?, service: part()? };
        (part()? == "aws4_request" && part().is_none()).then_some(scope)
    }

    /// The signature of a canonical request.
    pub(super) fn sign(&self, secret: &str, timestamp: &str, canonical: &[u8]) -> String {
        let Self { key_id: _, date, region, service } = self;
        let hash = hex(&sha256(canonical));
        let to_sign =
            format!("{ALGORITHM}\n{timestamp}\n{date}/{region}/{service}/aws4_request\n{hash}");
        let steps = [date.as_str(), region, service, "aws4_request", &to_sign];
        let first = format!("AWS4{secret}").into_bytes();
        let key = steps.iter().fold(first, |key, step| hmac(&key, step.as_bytes()).to_vec());
        hex(&key)
    }
}

/// The canonical request up to the hash of the payload, for the headers named as signed.
pub(super) fn before_payload(head: &Parts, names: &[&str]) -> Vec<u8> {
    let path = path(head.uri.path());
    let query = query(head.uri.query().unwrap_or_default());
    let mut text = format!("{}\n{path}\n{query}\n", head.method).into_bytes();
    for name in names {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        text.extend_from_slice(&header(head, name).unwrap_or_default());
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend_from_slice(names.join(";").as_bytes());
    text.push(b'\n');
    text
}

/// A header's canonical value: all its values, trimmed, inner runs of spaces made one. The `:authority`
/// of HTTP/2 stands for a missing `host`.
pub(super) fn header(head: &Parts, name: &str) -> Option<Vec<u8>> {
    let values = values(&head.headers, name);
    match (values.is_empty(), name) {
        (true, "host") => head.uri.authority().map(|a| a.as_str().as_bytes().to_vec()),
        (true, _) => None,
        (false, _) => Some(values.join(&b","[..])),
    }
}

fn values(headers: &HeaderMap, name: &str) -> Vec<Vec<u8>> {
    let words = |value: &[u8]| {
        let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(&b" "[..])
    };
    headers.get_all(name).iter().map(|value| words(value.as_bytes())).collect()
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
    let mut normal = format!("/{}", kept.join("/"));
    if raw.ends_with('/') && !kept.is_empty() {
        normal.push('/');
    }
    encode(normal.as_bytes(), b"-_.~/")
}

/// Decodes, encodes strictly and sorts by encoded name, then value.
pub(super) fn query(raw: &str) -> String {
    let strict = |text: &str| encode(&percent_decode_bytes(text), b"-_.~");
    let pairs = raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (strict(name), strict(value))
    });
    let mut pairs: Vec<(String, String)> = pairs.collect();
    pairs.sort();
    let joined: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    joined.join("&")
}

fn encode(bytes: &[u8], kept: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 16);
    for &byte in bytes {
        match byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            true => text.push(char::from(byte)),
            false => text.push_str(&format!("%{byte:02X}")),
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

    #[test]
    fn a_credential_has_five_parts() {
        let scope = Scope::parse("AK/20261126/us-east-1/bedrock/aws4_request").unwrap();
        assert_eq!((scope.key_id.as_str(), scope.service.as_str()), ("AK", "bedrock"));
        for wrong in ["", "AK", "AK//r/s/aws4_request", "AK/d/r/s/aws4", "AK/d/r/s/aws4_request/x"]
        {
            assert_eq!(Scope::parse(wrong), None, "{wrong}");
        }
    }
}
