//! Cassettes: exchanges recorded once and replayed by match.
//!
//! The file is JSON lines, one [`Exchange`] each. A request matches by operation, decoded path and
//! body (as JSON, whatever the order and spacing of its members). Exchanges that match the same
//! request are played in their order, the last one again and again.
//! A replay still verifies who is asking, and never falls back to an engine.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::auth::sha256_hex;
use crate::refusal::{Exception, Refusal};
use crate::route::percent_decode;

/// One recorded request and its response.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The name in the service model.
    pub operation: String,
    /// The path as it was on the wire.
    pub path: String,
    /// The request body as JSON; `null` for none.
    #[serde(default)]
    pub request: Value,
    pub status: u16,
    /// Response headers; those of the connection are not replayed.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The response body, in base64.
    pub body: String,
}

/// A cassette, read, with the place each repeated request is at.
#[derive(Debug, Default)]
pub struct Cassette {
    tracks: HashMap<String, Vec<Exchange>>,
    played: Mutex<HashMap<String, usize>>,
}

/// What is played for one request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Take {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Cassette {
    /// Reads JSON lines; empty lines are skipped.
    ///
    /// # Errors
    /// When a line is no exchange; the message names the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut cassette = Self::default();
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        for (index, line) in lines {
            let exchange: Exchange = serde_json::from_str(line)
                .map_err(|error| format!("cassette line {}: {error}", index + 1))?;
            let key = key(&exchange.operation, &exchange.path, &exchange.request);
            cassette.tracks.entry(key).or_default().push(exchange);
        }
        Ok(cassette)
    }

    /// The next recorded response to a request.
    pub(crate) fn play(&self, operation: &str, path: &str, body: &Value) -> Result<Take, Refusal> {
        let key = key(operation, path, body);
        let track = self.tracks.get(&key).ok_or_else(|| self.unmatched(operation, path, body))?;
        let mut played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
        let at = played.entry(key).or_default();
        let exchange = track.get(*at).or(track.last());
        *at += 1;
        let exchange = exchange.ok_or_else(|| self.unmatched(operation, path, body))?;
        let bytes = STANDARD.decode(&exchange.body).map_err(|error| {
            broken(format!("The body recorded for {operation} {path} is not base64: {error}"))
        })?;
        Ok(Take {
            status: exchange.status,
            headers: exchange.headers.clone(),
            body: Bytes::from(bytes),
        })
    }

    fn unmatched(&self, operation: &str, path: &str, body: &Value) -> Refusal {
        let mut known: Vec<String> = self
            .tracks
            .values()
            .flatten()
            .map(|exchange| format!("{} {}", exchange.operation, exchange.path))
            .collect();
        known.sort();
        known.dedup();
        broken(format!(
            "The cassette holds no answer to {operation} {path} with the body of SHA-256 {}. It holds: {}.",
            sha256_hex(canonical(body).as_bytes()),
            known.join(", ")
        ))
    }
}

impl Exchange {
    /// The line of a cassette file.
    ///
    /// # Errors
    /// Never in practice: every member is plain JSON.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// A cassette that does not fit is the operator's mistake, and must not look like one of the caller.
fn broken(message: String) -> Refusal {
    let mut refusal = Refusal::new(Exception::InternalServer, message);
    refusal.status = 501;
    refusal.name = "CassetteException".into();
    refusal
}

fn key(operation: &str, path: &str, body: &Value) -> String {
    let body = sha256_hex(canonical(body).as_bytes());
    format!("{operation} {} {body}", percent_decode(path))
}

/// JSON with sorted members and no white space.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut pairs: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            pairs.sort();
            format!("{{{}}}", pairs.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn exchange(body: &str) -> String {
        let exchange = Exchange {
            operation: "Converse".into(),
            path: "/model/x%3A0/converse".into(),
            request: json!({"a": 1, "b": [2]}),
            status: 200,
            headers: Vec::new(),
            body: STANDARD.encode(body),
        };
        exchange.to_line().unwrap()
    }

    #[test]
    fn repeated_requests_are_answered_in_order() {
        let cassette =
            Cassette::parse(&format!("{}\n\n{}", exchange("one"), exchange("two"))).unwrap();
        let play = || cassette.play("Converse", "/model/x:0/converse", &json!({"b": [2], "a": 1}));
        assert_eq!(play().unwrap().body, "one");
        assert_eq!(play().unwrap().body, "two");
        assert_eq!(play().unwrap().body, "two");
    }

    #[test]
    fn an_unknown_request_is_named() {
        let cassette = Cassette::parse(&exchange("one")).unwrap();
        let refusal = cassette.play("Converse", "/model/y/converse", &Value::Null).unwrap_err();
        assert!(refusal.message.contains("Converse /model/y/converse"), "{}", refusal.message);
        assert!(refusal.message.contains("It holds: Converse /model/x%3A0/converse"));
        assert!(Cassette::parse("{}").unwrap_err().starts_with("cassette line 1:"));
    }
}
