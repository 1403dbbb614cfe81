//! Gateway and emulator in one process, tried from outside: real sockets, real signatures, real frames.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod account;
mod admission;
mod asides;
mod bad_input;
mod cache;
mod carriers;
mod citations;
mod completions;
mod connections;
mod cors;
mod costs;
mod count;
mod door;
mod drain;
mod elsewhere;
mod embeddings;
mod enveloped;
mod errors;
mod failover;
mod faults;
mod generations;
mod images;
mod kong;
mod learning;
mod leaving;
mod lent;
mod limits;
mod losses;
mod media;
mod metrics;
mod paths;
#[path = "../../crates/outcrop-dialect/tests/translate/planning.rs"]
mod planning;
mod receipts;
mod reloading;
mod replay;
mod rerank;
mod responses;
mod retries;
mod routing;
mod seeds;
mod skew;
mod streams;
mod structured;
mod support;
mod surfaces;
mod tls;
mod tokens;
mod witness;
