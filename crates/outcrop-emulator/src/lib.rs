//! A faithful local Bedrock: a second, independent witness of the protocol.
//!
//! It recomputes every signature, checks every request against the service model and the rules of
//! a conversation, answers with real frames and headers, and breaks on demand. It shares no code
//! with the gateway: it is written from the protocol facts alone.
//!
//! ```no_run
//! # async fn run() -> std::io::Result<()> {
//! use outcrop_emulator::{Config, Emulator};
//! let emulator = Emulator::bind("127.0.0.1:0", Config::default()).await?;
//! print!("{}", emulator.env_lines());
//! # Ok(()) }
//! ```
//!
//! # Headers
//! Both may stay unsigned. `x-outcrop-emulator: engine=lorem;tokens=2000;chunk=4;rate=50` chooses
//! an [`Engine`] for one request; `x-outcrop-emulator-fault: stream-error=throttlingException;after=3`
//! asks for [`Fault`]s, whose text form is described there.
//!
//! # Admin calls
//! Under `/_emulator/`: `GET health`; `GET`, `POST` and `DELETE faults` (`{"fault": "…", "times": 2,
//! "operation": "Converse", "model": "haiku"}`); `GET` and `DELETE requests`; `PUT engine`
//! (`{"engine": "echo"}`).
//!
//! # What is simulated
//! The tokeniser, latency, caching, guardrails, reranking and jobs; there are no quotas.

mod access;
mod admin;
mod auth;
mod body;
mod cache;
mod cassette;
mod config;
pub mod constraints;
mod converse;
mod engine;
mod fault;
mod frame;
mod grammar;
mod identity;
mod models;
pub mod native;
mod operations;
mod received;
mod refusal;
mod reply;
mod respond;
mod route;
mod server;
mod service;
mod surface;
mod tls;
mod tokens;
mod vendor;
mod verdict;
pub mod words;

pub use access::Access;
pub use cassette::{Cassette, Exchange};
pub use config::{
    AccessKey, Config, EXAMPLE_ACCESS_KEY_ID, EXAMPLE_ACCOUNT, EXAMPLE_API_KEY,
    EXAMPLE_OIDC_CLIENT, EXAMPLE_OIDC_SECRET, EXAMPLE_REGION, EXAMPLE_ROLE,
    EXAMPLE_SECRET_ACCESS_KEY, Tls,
};
pub use engine::{Engine, EngineKind, Script};
pub use fault::{ErrorFault, Fault, Injection, NamedIn};
pub use identity::{ClientAuth, OidcClient, OidcIssuer, Role};
pub use received::Received;
pub use refusal::Exception;
pub use route::Operation;
pub use server::Emulator;
pub use verdict::verdict;
