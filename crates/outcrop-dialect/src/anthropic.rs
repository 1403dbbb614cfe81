//! The Anthropic Messages dialect.
//!
//! 1. [`decode`] keeps everything: what it does not understand is `extra` or a foreign block.
//! 2. [`encode`] hands what Anthropic's dialect cannot say to the ledger.
//! 3. [`Reader`] and [`MessageWriter`] know the dialect's events; the order of a well-formed answer is
//!    the sequencer's business.
//!
//! Source: Anthropic's Messages API reference and AWS's Claude parameters page (checked 2026-11-21).

mod block;
mod body;
mod cache;
mod citation;
pub mod count;
mod decode;
mod encode;
mod encode_block;
mod encode_media;
mod encode_tools;
pub(crate) mod envelope;
mod error;
mod part;
mod reader;
mod response;
mod settings;
mod source;
mod stop;
mod tagged;
mod tools;
mod usage;
mod wire_event;
mod writer;

pub use decode::decode;
pub(crate) use decode::{decode_for, read_turns};
pub use encode::encode;
pub(crate) use encode::write_thinking_setting;
pub use envelope::{Envelope, OLDEST_VERSION};
pub use reader::Reader;
pub use response::{Answering, decode_response, encode_response};
pub(crate) use settings::{thinking as read_thinking, word_of};
pub use writer::MessageWriter;
