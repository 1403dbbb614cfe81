//! The emulator over real HTTP, asked by a small client with its own signer.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may")]

mod client;

mod asides;
mod cassette;
mod control;
mod converse;
mod door;
mod engines;
mod faults;
mod identity;
mod invoke;
mod refusals;
mod signatures;
mod stream;
mod vendors;
