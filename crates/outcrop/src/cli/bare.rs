//! A command line that names no command: a question.
//!
//! 1. The name of a command is always the command; `outcrop -- models` asks.
//! 2. One word that is nearly a command's name is a slip, and is told as one: nobody pays for a typo.

use std::ffi::OsString;
use std::io::IsTerminal;

use clap::Command;

/// From this on two words are taken for the same one, mistyped (Jaro-Winkler, 0 to 1).
const NEARLY: f64 = 0.85;
/// What is the whole program's.
const OWN_FLAGS: [&str; 4] = ["-h", "--help", "-V", "--version"];

/// The arguments with the command that was meant.
pub fn named(program: &Command, given: Vec<OsString>) -> Vec<OsString> {
    let command = match given.get(1).map(|first| first.to_string_lossy()) {
        None if !std::io::stdin().is_terminal() => "query",
        None if std::io::stdout().is_terminal() && is_command(program, "chat") => "chat",
        None => return given,
        Some(first) if OWN_FLAGS.contains(&&*first) || is_command(program, &first) => return given,
        Some(first) if is_slip(program, &first) => return given,
        Some(_) => "query",
    };
    let mut named = given;
    named.insert(named.len().min(1), command.into());
    named
}

fn is_command(program: &Command, word: &str) -> bool {
    names(program).any(|name| name == word)
}

fn is_slip(program: &Command, word: &str) -> bool {
    let is_word = !word.starts_with('-') && !word.contains(char::is_whitespace);
    is_word && names(program).any(|name| strsim::jaro_winkler(name, &word.to_lowercase()) >= NEARLY)
}

fn names(program: &Command) -> impl Iterator<Item = &str> {
    let of_commands = program
        .get_subcommands()
        .flat_map(|command| std::iter::once(command.get_name()).chain(command.get_all_aliases()));
    of_commands.chain(["help"])
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn what_names_no_command_is_a_question() {
        let program = Cli::command();
        for (given, command) in [
            (&["What is Bedrock?"][..], Some("query")),
            (&["Hello"], Some("query")),
            (&["--", "models"], Some("query")),
            (&["-m", "a-model", "Hi"], Some("query")),
            (&["models"], None),
            (&["ask", "Hi"], None),
            (&["help"], None),
            (&["--version"], None),
            (&["qurey", "Hi"], None),
            (&["model"], None),
        ] {
            let all = ["outcrop"].iter().chain(given).map(OsString::from).collect::<Vec<_>>();
            let expected = command.map_or(given[0], |command| command);
            assert_eq!(named(&program, all)[1], expected, "{given:?}");
        }
    }
}
