//! The services that hand out credentials: STS, a container's agent, instance metadata, the SSO portal,
//! and an OIDC issuer whose tokens STS takes.
//!
//! Guarantees: (1) what they issue is accepted by the signature check until it expires, and not longer;
//! (2) a web identity token is accepted only if this emulator signed it; (3) every call is in the journal
//! and can be made to fail like any other, under its operation's name: `AssumeRole`,
//! `AssumeRoleWithWebIdentity`, `GetCallerIdentity`, `ContainerCredentials`, `InstanceToken`,
//! `InstanceRole`, `InstanceCredentials`, `GetRoleCredentials`, `OidcDiscovery`, `OidcToken`, `OidcKeys`.
//! Does not do: permissions of the caller of STS, session policies, metadata other than credentials.

mod container;
mod issued;
mod metadata;
mod oidc;
mod sso;
mod sts;
mod token;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::reply::{Payload, Reply};

pub use issued::Role;
pub(crate) use issued::{Issued, Session};
pub use oidc::{ClientAuth, OidcClient, OidcIssuer};
pub(crate) use sts::unsigned;

/// A request to one of these services.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// Which service, and what it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    AssumeRole,
    AssumeRoleWithWebIdentity,
    GetCallerIdentity,
    /// An `Action` that STS has and this emulator has not.
    UnknownAction,
    ContainerCredentials,
    InstanceToken,
    InstanceRole,
    InstanceCredentials,
    GetRoleCredentials,
    OidcDiscovery,
    OidcToken,
    OidcKeys,
}

// === impl Call ===

impl Call {
    /// What `ask` is, if it is for one of these services.
    pub(crate) fn of(ask: &Ask<'_>) -> Option<Self> {
        match (ask.method.as_str(), ask.path) {
            ("POST", "/") => Some(sts::action(ask.body)),
            ("GET", path) if container::PATHS.iter().any(|prefix| path.starts_with(prefix)) => {
                Some(Self::ContainerCredentials)
            }
            ("GET", oidc::DISCOVERY) => Some(Self::OidcDiscovery),
            ("POST", oidc::TOKEN) => Some(Self::OidcToken),
            ("GET", oidc::KEYS) => Some(Self::OidcKeys),
            ("PUT", metadata::TOKEN) => Some(Self::InstanceToken),
            ("GET", path) => match path.strip_prefix(metadata::ROLES) {
                Some("" | "/") => Some(Self::InstanceRole),
                Some(_) => Some(Self::InstanceCredentials),
                None if path == sso::PATH => Some(Self::GetRoleCredentials),
                None => None,
            },
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AssumeRole => "AssumeRole",
            Self::AssumeRoleWithWebIdentity => "AssumeRoleWithWebIdentity",
            Self::GetCallerIdentity => "GetCallerIdentity",
            Self::UnknownAction => "UnknownAction",
            Self::ContainerCredentials => "ContainerCredentials",
            Self::InstanceToken => "InstanceToken",
            Self::InstanceRole => "InstanceRole",
            Self::InstanceCredentials => "InstanceCredentials",
            Self::GetRoleCredentials => "GetRoleCredentials",
            Self::OidcDiscovery => "OidcDiscovery",
            Self::OidcToken => "OidcToken",
            Self::OidcKeys => "OidcKeys",
        }
    }

    /// An error in the form of the service.
    pub(crate) fn refuse(self, code: &str, status: u16, message: &str) -> Reply {
        match self {
            Self::AssumeRole
            | Self::AssumeRoleWithWebIdentity
            | Self::GetCallerIdentity
            | Self::UnknownAction => sts::refuse(code, status, message),
            Self::GetRoleCredentials => {
                let reply = with_status(status, Payload::Json(json!({"message": message})));
                reply.with_header("x-amzn-ErrorType", code)
            }
            Self::ContainerCredentials => {
                with_status(status, Payload::Json(json!({"code": code, "message": message})))
            }
            Self::OidcDiscovery | Self::OidcToken | Self::OidcKeys => {
                oidc::refuse(code, status, message)
            }
            Self::InstanceToken | Self::InstanceRole | Self::InstanceCredentials => {
                with_status(status, Payload::Raw("text/html", Bytes::new()))
            }
        }
    }

    /// The answer; `caller` is the id of a verified access key, for what must be signed.
    pub(crate) fn answer(self, issued: &Issued, ask: &Ask<'_>, caller: Option<&str>) -> Reply {
        match self {
            Self::AssumeRole => sts::assume(issued, ask.body),
            Self::AssumeRoleWithWebIdentity => sts::assume_with_token(issued, ask.body),
            Self::GetCallerIdentity => sts::who(issued, caller.unwrap_or_default()),
            Self::UnknownAction => {
                sts::refuse("InvalidAction", 400, "Could not find operation for version 2011-06-15")
            }
            Self::ContainerCredentials => container::answer(issued, ask),
            Self::InstanceToken => metadata::token(issued, ask),
            Self::InstanceRole | Self::InstanceCredentials => metadata::answer(issued, ask),
            Self::GetRoleCredentials => sso::answer(issued, ask),
            Self::OidcDiscovery => oidc::discovery(issued),
            Self::OidcToken => oidc::token(issued, ask),
            Self::OidcKeys => oidc::keys(issued),
        }
    }

    /// Whether it has to be signed.
    pub(crate) fn is_signed(self) -> bool {
        matches!(self, Self::AssumeRole | Self::GetCallerIdentity)
    }
}

// === helpers ===

fn with_status(status: u16, payload: Payload) -> Reply {
    Reply { status, headers: Vec::new(), payload }
}

/// Credentials in the words of the ECS agent, which instance metadata use as well.
fn agent_words(session: &Session) -> Value {
    json!({
        "AccessKeyId": session.key.id,
        "SecretAccessKey": session.key.secret,
        "Token": session.key.session_token,
        "Expiration": session.expiration(),
    })
}

fn header<'a>(ask: &Ask<'a>, name: &str) -> &'a str {
    ask.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
