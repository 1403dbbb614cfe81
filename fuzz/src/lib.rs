//! What must hold for any bytes: the bodies of the fuzz targets.
//!
//! 1. A target takes any bytes and panics when something that must always hold does not; that nothing
//!    else panics is only the least of it.
//! 2. A target depends on its input alone, so each finding can be run again.
//! 3. The same targets are run by libFuzzer (`fuzz/runner`, by way of `cargo xtask fuzz`) and, over the
//!    committed corpus, by an ordinary test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a target says no by panicking"
)]

mod answers;
mod configuration;
mod errors;
mod event_stream;
mod members;
mod pieces;
mod requests;
pub mod seeds;
mod specialists;
mod sse;
mod sse_decoder;
mod streams;

/// Bytes in; a panic is a finding.
#[derive(Clone, Copy)]
pub struct Target {
    /// Also the name of its folder in `corpus/`.
    pub name: &'static str,
    /// What its input is.
    pub input: &'static str,
    pub run: fn(&[u8]),
}

const fn row(name: &'static str, input: &'static str, run: fn(&[u8])) -> Target {
    Target { name, input, run }
}

/// All targets.
pub const TARGETS: &[Target] = &[
    row("event_stream", "bytes of an AWS event stream", event_stream::run),
    row("sse", "bytes of server-sent events", sse_decoder::run),
    row("members", "a JSON body, split into its top-level members", members::run),
    row("chat", "a body of OpenAI Chat or of legacy completions", requests::chat),
    row("responses", "a body of OpenAI Responses", requests::responses),
    row("messages", "a body of Anthropic Messages, or of its count", requests::messages),
    row("kong", "a body of the Kong skill's chat route", requests::kong),
    row("converse_answer", "a whole answer of Converse", answers::converse),
    row("claude_answer", "a whole answer of a Claude over InvokeModel", answers::claude),
    row("chat_answer", "a whole answer of a model that speaks OpenAI's chat", answers::chat),
    row("streams", "lines of frames, as event stream and as SSE", streams::run),
    row("specialists", "a line of request, then lines of answers", specialists::run),
    row("configuration", "a configuration in any format", configuration::run),
    row("errors", "an error of AWS: status, a name, then the body", errors::run),
];

/// The target called `name`.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}
