//! Bytes to meaning and back, for every dialect.
//!
//! Pure and sans-IO: no sockets, no clock, no randomness. Requests are decoded to the IR and encoded
//! for a model's dialect; answers take the way back, whole or as a stream of events; where client
//! and model share a dialect the body is relayed instead.

pub mod answer;
pub mod anthropic;
mod blob;
pub mod bundle;
pub mod cache;
pub mod carry;
pub mod converse;
pub mod embeddings;
pub mod enveloped;
pub mod fields;
pub mod fit;
mod gate;
pub mod images;
pub mod invoke;
pub mod kong;
mod latency;
pub mod lesson;
pub mod media;
pub mod names;
pub mod openai;
pub mod plan;
pub mod relay;
pub mod render;
pub mod rerank;
pub mod responses;
mod schema;
pub mod sequencer;
pub mod sse;
pub mod structured;
pub mod tier;
pub mod write;
