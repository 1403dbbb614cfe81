//! What the emulator answers, from meaning to bytes.
//!
//! A [`Reply`] holds events, not bytes, so that faults can be put between them; a list of [`Step`]s
//! is what the connection then plays.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::frame;
use crate::refusal::Refusal;

pub(crate) const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";
pub(crate) const SENT_EVENTS: &str = "text/event-stream";
pub(crate) const JSON: &str = "application/json";
/// What padding is a prefix of (protocol facts section 3).
const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// A response before faults and framing.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) payload: Payload,
}

#[derive(Debug, Clone)]
pub(crate) enum Payload {
    Json(Value),
    /// Bytes as they are, of a content type.
    Raw(&'static str, Bytes),
    Events(Vec<Event>),
    /// Server-sent events.
    Sent(Vec<Event>),
}

/// One message of an event stream.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) kind: Kind,
    /// Event type, exception type or error code.
    pub(crate) name: String,
    pub(crate) payload: Value,
    /// Time to let pass before it.
    pub(crate) wait: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Event,
    /// An event whose payload travels as `{"bytes": base64}`.
    Chunk,
    Exception,
    Error,
    /// A server-sent event; without a name it has data only, and a text is sent as it is.
    Sent,
}

/// One thing to do with the connection.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Send(Bytes),
    Wait(Duration),
    /// Break the connection without ending the body.
    Break,
}

/// Whether frames carry the padding member `p`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Padding {
    Off,
    /// Lengths vary from frame to frame, beginning at the seed.
    On(u64),
}

// === impl Reply ===

impl Reply {
    pub(crate) fn json(value: Value) -> Self {
        Self { status: 200, headers: Vec::new(), payload: Payload::Json(value) }
    }

    pub(crate) fn events(events: Vec<Event>) -> Self {
        Self { status: 200, headers: Vec::new(), payload: Payload::Events(events) }
    }

    pub(crate) fn sent(events: Vec<Event>) -> Self {
        Self { status: 200, headers: Vec::new(), payload: Payload::Sent(events) }
    }

    pub(crate) fn with_header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let mut reply = Self::json(refusal.body());
        reply.status = refusal.status;
        if !refusal.name.is_empty() {
            reply = reply.with_header("x-amzn-ErrorType", &refusal.name);
        }
        reply.headers.extend(refusal.headers);
        reply
    }
}

// === impl Event ===

impl Event {
    pub(crate) fn new(name: &str, payload: Value) -> Self {
        Self { kind: Kind::Event, name: name.to_owned(), payload, wait: Duration::ZERO }
    }

    /// A chunk of a model's own JSON.
    pub(crate) fn chunk(payload: Value) -> Self {
        Self { kind: Kind::Chunk, ..Self::new("chunk", payload) }
    }

    pub(crate) fn sent(name: &str, payload: Value) -> Self {
        Self { kind: Kind::Sent, ..Self::new(name, payload) }
    }

    /// The frame, given the number of frames before it.
    pub(crate) fn encode(&self, index: usize, padding: Padding) -> Bytes {
        match self.kind {
            Kind::Event | Kind::Chunk => frame::encode(
                &[(":event-type", &self.name), (":content-type", JSON), (":message-type", "event")],
                &self.padded(index, padding),
            ),
            Kind::Exception => frame::encode(
                &[
                    (":exception-type", &self.name),
                    (":content-type", JSON),
                    (":message-type", "exception"),
                ],
                self.payload.to_string().as_bytes(),
            ),
            Kind::Sent => self.lines().into(),
            Kind::Error => frame::encode(
                &[
                    (":error-code", &self.name),
                    (":error-message", self.payload.as_str().unwrap_or_default()),
                    (":message-type", "error"),
                ],
                b"",
            ),
        }
    }

    /// `event: NAME` and `data: JSON`.
    fn lines(&self) -> String {
        let data = match &self.payload {
            Value::String(text) => text.clone(),
            json => json.to_string(),
        };
        match self.name.as_str() {
            "" => format!("data: {data}\n\n"),
            name => format!("event: {name}\ndata: {data}\n\n"),
        }
    }

    fn padded(&self, index: usize, padding: Padding) -> Vec<u8> {
        let mut json = match self.kind {
            Kind::Chunk => json!({"bytes": STANDARD.encode(self.payload.to_string())}).to_string(),
            Kind::Event | Kind::Exception | Kind::Error | Kind::Sent => self.payload.to_string(),
        };
        if let Padding::On(seed) = padding
            && json.ends_with('}')
        {
            json.pop();
            let comma = if json.ends_with('{') { "" } else { "," };
            let length = padding_length(seed, index);
            json.push_str(&format!("{comma}\"p\":\"{}\"}}", &PADDING[..length]));
        }
        json.into_bytes()
    }
}

/// 1 to 62, scattered by a multiplicative hash.
fn padding_length(seed: u64, index: usize) -> usize {
    let mixed = (seed ^ index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    1 + (mixed % PADDING.len() as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_the_last_member() {
        let event = Event::new("messageStart", json!({"role": "assistant"}));
        let text = String::from_utf8(event.padded(0, Padding::On(1))).unwrap();
        assert!(text.starts_with("{\"role\":\"assistant\",\"p\":\"a"), "{text}");
        let value: Value = serde_json::from_str(&text).unwrap();
        assert!(PADDING.starts_with(value["p"].as_str().unwrap()));
        assert_eq!(event.padded(0, Padding::Off), b"{\"role\":\"assistant\"}");
    }
}
