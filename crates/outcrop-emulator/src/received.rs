//! A request as it arrived, and the journal of those requests for tests to read.
//!
//! Invariants: (1) the journal never holds a secret: signatures, bearer keys and session tokens
//! are masked before a request enters it; (2) it is bounded by count and by bytes of body.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

/// Requests the journal keeps.
const MOST_ENTRIES: usize = 512;
/// Where forms with secrets go: STS and the OIDC issuer.
const FORMS: [&str; 2] = ["/", "/oidc/token"];
/// Bytes of bodies the journal keeps.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// One request: raw path and query, headers with secrets masked, whole body.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    /// As on the wire, nothing decoded.
    pub raw_path: String,
    /// As on the wire, without the question mark; empty when there is none.
    pub raw_query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The status the emulator chose for it.
    pub status: u16,
    /// The `x-amzn-RequestId` it was answered with.
    pub request_id: String,
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Mutex<VecDeque<Received>>,
}

impl Received {
    /// The body as JSON, when it is.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A header's value, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn to_json(&self) -> Value {
        let headers: serde_json::Map<String, Value> = self
            .headers
            .keys()
            .map(|name| {
                let values: Vec<_> = self
                    .headers
                    .get_all(name)
                    .iter()
                    .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                    .collect();
                (name.to_string(), Value::from(values.join(", ")))
            })
            .collect();
        let body = self
            .json()
            .unwrap_or_else(|| Value::from(String::from_utf8_lossy(&self.body).into_owned()));
        json!({
            "method": self.method,
            "path": self.raw_path,
            "query": self.raw_query,
            "headers": headers,
            "body": body,
            "status": self.status,
            "requestId": self.request_id,
        })
    }
}

impl Journal {
    pub(crate) fn push(&self, mut received: Received) {
        mask(&mut received.headers);
        if FORMS.contains(&received.raw_path.as_str()) {
            received.body = without_secrets(&received.body);
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push_back(received);
        let mut bytes: usize = entries.iter().map(|entry| entry.body.len()).sum();
        while entries.len() > MOST_ENTRIES || (bytes > MOST_BYTES && entries.len() > 1) {
            bytes -= entries.pop_front().map_or(0, |entry| entry.body.len());
        }
    }

    pub(crate) fn all(&self) -> Vec<Received> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn mask(headers: &mut HeaderMap) {
    for name in [
        "x-amz-security-token",
        "x-api-key",
        "cookie",
        "x-amz-sso_bearer_token",
        "x-aws-ec2-metadata-token",
    ] {
        if headers.contains_key(name) {
            headers.insert(name, HeaderValue::from_static("***"));
        }
    }
    let Some(value) = headers.get("authorization") else {
        return;
    };
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    let shown = match text.split_once("Signature=") {
        Some((before, _)) => format!("{before}Signature=***"),
        None => match text.split_once(' ') {
            Some((scheme, _)) => format!("{scheme} ***"),
            None => "***".to_owned(),
        },
    };
    let shown = HeaderValue::from_str(&shown).unwrap_or(HeaderValue::from_static("***"));
    headers.insert("authorization", shown);
}

/// A form without what proves who sends it.
fn without_secrets(form: &[u8]) -> Bytes {
    let form = String::from_utf8_lossy(form);
    let shown: Vec<&str> = form
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some(("WebIdentityToken", _)) => "WebIdentityToken=***",
            Some(("client_secret", _)) => "client_secret=***",
            _ => pair,
        })
        .collect();
    shown.join("&").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer ABSKsecret"));
        headers.insert("x-amz-security-token", HeaderValue::from_static("token"));
        mask(&mut headers);
        assert_eq!(headers["authorization"], "Bearer ***");
        assert_eq!(headers["x-amz-security-token"], "***");
        headers.insert("authorization", HeaderValue::from_static("of-a-container"));
        mask(&mut headers);
        assert_eq!(headers["authorization"], "***");
        assert_eq!(
            without_secrets(b"A=1&WebIdentityToken=x.y&client_secret=z&B=2"),
            "A=1&WebIdentityToken=***&client_secret=***&B=2"
        );
    }
}
