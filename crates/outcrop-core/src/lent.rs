//! AWS credentials that callers lend for one request, in headers.
//!
//! 1. Where this is on, the headers are taken out of every request: they are never passed on or logged.
//! 2. Half a set is an error, not an absence: the gateway's own identity does not stand in for it.
//! 3. What such credentials are refused for is the caller's, and nobody else's credentials are doubted.

use http::{HeaderMap, HeaderName};
use outcrop_aws::Credentials;
use outcrop_config::Without;
use outcrop_model::{ErrorClass, Fault, Phase};

/// The prefix of Envoy AI Gateway (its API reference, checked 2026-11-21).
pub const DEFAULT_PREFIX: &str = "x-aigw-aws-";
/// What stands after the prefix: the key's id, its secret, and its token, if it is temporary.
pub const PARTS: [&str; 3] = ["access-key-id", "secret-access-key", "session-token"];

/// In which headers callers may lend credentials, and what becomes of requests without them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CredentialHeaders {
    id: HeaderName,
    secret: HeaderName,
    session_token: HeaderName,
    without: Without,
}

// === impl CredentialHeaders ===

impl CredentialHeaders {
    /// The headers that begin with a prefix.
    ///
    /// # Errors
    /// When it cannot begin a header's name.
    pub(crate) fn new(wish: &outcrop_config::CredentialHeaders) -> Result<Self, String> {
        let outcrop_config::CredentialHeaders { prefix, without } = wish;
        let bad = || format!("`{prefix}` cannot begin a header's name, such as {DEFAULT_PREFIX}");
        if prefix.is_empty() {
            return Err(bad());
        }
        let name = |part| HeaderName::try_from(format!("{prefix}{part}")).map_err(|_| bad());
        let [id, secret, session_token] = PARTS;
        let (id, secret, session_token) = (name(id)?, name(secret)?, name(session_token)?);
        Ok(Self { id, secret, session_token, without: *without })
    }

    /// Takes the headers out, and gives what they say.
    ///
    /// # Errors
    /// When a part is missing or unusable, or when there is none and there must be.
    pub(crate) fn take(&self, headers: &mut HeaderMap) -> Result<Option<Credentials>, Fault> {
        let Self { id, secret, session_token, without } = self;
        // All are taken out before one can fail.
        let [id_value, secret_value, token] =
            [id, secret, session_token].map(|name| taken(headers, name));
        match (id_value?, secret_value?, token?) {
            (Some(id), Some(secret), token) => {
                Credentials::keys(&id, &secret, token.as_deref()).map(Some).map_err(|_unusable| {
                    bad(&self.id, "these credentials hold a blank or nothing at all")
                })
            }
            (None, None, None) => match without {
                Without::UseConfigured => Ok(None),
                Without::Refuse => Err(Fault::new(
                    ErrorClass::Unauthenticated,
                    Phase::BeforeSend,
                    format!(
                        "This gateway wants AWS credentials with each request: the headers {id} and \
                         {secret}, and {session_token} for temporary ones."
                    ),
                )),
            },
            (None, _, _) => Err(incomplete(id)),
            (Some(_), None, _) => Err(incomplete(secret)),
        }
    }
}

// === helpers ===

/// The one value of a header that is there no more afterwards.
fn taken(headers: &mut HeaderMap, name: &HeaderName) -> Result<Option<String>, Fault> {
    let is_single = headers.get_all(name).iter().nth(1).is_none();
    let Some(value) = headers.remove(name) else { return Ok(None) };
    match value.to_str() {
        Ok(text) if is_single => Ok(Some(text.to_owned())),
        Ok(_) => Err(bad(name, "it is there more than once")),
        Err(_) => Err(bad(name, "its value is no plain text")),
    }
}

fn incomplete(missing: &HeaderName) -> Fault {
    bad(missing, "it is missing, though others of the AWS credentials are there. Send all, or none")
}

fn bad(name: &HeaderName, why: &str) -> Fault {
    let message = format!("The header {name}: {why}.");
    Fault::new(ErrorClass::InvalidRequest, Phase::BeforeSend, message).with_param(name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lent(prefix: &str, without: Without) -> Result<CredentialHeaders, String> {
        let prefix = prefix.to_owned();
        CredentialHeaders::new(&outcrop_config::CredentialHeaders { prefix, without })
    }

    fn take(without: Without, pairs: &[(&'static str, &'static str)]) -> Result<bool, Fault> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        let taken = lent("x-my-", without).unwrap().take(&mut headers);
        assert!(headers.is_empty(), "{headers:?}");
        taken.map(|credentials| credentials.is_some())
    }

    #[test]
    fn all_or_none_and_never_left_behind() {
        let (id, secret, token) = (
            ("x-my-access-key-id", "A"),
            ("x-my-secret-access-key", "S3"),
            ("x-my-session-token", "T"),
        );
        for whole in [&[id, secret][..], &[id, secret, token]] {
            assert!(take(Without::Refuse, whole).unwrap());
        }
        for (half, missing) in [
            (&[id][..], "x-my-secret"),
            (&[secret], "x-my-access-key-id"),
            (&[token], "x-my-access-key-id"),
            (&[id, token], "x-my-secret"),
            (&[id, id, secret], "x-my-access-key-id"),
            (&[id, ("x-my-secret-access-key", "S3 S3")], "blank"),
        ] {
            let fault = take(Without::UseConfigured, half).unwrap_err();
            assert_eq!(fault.class, ErrorClass::InvalidRequest);
            assert!(fault.message.contains(missing) && !fault.message.contains("S3"), "{fault}");
        }
        assert!(!take(Without::UseConfigured, &[]).unwrap());
        let fault = take(Without::Refuse, &[]).unwrap_err();
        assert_eq!(fault.class, ErrorClass::Unauthenticated);
        assert!(lent("x y", Without::Refuse).is_err());
    }
}
