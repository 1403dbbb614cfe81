//! What is remembered of questions and answers, as people and scripts find it again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chat;
mod desk;
mod history;
mod roles;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
