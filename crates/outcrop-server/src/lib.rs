//! The door: sockets in, replies out.
//!
//! 1. Paths are matched on the raw request target: a model id is never decoded before it is split off.
//! 2. A body is read up to a limit and within a time; a client that never ends it costs no more.
//! 3. A connection that asks for nothing, or takes nothing, ends: [`Patience`].
//! 4. Before the door closes, `/ready` says so ([`Readiness`]); then running requests finish and no new
//!    ones are taken.

mod admin;
mod asides;
mod body;
mod cors;
mod direct;
mod elsewhere;
mod metrics;
mod outflow;
mod page;
mod patience;
mod routes;
mod serve;
mod service;
mod tls;

pub use admin::{Admin, Operator, View};
pub use cors::{Cors, Origin};
pub use direct::Direct;
pub use metrics::Metrics;
pub use outflow::Outflow;
pub use patience::Patience;
pub use routes::{Route, route};
pub use serve::{MAX_BODIES, MAX_BODY, Readiness, Server, ServerConfig};
pub use tls::{Authority, Certificates, Pair, Pem, Tls};
