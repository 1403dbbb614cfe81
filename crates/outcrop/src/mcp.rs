//! Tools of MCP servers, for models to use.
//!
//! 1. No server that only a folder defines is started unless it is named: to start one is to run a command.
//! 2. What a server says of itself decides nothing: not its annotations, not its names.
//! 3. A server that fails, hangs, dies or talks nonsense ends neither the turn nor the terminal: the model
//!    gets a result that says so, and the user a line on stderr.
//! 4. No server outlives its [`Toolbox`].

mod approve;
mod call;
mod client;
mod command;
mod definition;
mod fault;
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

/// The servers that can be named, for shells to complete; what cannot be read defines none.
pub fn server_names() -> Vec<String> {
    let found = definition::find(&[], definition::Breadth::All).unwrap_or_default();
    found.definitions.into_iter().map(|definition| definition.name).collect()
}

/// `text` of a server's, a model's or a file's as a terminal may be shown it, in one line: controls could
/// pretend to be us, and what is not seen could say something else than what is.
pub fn printable(text: &str) -> String {
    let one = |c: char| match c {
        '\n' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        c if is_unseen(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    crate::render::neutral(text).chars().map(one).collect()
}

/// Tells the user something; `text` may hold what others wrote.
fn note(text: &str) {
    note!("note: {}", printable(text));
}

/// Unicode's format characters: those that change the order of others, and those that have no width.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_drives_or_misleads_the_terminal() {
        let text =
            "a\x1b[2J\n\tb\r\u{9b}1m\u{200e}\u{61c}\u{202e}\u{2066}\u{200b}\u{feff}\u{e0041}ä";
        assert_eq!(printable(text), "a␛[2J  b␍�1m�������ä");
    }
}
