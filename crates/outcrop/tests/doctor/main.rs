//! `outcrop doctor` in front of an emulator that is ill: each row of its table is brought about for real.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod calls;
mod sources;
#[path = "../support/mod.rs"]
mod support;
mod text;
mod visit;
mod way;
