//! Which of two hosts a request is for: `bedrock-runtime` or `bedrock-mantle`.
//!
//! Both are served on one listener. A request is mantle's when its path begins with `/mantle` (which is
//! taken off), when its `host` says so, when only mantle has such a path, or when a path of both comes with
//! a signature that is scoped to mantle's name. Everything else is the runtime's.

use http::request::Parts;

/// The first segment of mantle's base URL here.
pub(crate) const BASE: &str = "/mantle";
const HOST: &str = "bedrock-mantle.";
const SCOPE: &str = "/bedrock-mantle/aws4_request";
const SHARED: [&str; 2] = ["/openai/", "/anthropic/"];
const ITS_OWN: [&str; 4] =
    ["/v1/chat/completions", "/v1/responses", "/v1/models", "/anthropic/v1/messages/count_tokens"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    Runtime,
    Mantle,
}

/// The surface, and the path on it.
pub(crate) fn of(parts: &Parts) -> (Surface, &str) {
    let path = parts.uri.path();
    if let Some(rest) = path.strip_prefix(BASE)
        && rest.starts_with('/')
    {
        return (Surface::Mantle, rest);
    }
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let host = text("host").or(parts.uri.authority().map(http::uri::Authority::as_str));
    let is_shared = SHARED.iter().any(|prefix| path.starts_with(prefix));
    let is_scoped = || text("authorization").is_some_and(|text| text.contains(SCOPE));
    let is_mantle = host.is_some_and(|host| host.starts_with(HOST))
        || ITS_OWN.contains(&path)
        || is_shared && is_scoped();
    (if is_mantle { Surface::Mantle } else { Surface::Runtime }, path)
}

// === impl Surface ===

impl Surface {
    /// The name that requests are signed for.
    pub(crate) fn signing_name(self) -> &'static str {
        match self {
            Self::Runtime => "bedrock",
            Self::Mantle => "bedrock-mantle",
        }
    }
}
