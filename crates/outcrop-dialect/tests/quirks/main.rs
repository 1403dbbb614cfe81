//! The rules of `docs/dev/quirks.md`, each with a test that is named after it, and the table itself.
//!
//! A test states one rule on the smallest request that shows it; whole requests are in
//! `fixtures/translate`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test says no by panicking"
)]

mod anthropic;
mod caching;
mod content;
mod ledger;
mod legacy;
mod reasoning;
mod sent;
mod settings;
mod streaming;
mod structured;
mod table;
mod tools;
