//! Headers of the way to AWS that the gateway alone says.

/// Never leave as a caller or a configuration wrote them: the caller's identity, what signing sets, what
/// the connection owns, and an encoding of answers that the gateway would have to undo.
pub const WITHHELD: [&str; 15] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-api-key",
];
