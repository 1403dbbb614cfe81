//! The shared vocabulary of Outcrop.
//!
//! Words only: dialects, the intermediate representation (IR) of a chat, stream events, the loss
//! ledger, error classes, usage, model cards, prices and the receipt. No sockets, no clock, no randomness;
//! nothing here knows how a word is spelt in any dialect's JSON.

pub mod alias;
pub mod at;
pub mod behind;
pub mod catalog;
pub mod chat;
pub mod citation;
pub mod dialect;
pub mod event;
pub mod fault;
pub mod frame;
pub mod hash;
pub mod headers;
pub mod json;
pub mod ledger;
pub mod money;
pub mod price;
pub mod receipt;
pub mod region;
pub mod scrub;
pub mod specialist;
pub mod stop;
pub mod usage;

pub use at::At;
pub use behind::{Behind, Charge};
pub use catalog::{Card, Catalog, Lane};
pub use chat::{Block, BlockKind, ChatRequest, ChatResponse, Turn};
pub use citation::Citation;
pub use dialect::{Carrier, Dialect, Framing};
pub use event::{Delta, Event, Opening};
pub use fault::{ErrorClass, Fault, Phase, Retry, failover};
pub use frame::{Frame, FrameKind};
pub use json::{Extra, Json, Object};
pub use ledger::{Fidelity, Ledger, Loss};
pub use money::{PicoUsd, Units};
pub use price::{Prices, Quality, Tier, Wares};
pub use receipt::{Caller, Outcome, Receipt};
pub use specialist::{EmbeddingCard, ImageCard, RerankCard, Specialist};
pub use stop::StopReason;
pub use usage::Usage;
