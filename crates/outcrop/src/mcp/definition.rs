//! Which MCP servers there are, and how each is reached: as it is written, variables and all.

mod find;
mod read;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::variables::{Dollars, resolve};

pub use self::find::{Breadth, Found, find};
pub use self::read::read;

/// A server.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    pub name: String,
    pub way: Way,
    pub dollars: Dollars,
    /// Where it is written.
    pub source: PathBuf,
    pub trust: Trust,
}

/// Who put the definition where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Named on the command line.
    Named,
    /// The user, for Outcrop.
    Own,
    /// The user, for another program.
    OtherProgram,
    /// Whoever wrote the files of the folder that we are in.
    Folder,
}

/// How it is reached.
#[derive(Debug, Clone, PartialEq)]
pub enum Way {
    Stdio {
        command: String,
        args: Vec<String>,
        env: BTreeMap<String, String>,
        cwd: Option<String>,
    },
    Http {
        url: String,
        headers: BTreeMap<String, String>,
        /// Of the environment.
        bearer_variable: Option<String>,
    },
}

// === impl Definition ===

impl Definition {
    /// The way with all variables put in.
    ///
    /// # Errors
    /// Which member cannot be made, and why.
    pub fn resolved(&self) -> Result<Way, String> {
        let one = |member: &str, text: &str| {
            resolve(text, self.dollars).map_err(|why| format!("{member}: {why}"))
        };
        let map = |member: &str, texts: &BTreeMap<String, String>| {
            let pairs = texts
                .iter()
                .map(|(name, text)| Ok((name.clone(), one(&format!("{member} {name}"), text)?)));
            pairs.collect::<Result<BTreeMap<_, _>, String>>()
        };
        Ok(match &self.way {
            Way::Stdio { command, args, env, cwd } => Way::Stdio {
                command: one("command", command)?,
                args: args.iter().map(|arg| one("args", arg)).collect::<Result<_, _>>()?,
                env: map("env", env)?,
                cwd: cwd.as_deref().map(|cwd| one("cwd", cwd)).transpose()?,
            },
            Way::Http { url, headers, bearer_variable } => Way::Http {
                url: one("url", url)?,
                headers: map("header", headers)?,
                bearer_variable: bearer_variable.clone(),
            },
        })
    }

    /// In a few words, without anything secret.
    pub fn in_words(&self) -> String {
        let words = match &self.way {
            Way::Stdio { command, args, .. } => {
                let words = std::iter::once(command).chain(args).map(String::as_str);
                words.collect::<Vec<_>>().join(" ")
            }
            Way::Http { url, .. } => url.split(['?', '#']).next().unwrap_or_default().to_owned(),
        };
        super::printable(&words)
    }
}
