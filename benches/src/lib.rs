//! What the benchmarks are fed with, made by arithmetic so that no large file is committed.
//!
//! 1. The same call gives the same bytes, on every machine.
//! 2. Bodies look like those of real clients: `type` first, escapes in code and logs, ids of the usual
//!    length; streams look like Bedrock's: short deltas, padding of changing length.

pub mod models;
pub mod prose;
pub mod requests;
pub mod streams;
pub mod upstream;
