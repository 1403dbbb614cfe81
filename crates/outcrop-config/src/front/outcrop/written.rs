//! `outcrop.yaml` as it is written: the types that it is read into and printed from, and that its schema
//! and the tables of the guide are made of. What each key means is in its comment here.
//!
//! What is written and what is meant differ: see [`super::lower`] and [`super::raise`] for the way to
//! [`Config`](crate::Config) and back.

mod admission;
mod backend;
mod limit;
mod policy;
mod route;
mod value;

pub use admission::{Issuer, Key, Pair, Scopes};
pub use backend::{
    Backend, CredentialHeaders, CredentialsFile, Identity, KeyPair, Oidc, Role, WebIdentity,
    Without,
};
pub use limit::{Each, Limit, OnLoss, Redis, Store, Unless, When};
pub use policy::{
    AttemptTimeouts, BodyStep, Cache, CacheTtl, Guardrail, HeaderStep, Message, Policy, Prompt,
    Retry, Timeouts,
};
pub use route::{BySuffix, Match, Model, NameIs, Pattern, Route, Surface, SurfaceWord, Target};
pub use value::{CarrierWord, DurationText, FidelityWord, KubernetesKey, MoneyText, Secret};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::short::{Brief, Many, Short, Table};

/// For `skip_serializing_if`: what is not said is not printed.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The configuration of Outcrop. Several documents, in one file or many, are one configuration.
#[derive(Default, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "outcrop.yaml")]
pub struct File {
    /// Where to listen. Without it: where the command line says.
    #[serde(skip_serializing_if = "is_default")]
    pub listeners: Many<Short<Listener>>,
    /// Accounts in regions, each under a name of your choice. Without it: one named `default`, from AWS's
    /// environment.
    #[serde(skip_serializing_if = "is_default")]
    pub backends: Table<Short<Backend>>,
    /// Names of your own for models, which callers use; `*` stands for any characters. The first that
    /// matches counts.
    #[serde(skip_serializing_if = "is_default")]
    pub models: Table<Short<Model>>,
    /// Which requests go where; the first that matches counts, and what none matches is refused. Without
    /// it: all to the only backend.
    #[serde(skip_serializing_if = "is_default")]
    pub routes: Vec<Route>,
    /// What holds for every route that says nothing else.
    #[serde(skip_serializing_if = "is_default")]
    pub defaults: Option<Policy>,
    /// Keys of clients.
    #[serde(skip_serializing_if = "is_default")]
    pub keys: Vec<Key>,
    /// Headers that a client may send its key in beside `Authorization: Bearer` and `x-api-key`.
    #[serde(skip_serializing_if = "is_default")]
    pub key_headers: Many<String>,
    /// Issuers whose tokens (JWT) are taken instead of a key.
    #[serde(skip_serializing_if = "is_default")]
    pub jwt: Many<Issuer>,
    /// `true` lets anyone in, on any address; `false` lets nobody in without a key, even where there are
    /// none. Unsaid, and without keys, the gateway listens on loopback only.
    #[serde(skip_serializing_if = "is_default")]
    pub anonymous: Option<bool>,
    /// Limits and budgets. A request must be within all that it counts for.
    #[serde(skip_serializing_if = "is_default")]
    pub limits: Vec<Limit>,
    /// Where the counters of limits are kept: `memory`, in a `file`, or in `redis`.
    #[serde(skip_serializing_if = "is_default")]
    pub store: Option<Store>,
    /// Prices laid over the built-in list.
    #[serde(skip_serializing_if = "is_default")]
    pub prices: Option<Prices>,
}

/// An address to listen on. A text is the address.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// An IP and a port, such as `127.0.0.1:8080`, `0.0.0.0:8443` or `[::1]:8080`; port 0 takes a free one.
    pub address: String,
    /// For routes to name. Without it: the address.
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: Option<String>,
    /// Speak TLS.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tls: Option<Tls>,
}

/// How a listener speaks TLS.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// With these files, read again when they change.
    Files(TlsFiles),
    /// With these certificates, which need not be files: clients get the first that is for the name that they ask for,
    /// else the first.
    Certificates(Many<Certificate>),
    /// With a certificate made at start.
    SelfSigned,
    /// With what this gateway does not have: it is not opened. What is for it alone is served where `--listen` says.
    Elsewhere,
}

/// A certificate and its key.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// PEM file of the certificate and what is between it and the root.
    pub certificate: String,
    /// PEM file of the private key.
    pub key: String,
}

/// A certificate and its key, by reference.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The certificate and what is between it and the root, in PEM.
    pub certificate: Short<Secret>,
    /// The private key, in PEM.
    pub key: Short<Secret>,
}

/// Prices, in the form of `catalog/prices.toml`.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Prices {
    /// The text itself.
    Inline(String),
    /// A file with it.
    File(String),
}

impl Brief for Listener {
    const TEXT: &'static str = "The address.";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self { address: text.to_owned(), ..Self::default() })
    }

    fn as_text(&self) -> Option<String> {
        let Self { address, name, tls } = self;
        (name.is_none() && tls.is_none()).then(|| address.clone())
    }
}
