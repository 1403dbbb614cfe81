//! A request's life between the door and AWS.
//!
//! Stations, each a module: [`admit`] (who asks, and what for), [`inbound`] (what came through the
//! door), `snapshot` (the configuration at work), `peek` and `plan` (in
//! `outcrop-dialect`, called from [`gateway`]), [`attempt`] (send, retry until the commit point),
//! [`pump`] (return: frames to client bytes), [`settle`] (exactly one receipt, whatever happens).
//!
//! What leaves for the log is bounded and holds no prompt (`discretion`).
//!
//! No sockets of its own: AWS is behind `outcrop-aws`, clients are behind `outcrop-server`.

pub mod account;
pub mod admit;
mod affinity;
pub mod aside;
pub mod attempt;
pub mod backend;
pub mod callee;
mod discretion;
mod edit;
pub mod fan;
pub mod gateway;
pub mod inbound;
mod lenders;
pub mod lent;
pub mod limit;
pub mod model_id;
pub mod models;
mod pattern;
pub mod pricing;
pub mod pump;
pub mod reply;
pub mod resilience;
mod route;
pub mod settle;
mod snapshot;
pub mod store;
mod treatment;
pub mod upstream;

pub use account::{Account, Cache, Listing};
pub use admit::{Admittance, Admitter, Grant, KeyTable, Strangers};
pub use aside::{Aside, Call};
pub use backend::{Around, Backend};
pub use callee::Geography;
pub use gateway::{Gateway, Present, Settings, Uncounted};
pub use inbound::{Inbound, Operation};
pub use outcrop_dialect::bundle::Specialty;
pub use pricing::Pricing;
pub use reply::{Reply, ReplyBody};
pub use route::Approach;
pub use settle::{ReceiptSink, Settlement};
pub use store::{FileError, ResponseStore, StoreLimits};
