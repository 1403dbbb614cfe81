//! Variables in the definitions of servers, as each format means them.

use std::borrow::Cow;

use outcrop_config::variables::{Variables, interpolate};

use crate::settings::Settings;

/// What a dollar means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dollars {
    /// Nothing: Codex has variables of its own.
    Plain,
    /// mcp-cli's: `${VAR}` and `$VAR`; what is not set is nothing.
    McpCli,
    /// JSON's: `${VAR}`, `${VAR:-default}`, `${env:VAR}`; what is not set is an error.
    Braced,
}

/// `text` with its variables put in, or why that cannot be.
pub fn resolve(text: &str, dollars: Dollars) -> Result<String, String> {
    let (text, unset): (Cow<'_, str>, _) = match dollars {
        Dollars::Plain => return Ok(text.to_owned()),
        Dollars::McpCli => (text.into(), Variables::Optional),
        Dollars::Braced => (braced(text).into(), Variables::Required),
    };
    if text.contains("${input:") {
        return Err("it asks for an input of VS Code's, which is not supported here: \
                    `outcrop mcp import vscode` makes a variable of it"
            .to_owned());
    }
    interpolate(&text, unset, &variable).map(Cow::into_owned).map_err(|unresolved| match unresolved
        .hint
    {
        Some(hint) => format!("{}: {hint}", unresolved.what),
        None => unresolved.what,
    })
}

/// Of the environment, `.env` behind it, and what Cursor and VS Code know beside it.
fn variable(name: &str) -> Option<String> {
    let path = match name {
        "workspaceFolder" => std::env::current_dir().ok()?,
        "userHome" => return std::env::var("HOME").ok(),
        name => {
            return match Settings::current() {
                Some(settings) => settings.variable(name),
                None => std::env::var(name).ok(),
            };
        }
    };
    Some(path.to_string_lossy().into_owned())
}

/// Dollars that begin no brace stand for themselves; `${env:VAR}` is `${VAR}`.
fn braced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        match after.strip_prefix('{') {
            Some(after) => {
                out.push_str("${");
                rest = after.strip_prefix("env:").unwrap_or(after);
            }
            None => {
                out.push_str("$$");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_its_own_dollars() {
        for (text, dollars, expected) in [
            ("$5 ${NO_SUCH_VARIABLE:-d} $x", Dollars::Braced, Ok("$5 d $x")),
            ("${env:NO_SUCH_VARIABLE:-e}", Dollars::Braced, Ok("e")),
            ("a${NO_SUCH_VARIABLE}b", Dollars::McpCli, Ok("ab")),
            ("${NO_SUCH_VARIABLE}", Dollars::Plain, Ok("${NO_SUCH_VARIABLE}")),
            ("${NO_SUCH_VARIABLE}", Dollars::Braced, Err("NO_SUCH_VARIABLE is not set")),
            ("${input:token}", Dollars::Braced, Err("not supported")),
        ] {
            match (resolve(text, dollars), expected) {
                (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{text}"),
                (Err(got), Err(expected)) => assert!(got.contains(expected), "{text}: {got}"),
                (got, expected) => panic!("{text}: {got:?}, not {expected:?}"),
            }
        }
    }
}
