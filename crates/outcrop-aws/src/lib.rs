//! The wire to AWS: credentials, endpoints, signing, event-stream framing, HTTP.
//!
//! 1. This is the only crate that opens a socket to AWS or reads AWS credentials.
//! 2. One [`AwsClient::send`] is one attempt; whether to try again is decided elsewhere, by
//!    [`Fault::retry`](outcrop_model::Fault::retry) and [`Backoff`].
//! 3. Every failure is a [`Fault`](outcrop_model::Fault) with class and phase; what the caller may
//!    read and what only the log may hold are kept apart here, at the place where AWS's words arrive.
//! 4. Secrets cannot be printed.
//!
//! It knows nothing of models, dialects or JSON bodies other than AWS's error bodies.

pub mod classify;
pub mod client;
pub mod credentials;
pub mod endpoint;
pub mod environment;
pub mod eventstream;
pub mod identity;
pub mod reach;
pub mod retry;
pub mod setup;
pub mod sign;
pub mod sse;

mod body;
mod clock;
mod connect;
mod deadline;

pub use body::IncomingBody;
pub use classify::{classify_http, classify_stream};
pub use client::{AwsClient, ClientConfig, Incoming, Outbound};
pub use clock::Clock;
pub use connect::Proxies;
pub use credentials::{CredentialSource, Credentials};
pub use deadline::Timeouts;
pub use endpoint::{Endpoint, EndpointWish, Endpoints, Region, Service};
pub use environment::Environment;
pub use eventstream::Decoder;
pub use identity::{Address, Given, IdentityWish, Oidc, Role, Text, TokenRole};
pub use retry::Backoff;
pub use setup::{Lookup, SetupError};
pub use sse::SseDecoder;
