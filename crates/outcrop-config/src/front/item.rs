//! What front ends make: pieces of a configuration.

use crate::admission::{ClientKey, JwtIssuer};
use crate::backend::Backend;
use crate::config::Listener;
use crate::limit::{Limit, Store};
use crate::name::ModelName;
use crate::origin::Origin;
use crate::policy::Policy;
use crate::route::Route;

use super::Gaps;

/// A piece of a configuration. The order of names and routes is the order in which they are pushed.
#[derive(Debug)]
pub enum Item {
    Listener(Listener, Origin),
    /// By its name.
    Backend(String, Box<Backend>),
    Name(ModelName),
    Route(Box<Route>),
    /// What holds for all routes that say nothing else. May come once.
    Defaults(Box<Policy>, Origin),
    Key(ClientKey),
    /// A header in which keys come too, in lower case.
    KeyHeader(String),
    Issuer(JwtIssuer),
    /// Whether anyone is let in, or nobody without a key. That anyone is counts before the other.
    Anonymous(bool),
    Limit(Limit),
    /// May come once.
    Store(Store, Origin),
    /// TOML. May come once.
    Prices(String, Origin),
    /// Something that is written and wrong, as far as it could be read: it is looked at, and left out.
    Wrong(Box<Item>, Gaps),
    /// Something of this name is written and wrong, which has been said. Whatever refers to it does not
    /// need to be told that it is not there.
    LeftOut(Kind, String),
    /// With no route there is nothing to serve, and none is made up.
    NoDefault,
}

/// What has a name that nothing else of its kind may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Listener,
    Backend,
    Route,
    Key,
    Limit,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::Backend => "backend",
            Self::Route => "route",
            Self::Key => "key",
            Self::Limit => "limit",
        }
    }
}
