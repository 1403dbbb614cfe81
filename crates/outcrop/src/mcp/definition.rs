//! Which MCP servers there are, and how each is reached: as it is written, variables and all.

mod find;
mod known;
mod plain;
mod read;

use std::collections::BTreeMap;
use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;

use super::variables::{Dollars, resolve};

pub use self::find::{Breadth, Found, find};
pub use self::plain::secrets;

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

// === impl Way ===

impl Way {
    /// All texts in which variables may stand.
    pub fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Self::Stdio { command, args, env, cwd } => {
                std::iter::once(command).chain(args).chain(env.values_mut()).chain(cwd).collect()
            }
            Self::Http { url, headers, bearer_variable: _ } => {
                std::iter::once(url).chain(headers.values_mut()).collect()
            }
        }
    }
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
            Way::Stdio { command, args, .. } => match args.len() {
                0 => command.clone(),
                1 => format!("{command} with 1 argument"),
                count => format!("{command} with {count} arguments"),
            },
            Way::Http { url, .. } => without_secrets(url),
        };
        super::printable(&words)
    }

    /// A digest of what is started or reached, as it is written. Values of variables and headers have no
    /// part in it: they are renewed.
    pub fn digest(&self) -> String {
        let written = match &self.way {
            Way::Stdio { command, args, env, cwd } => {
                json!([command, args, env.keys().collect::<Vec<_>>(), cwd])
            }
            Way::Http { url, headers, bearer_variable } => {
                json!([url, headers.keys().collect::<Vec<_>>(), bearer_variable])
            }
        };
        let digest = digest(&SHA256, written.to_string().as_bytes());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// An address without its user, password and query.
fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}
