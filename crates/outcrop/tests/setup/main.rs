//! The command line's configuration, as people write it and as `outcrop` writes it for them.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod completion;
mod config;
mod connect;
mod desk;
mod init;
mod migrate;
mod seed;
#[path = "../support/mod.rs"]
mod support;
mod tree;
