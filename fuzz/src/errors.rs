//! What AWS says when it says no: classified, and told in every client dialect.

use http::{HeaderMap, HeaderValue};
use outcrop_aws::{classify_http, classify_stream};
use outcrop_dialect::render::render;
use outcrop_model::{Dialect, Fault, FrameKind, Phase};
use serde_json::value::RawValue;

const CALLERS: [Dialect; 7] = [
    Dialect::OpenAiChat,
    Dialect::Responses,
    Dialect::OpenAiEmbeddings,
    Dialect::CohereRerank,
    Dialect::Anthropic,
    Dialect::KongChat,
    Dialect::Converse,
];

/// The first line is the status and the error's name; the rest is the body.
pub fn run(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let head = String::from_utf8_lossy(&input[..end]);
    let body = input.get(end + 1..).unwrap_or_default();
    let (status, name) = head.split_once(' ').unwrap_or((&head, ""));
    let mut headers = HeaderMap::new();
    for (header, value) in
        [("x-amzn-errortype", name), ("retry-after", name), ("x-amzn-requestid", name)]
    {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(header, value);
        }
    }
    told(&classify_http(status.parse().unwrap_or(500), &headers, body));
    for kind in [FrameKind::Exception(name), FrameKind::Event(name)] {
        if let Some(fault) = classify_stream(&kind, body, Phase::Streaming) {
            told(&fault);
        }
    }
}

fn told(fault: &Fault) {
    for secret in ["arn:aws", "://", ".amazonaws.com"] {
        assert!(!fault.message.contains(secret), "{secret} in {}", fault.message);
    }
    for dialect in CALLERS {
        let told = render(fault, dialect, "req-1");
        assert!((400..600).contains(&told.status), "{told:?}");
        // AWS has said it of the gateway: never the caller's own 401 or 403.
        assert!(![401, 403].contains(&told.status), "{told:?}");
        assert!(serde_json::from_slice::<&RawValue>(&told.body).is_ok(), "{told:?}");
    }
}
