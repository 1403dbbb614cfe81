//! What goes back to the client.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use outcrop_dialect::render::render;
use outcrop_model::{Dialect, Fault, PicoUsd};

use crate::pump::AnswerBody;

/// A response ready for the wire.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: ReplyBody,
}

#[derive(Debug)]
pub enum ReplyBody {
    Whole(Bytes),
    Stream(Box<AnswerBody>),
}

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const ESTIMATE: HeaderName = HeaderName::from_static("x-outcrop-estimate");
const MODEL: HeaderName = HeaderName::from_static("x-outcrop-model");
const COST: HeaderName = HeaderName::from_static("x-outcrop-cost");
const ROUTE: HeaderName = HeaderName::from_static("x-outcrop-route");
const LOSS: HeaderName = HeaderName::from_static("x-outcrop-loss");

// === impl Reply ===

impl Reply {
    pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { status, headers, body: ReplyBody::Whole(body.into()) }
    }

    /// A streamed answer, of which this is the media type.
    pub fn stream(kind: &'static str, body: ReplyBody) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Self { status: StatusCode::OK, headers, body }
    }

    /// A fault as an HTTP error in the caller's dialect.
    pub fn fault(fault: &Fault, dialect: Dialect, request_id: &str) -> Self {
        let rendered = render(fault, dialect, request_id);
        let status =
            StatusCode::from_u16(rendered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut reply = Self::json(status, rendered.body);
        if let Some(name) = rendered.error_type {
            reply.headers.insert(ERROR_TYPE, HeaderValue::from_static(name));
        }
        if let Some(retry) = rendered.should_retry {
            let word = if retry { "true" } else { "false" };
            reply.headers.insert(SHOULD_RETRY, HeaderValue::from_static(word));
        }
        if let Some(wait) = fault.retry_after {
            reply.headers.insert(http::header::RETRY_AFTER, whole_seconds(wait));
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"outcrop\"");
            reply.headers.insert(http::header::WWW_AUTHENTICATE, scheme);
        }
        reply.label(request_id, fault.request_id.as_deref());
        reply
    }

    /// Puts the three request-id headers that clients look for. `x-amzn-requestid` is Bedrock's own id
    /// when there is one.
    pub fn label(&mut self, ours: &str, theirs: Option<&str>) {
        for name in [X_REQUEST_ID, REQUEST_ID] {
            self.put(name, ours);
        }
        self.put(AMZN_REQUEST_ID, theirs.unwrap_or(ours));
    }

    /// Marks an answer that the gateway made by estimate.
    pub fn estimated(&mut self) {
        self.put(ESTIMATE, "true");
    }

    /// Tells the id that Bedrock was asked for, where it is another than the caller's.
    pub fn target(&mut self, id: &str) {
        self.put(MODEL, id);
    }

    /// Tells what the answer cost, in dollars.
    pub fn cost(&mut self, cost: PicoUsd) {
        self.put(COST, &cost.to_string());
    }

    /// Tells which way the answer came.
    pub fn route(&mut self, way: &str) {
        self.put(ROUTE, way);
    }

    /// Puts the loss report.
    pub fn report(&mut self, losses: &str) {
        self.put(LOSS, losses);
    }

    fn put(&mut self, name: HeaderName, value: &str) {
        match HeaderValue::from_str(value) {
            Ok(value) => {
                self.headers.insert(name, value);
            }
            Err(_) => {
                tracing::warn!(header = %name, "a header value is not visible ASCII; left out")
            }
        }
    }
}

/// Clients read `retry-after` in seconds; a part of one counts as one.
fn whole_seconds(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}
