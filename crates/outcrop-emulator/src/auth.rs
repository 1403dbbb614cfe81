//! Who is asking: signatures and API keys, verified by computing them again.
//!
//! Guarantees: (1) no header is trusted that is not signed; (2) secrets are compared in constant
//! time and never logged; (3) the texts of refusals are those of AWS's front door.
//! Does not do: presigned URLs for operations. What a caller may do is in `access.rs`.

mod bearer;
mod canonical;
mod credential;
mod crypto;
mod sigv4;

use std::time::SystemTime;

use http::HeaderMap;

use crate::access::{self, Access};
use crate::config::Config;
use crate::identity::Issued;
use crate::refusal::{Exception, Refusal};

pub(crate) use crypto::{hmac_sha256, sha256_hex};

/// The name that short-term API keys are signed for, whatever they are used for.
const SERVICE: &str = "bedrock";

/// What of a request a signature covers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    /// The name that the request must be signed for.
    pub(crate) service: &'static str,
    pub(crate) method: &'a str,
    pub(crate) raw_path: &'a str,
    pub(crate) raw_query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    /// The `:authority` of an HTTP/2 request, which stands for a missing `host`.
    pub(crate) authority: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// A verified caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The region the credential is scoped to; long-term API keys have none.
    pub(crate) region: Option<String>,
    /// The access key behind it; long-term API keys have none.
    pub(crate) key_id: Option<String>,
    who: Identity,
}

/// Whom a credential belongs to, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    arn: String,
    access: Access,
}

/// The credentials that are good here: those of the configuration and those issued since.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) config: &'a Config,
    pub(crate) issued: &'a Issued,
}

impl Caller {
    /// Refuses what the caller may not do; `target` is the foundation model's id, and the ARN that the
    /// refusal names.
    pub(crate) fn check(&self, action: &str, target: Option<(&str, &str)>) -> Result<(), Refusal> {
        let Identity { arn, access } = &self.who;
        match access.allows(action, target.map(|(model, _)| model)) {
            true => Ok(()),
            false => Err(access::denied(arn, action, target.map(|(_, resource)| resource))),
        }
    }
}

impl Identity {
    /// `name` is what the table of access calls the identity.
    fn new(known: Known<'_>, name: &str, arn: String) -> Self {
        Self { arn, access: known.config.access.get(name).cloned().unwrap_or_default() }
    }
}

/// Verifies whichever credential the request carries.
pub(crate) fn verify(
    known: Known<'_>,
    request: &Signed<'_>,
    now: SystemTime,
) -> Result<Caller, Refusal> {
    let Some(authorization) = request.headers.get("authorization") else {
        return Err(Refusal::plain(Exception::MissingAuthenticationToken));
    };
    let authorization = authorization.to_str().unwrap_or_default();
    match authorization.split_once(' ') {
        Some(("Bearer", key)) => bearer::verify(known, key.trim(), now),
        Some((sigv4::ALGORITHM, fields)) => sigv4::verify(known, request, fields, now),
        _ => Err(Refusal::new(
            Exception::IncompleteSignature,
            format!("Authorization header requires '{}' or 'Bearer'. ", sigv4::ALGORITHM),
        )),
    }
}
