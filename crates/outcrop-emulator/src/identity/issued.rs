//! Roles, and the credentials handed out for them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use uuid::Uuid;

use super::oidc::{self, OidcIssuer};
use super::token::{AUDIENCE, Claims, Issuer};
use crate::config::{AccessKey, Config, EXAMPLE_ACCOUNT};

/// What STS gives when nobody says otherwise.
const HOUR: Duration = Duration::from_secs(60 * 60);
/// Sessions that are remembered.
const MOST: usize = 4096;

/// A role that may be assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub arn: String,
    /// Must be sent by whoever assumes it.
    pub external_id: Option<String>,
}

/// One set of issued credentials.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) key: AccessKey,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/NAME`.
    pub(crate) arn: String,
    /// The ARN of the role it is of.
    pub(crate) role: String,
    pub(crate) expires_at: SystemTime,
}

/// Everything issued so far, and what must be shown to get more.
#[derive(Debug)]
pub(crate) struct Issued {
    roles: Vec<Role>,
    sessions: Mutex<Vec<Session>>,
    /// Milliseconds; 0 means an hour, or what the caller asks for.
    lifetime: AtomicU64,
    container_token: Mutex<Option<String>>,
    sso_token: Mutex<Option<String>>,
    pub(super) issuer: Issuer,
    pub(super) oidc: OidcIssuer,
    pub(super) oidc_address: String,
    /// Milliseconds; 0 means the issuer's own choice.
    oidc_lifetime: AtomicU64,
    /// What instance metadata were opened with.
    pub(super) metadata_token: String,
}

// === impl Role ===

impl Role {
    /// A role that anybody may assume.
    pub fn new(arn: impl Into<String>) -> Self {
        Self { arn: arn.into(), external_id: None }
    }

    /// The last part of the ARN.
    pub(super) fn name(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    pub(super) fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or(EXAMPLE_ACCOUNT)
    }
}

// === impl Session ===

impl Session {
    /// As AWS writes it: `2026-11-21T03:51:07Z`.
    pub(super) fn expiration(&self) -> String {
        Timestamp::try_from(self.expires_at)
            .map_or_else(|_| String::new(), |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }
}

// === impl Issued ===

impl Issued {
    /// `base_url` is where the emulator listens.
    pub(crate) fn new(config: &Config, base_url: &str) -> Self {
        let oidc_address = format!("{base_url}{}", oidc::BASE);
        let name = config.oidc.name.clone().unwrap_or_else(|| oidc_address.clone());
        Self {
            roles: config.roles.clone(),
            sessions: Mutex::default(),
            lifetime: AtomicU64::new(0),
            container_token: Mutex::default(),
            sso_token: Mutex::default(),
            issuer: Issuer::new(name, oidc_address.clone()),
            oidc: config.oidc.clone(),
            oidc_address,
            oidc_lifetime: AtomicU64::new(0),
            metadata_token: Uuid::new_v4().simple().to_string(),
        }
    }

    /// From now on sessions live this long, whatever is asked for.
    pub(crate) fn set_lifetime(&self, lifetime: Duration) {
        self.lifetime.store(millis(lifetime), Ordering::Relaxed);
    }

    /// From now on the issuer's tokens are good for this long.
    pub(crate) fn set_oidc_lifetime(&self, lifetime: Duration) {
        self.oidc_lifetime.store(millis(lifetime), Ordering::Relaxed);
    }

    pub(super) fn oidc_lifetime(&self) -> Option<Duration> {
        match self.oidc_lifetime.load(Ordering::Relaxed) {
            0 => None,
            millis => Some(Duration::from_millis(millis)),
        }
    }

    pub(crate) fn oidc_address(&self) -> &str {
        &self.oidc_address
    }

    pub(crate) fn rotate_oidc_key(&self) {
        self.issuer.rotate();
    }

    pub(crate) fn set_container_token(&self, token: &str) {
        *lock(&self.container_token) = Some(token.to_owned());
    }

    pub(super) fn container_token(&self) -> Option<String> {
        lock(&self.container_token).clone()
    }

    pub(crate) fn set_sso_token(&self, token: &str) {
        *lock(&self.sso_token) = Some(token.to_owned());
    }

    pub(super) fn sso_token(&self) -> Option<String> {
        lock(&self.sso_token).clone()
    }

    pub(crate) fn web_identity_token(&self, subject: &str, lifetime: Duration) -> String {
        let end = SystemTime::now() + lifetime;
        self.issuer.token(&Claims { subject, audience: AUDIENCE, scope: "", end })
    }

    /// Ends every session.
    pub(crate) fn expire(&self) {
        for session in lock(&self.sessions).iter_mut() {
            session.key.expires_at = Some(SystemTime::UNIX_EPOCH);
        }
    }

    /// How many sessions were begun, the forgotten ones not counted.
    pub(crate) fn count(&self) -> usize {
        lock(&self.sessions).len()
    }

    pub(super) fn role(&self, arn: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.arn == arn)
    }

    /// The role of machines and containers.
    pub(super) fn first_role(&self) -> Option<&Role> {
        self.roles.first()
    }

    pub(super) fn begin(&self, role: &Role, name: &str, asked: Option<Duration>) -> Session {
        let lifetime = match self.lifetime.load(Ordering::Relaxed) {
            0 => asked.unwrap_or(HOUR),
            millis => Duration::from_millis(millis),
        };
        let secret = || Uuid::new_v4().simple().to_string();
        let id = format!("ASIA{}", secret().to_uppercase().get(..16).unwrap_or_default());
        let end = SystemTime::now() + lifetime;
        let session = Session {
            key: AccessKey::new(id, secret())
                .with_session_token(secret() + &secret())
                .expiring_at(end),
            arn: format!("arn:aws:sts::{}:assumed-role/{}/{name}", role.account(), role.name()),
            role: role.arn.clone(),
            expires_at: end,
        };
        let mut sessions = lock(&self.sessions);
        if sessions.len() == MOST {
            sessions.remove(0);
        }
        sessions.push(session.clone());
        session
    }

    pub(crate) fn find(&self, key_id: &str) -> Option<Session> {
        lock(&self.sessions).iter().find(|session| session.key.id == key_id).cloned()
    }
}

fn millis(lifetime: Duration) -> u64 {
    u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
