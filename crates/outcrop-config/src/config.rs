//! The whole of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::admission::Admission;
use crate::backend::Backend;
use crate::limit::{Limit, Store};
use crate::name::ModelName;
use crate::policy::Policy;
use crate::route::Route;
use crate::secret::Secret;

/// Everything that the gateway is to do. Immutable: a reload makes another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// Where to listen; empty leaves it to the command line.
    pub listeners: Vec<Listener>,
    /// By name. A name is the stable id under which health, credentials and counters are kept over
    /// reloads.
    pub backends: BTreeMap<String, Backend>,
    /// Names of the operator's own for models, in order: the first that matches counts.
    pub names: Vec<ModelName>,
    /// In order of precedence: the first that matches takes the request. A request that none matches is
    /// refused.
    pub routes: Vec<Route>,
    /// What holds where a route says nothing else.
    pub defaults: Policy,
    pub admission: Admission,
    pub limits: Vec<Limit>,
    /// Where the counters of limits are kept.
    pub store: Store,
    /// Prices laid over the built-in list, in the form of `catalog/prices.toml`.
    pub prices: Option<String>,
}

/// One address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    pub name: String,
    pub address: SocketAddr,
    pub tls: Option<ListenerTls>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenerTls {
    /// A client gets the first that is for the name that it asks for, else the first. Never empty.
    Certificates(Vec<Certificate>),
    /// A certificate made at start.
    SelfSigned,
    /// With what this gateway does not have: it is not opened, and nobody comes to what is for it alone.
    Elsewhere,
}

/// In PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate and what is between it and the root.
    pub chain: Secret,
    pub key: Secret,
}
