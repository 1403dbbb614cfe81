//! Assuming a role with credentials of any source.

use std::fmt;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;

/// The shortest and longest life of a session, in seconds (AWS STS API reference, checked 2026-11-26).
const SESSION_SECONDS: std::ops::RangeInclusive<u64> = 900..=43_200;

/// A role to assume, and how.
#[derive(Clone, PartialEq, Eq)]
pub struct Role {
    pub arn: String,
    pub external_id: Option<String>,
    /// `outcrop` if there is none: it stands in the account's audit log.
    pub session_name: Option<String>,
    /// 900 to 43200 seconds; STS takes an hour if there is none.
    pub session_length: Option<Duration>,
    /// Each with key and value.
    pub tags: Vec<(String, String)>,
    /// A policy in JSON that narrows the role's own.
    pub policy: Option<String>,
}

// === impl Role ===

impl Role {
    /// The role of `arn`, with nothing else asked for.
    ///
    /// # Errors
    /// When `arn` is not of the form of a role's ARN.
    pub fn new(arn: &str) -> Result<Self, String> {
        let fields: Vec<&str> = arn.trim().splitn(6, ':').collect();
        let is_role = matches!(
            fields.as_slice(),
            ["arn", _, "iam", "", account, resource]
                if account.len() == 12
                    && account.bytes().all(|byte| byte.is_ascii_digit())
                    && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
        );
        if !is_role {
            return Err("a role looks like arn:aws:iam::ACCOUNT:role/NAME".to_owned());
        }
        Ok(Self {
            arn: arn.trim().to_owned(),
            external_id: None,
            session_name: None,
            session_length: None,
            tags: Vec::new(),
            policy: None,
        })
    }

    /// Checks the length of a session.
    ///
    /// # Errors
    /// When STS would not take it.
    pub fn session_length(seconds: u64) -> Result<Duration, String> {
        match SESSION_SECONDS.contains(&seconds) {
            true => Ok(Duration::from_secs(seconds)),
            false => Err("a session lasts 900 to 43200 seconds".to_owned()),
        }
    }

    /// The provider that assumes this role with `base`.
    pub(super) async fn provider(&self, base: Credentials, sdk: &SdkConfig) -> AssumeRoleProvider {
        let Self { arn, external_id, session_name, session_length, tags, policy } = self;
        let name = session_name.as_deref().unwrap_or("outcrop");
        let mut builder = AssumeRoleProvider::builder(arn).configure(sdk).session_name(name);
        if let Some(id) = external_id {
            builder = builder.external_id(id);
        }
        if let Some(length) = session_length {
            builder = builder.session_length(*length);
        }
        if let Some(policy) = policy {
            builder = builder.policy(policy);
        }
        if !tags.is_empty() {
            builder = builder.tags(tags.iter().cloned());
        }
        builder.build_from_provider(base).await
    }
}

/// External ids are near to secrets; all that is told is what was set.
impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arn: _, external_id, session_name, session_length, tags, policy } = self;
        f.debug_struct("Role")
            .field("external_id", &external_id.is_some())
            .field("session_name", &session_name.is_some())
            .field("session_length", session_length)
            .field("tags", &tags.len())
            .field("policy", &policy.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_told_by_its_form() {
        for good in
            ["arn:aws:iam::123456789012:role/a", " arn:aws-us-gov:iam::123456789012:role/p/a\n"]
        {
            assert!(Role::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "arn:aws:iam::1:role/a", "arn:aws:iam::123456789012:user/a"] {
            assert!(Role::new(bad).is_err(), "{bad}");
        }
        assert!(Role::session_length(899).is_err() && Role::session_length(900).is_ok());
    }
}
