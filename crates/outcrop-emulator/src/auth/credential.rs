//! The credential scope `AKID/date/region/service/aws4_request`, and the key it names.

use std::time::SystemTime;

use super::{Identity, Known};
use crate::access;
use crate::config::{AccessKey, Config};
use crate::refusal::{Exception, Refusal};

/// A parsed credential scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scope<'a> {
    pub(super) key_id: &'a str,
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

impl<'a> Scope<'a> {
    /// Reads the five slash-separated fields.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut fields = text.split('/');
        let scope = Self {
            key_id: fields.next()?,
            date: fields.next()?,
            region: fields.next()?,
            service: fields.next()?,
        };
        (fields.next()? == "aws4_request" && fields.next().is_none()).then_some(scope)
    }

    /// The part of the string to sign.
    pub(super) fn text(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }

    /// Refuses a scope of another service or region.
    pub(super) fn check(&self, config: &Config, service: &str) -> Result<(), Refusal> {
        if self.service != service {
            return Err(Refusal::new(
                Exception::InvalidSignature,
                format!("Credential should be scoped to correct service: '{service}'. "),
            ));
        }
        let expected = config.region.as_deref();
        if !is_region(self.region) || expected.is_some_and(|region| region != self.region) {
            return Err(Refusal::new(
                Exception::InvalidSignature,
                "Credential should be scoped to a valid region. ",
            ));
        }
        Ok(())
    }
}

/// Finds the key with whom it belongs to, and checks that the session token sent with it is its own
/// and still valid.
pub(super) fn find(
    known: Known<'_>,
    key_id: &str,
    token: Option<&str>,
    now: SystemTime,
) -> Result<(AccessKey, Identity), Refusal> {
    let configured = known.config.access_keys.iter().map(|key| {
        let who = Identity::new(known, &key.id, access::user("example"));
        (key.clone(), who)
    });
    let issued = known.issued.find(key_id).map(|session| {
        let who = Identity::new(known, &session.role, session.arn);
        (session.key, who)
    });
    let (key, who) = configured
        .chain(issued)
        .find(|(key, _)| key.id == key_id && key.session_token.as_deref() == token)
        .ok_or_else(|| Refusal::plain(Exception::UnrecognizedClient))?;
    if key.expires_at.is_some_and(|at| now >= at) {
        return Err(Refusal::plain(Exception::ExpiredToken));
    }
    Ok((key, who))
}

/// Words of small letters and digits joined by hyphens, the last one a number: `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    let plain = |word: &&str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let numbered = words.last().is_some_and(|word| word.bytes().all(|b| b.is_ascii_digit()));
    words.len() >= 3 && words.iter().all(plain) && numbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_recognised_by_form() {
        for good in ["us-east-1", "us-gov-west-1", "eusc-de-east-1", "mx-central-1"] {
            assert!(is_region(good), "{good}");
        }
        for bad in ["", "us", "us-east", "US-EAST-1", "us-east-1a", "us--1"] {
            assert!(!is_region(bad), "{bad}");
        }
    }
}
