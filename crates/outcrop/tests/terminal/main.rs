//! The program in a real terminal: what people see, compared with the screens in `tests/screens`
//! (`OUTCROP_BLESS=1` writes them; look at them before they are committed).
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod chat;
mod init;
mod mcp;
mod query;
mod terminal;
