//! Tools of MCP servers, for models to use.
//!
//! 1. No server that only a folder defines is started unless it is named: to start one is to run a command.
//! 2. What a server says of itself decides nothing: not its annotations, not its names.
//! 3. A server that fails, hangs, dies or talks nonsense ends neither the turn nor the terminal: the model
//!    gets a result that says so, and the user a line on stderr.
//! 4. No server outlives its [`Toolbox`].

mod approve;
mod call;
mod command;
mod definition;
mod names;
mod oauth;
mod process;
mod result;
mod serve;
mod server;
mod store;
mod toolbox;
mod variables;

pub use self::command::run;
pub use self::toolbox::Toolbox;

/// `text` of a server's as a terminal may be shown it, in one line: controls could pretend to be us.
pub fn printable(text: &str) -> String {
    crate::render::neutral(text).replace(['\n', '\t'], " ")
}
