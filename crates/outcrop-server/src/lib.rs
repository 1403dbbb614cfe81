//! The door: sockets in, replies out.
//!
//! 1. Paths are matched on the raw request target: a model id is never decoded before it is split off.
//! 2. A body is read up to a limit and within a time; a client that never ends it costs no more.
//! 3. Draining lets running requests finish and takes no new ones; `/ready` says so first.

mod body;
mod routes;
mod serve;
mod service;

pub use routes::{Route, route};
pub use serve::{Server, ServerConfig};
