//! Cross-origin requests: which web pages may use the gateway from a browser.
//!
//! 1. Off unless origins are named: no header is sent, and a preflight is an ordinary `OPTIONS`.
//! 2. A page of another origin gets no header either, so that the browser keeps the answer from it.
//!    The request is still served where a key lets it in: this guards the browser's user, it is no access
//!    control. Where none is asked for, `crate::page` refuses it.
//! 3. Cookies play no part: clients of APIs send their key in a header.

use std::str::FromStr;
use std::sync::LazyLock;

use http::header::{self, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use outcrop_core::limit;
use outcrop_core::{Reply, ReplyBody};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, DELETE, OPTIONS");
/// Seconds for which a browser remembers a preflight: Chromium's upper limit is two hours, and a change
/// of the settings should be felt sooner.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
/// What SDKs read of an answer's headers, beside those of limits.
const READ: [&str; 12] = [
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
    "x-amzn-errortype",
    "retry-after",
    "x-should-retry",
    "x-outcrop-loss",
    "x-outcrop-model",
    "x-outcrop-models",
    "x-outcrop-route",
    "x-outcrop-estimate",
    "x-outcrop-cost",
];
/// All that may be read, in one line. It is always there: names of headers are values of one.
static EXPOSED: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let of_limits: Vec<HeaderName> = limit::headers().collect();
    let names = READ.into_iter().chain(of_limits.iter().map(HeaderName::as_str));
    names.collect::<Vec<_>>().join(", ").parse().ok()
});
const VARY: HeaderValue = HeaderValue::from_static(
    "origin, access-control-request-method, access-control-request-headers",
);
/// Chromium asks before a public page may reach a private address.
const ASK_PRIVATE: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// One origin to allow, or all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Any,
    /// As browsers write it: `https://chat.example.com`, `http://localhost:3000`.
    Named(HeaderValue),
}

/// Whom to allow; nobody by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cors(pub Vec<Origin>);

// === impl Origin ===

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Origin::Any);
        }
        let wrong = || "must be `*` or an origin such as https://chat.example.com".to_owned();
        let parts = text.parse::<Uri>().map_err(|_| wrong())?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(wrong());
        };
        let origin = format!("{scheme}://{authority}").to_ascii_lowercase();
        if !origin.eq_ignore_ascii_case(text) || authority.as_str().contains('@') {
            return Err(
                "an origin has no path, query or user: scheme, host and port only".to_owned()
            );
        }
        HeaderValue::try_from(origin).map(Origin::Named).map_err(|_| wrong())
    }
}

// === impl Cors ===

impl Cors {
    /// The answer to a preflight from an allowed page.
    pub(crate) fn preflight(&self, head: &Parts) -> Option<Reply> {
        let asked = &head.headers;
        if head.method != Method::OPTIONS
            || !asked.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        {
            return None;
        }
        let allowed = self.allowed(asked.get(header::ORIGIN)?)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        // SDKs send headers of their own (`x-stainless-…`), more with each version.
        if let Some(wanted) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        if asked.get(ASK_PRIVATE).is_some_and(|value| value == "true") {
            headers.insert(ALLOW_PRIVATE, HeaderValue::from_static("true"));
        }
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        headers.insert(header::VARY, VARY);
        let body = ReplyBody::Whole(bytes::Bytes::new());
        Some(Reply { status: StatusCode::NO_CONTENT, headers, body })
    }

    /// Lets a page of `origin` read the reply, if it is allowed to.
    pub(crate) fn grant(&self, origin: Option<&HeaderValue>, reply: &mut HeaderMap) {
        if self.0.is_empty() || reply.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
            return;
        }
        reply.insert(header::VARY, HeaderValue::from_static("origin"));
        if let Some(allowed) = origin.and_then(|origin| self.allowed(origin)) {
            reply.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            reply.extend(
                EXPOSED.clone().map(|names| (header::ACCESS_CONTROL_EXPOSE_HEADERS, names)),
            );
        }
    }

    /// Whether pages of `origin` may use the gateway.
    pub(crate) fn allows(&self, origin: &HeaderValue) -> bool {
        self.allowed(origin).is_some()
    }

    /// Whether pages at `host` may, with one scheme and port or another.
    pub(crate) fn allows_host(&self, host: &str) -> bool {
        self.0.iter().any(|allowed| match allowed {
            Origin::Any => true,
            Origin::Named(named) => {
                let named = named.to_str().ok().and_then(|named| named.parse::<Uri>().ok());
                let named = named.as_ref().and_then(Uri::host);
                named.is_some_and(|named| named.eq_ignore_ascii_case(host))
            }
        })
    }

    /// The value of `access-control-allow-origin` for a page of `origin`.
    fn allowed(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        let fits = self.0.iter().find(|allowed| match allowed {
            Origin::Any => true,
            Origin::Named(named) => named == origin,
        })?;
        Some(match fits {
            Origin::Any => HeaderValue::from_static("*"),
            Origin::Named(named) => named.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_scheme_host_and_port() {
        assert_eq!("*".parse(), Ok(Origin::Any));
        for (text, origin) in [
            ("http://localhost:3000", "http://localhost:3000"),
            ("HTTPS://Chat.Example.com", "https://chat.example.com"),
        ] {
            assert_eq!(text.parse(), Ok(Origin::Named(HeaderValue::from_static(origin))));
        }
        for text in ["", "localhost", "https://x/", "https://x/path", "https://u@x", "null", "**"] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
