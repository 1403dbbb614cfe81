//! `load [--write FILE] [--only TEXT] [--rounds N] [--log FILTER] [--renewal]`

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// Enough for one that nothing disturbs, on a machine that is not idle.
const ROUNDS: usize = 5;

#[derive(Debug)]
pub struct Args {
    /// Where to write the report, beside stdout.
    pub write: Option<PathBuf>,
    /// Only cases whose name holds this text.
    pub only: String,
    /// Paired rounds for each case and concurrency.
    pub rounds: usize,
    /// The gateway's log filter instead of its default.
    pub log: Option<String>,
    /// What renewing credentials costs, instead of what the gateway costs.
    pub renewal: bool,
}

impl Args {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let mut parsed =
            Self { write: None, only: String::new(), rounds: ROUNDS, log: None, renewal: false };
        while let Some(name) = args.next() {
            let mut value = || args.next().with_context(|| format!("{name} needs a value"));
            match &*name {
                "--write" => parsed.write = Some(value()?.into()),
                "--only" => parsed.only = value()?,
                "--rounds" => parsed.rounds = value()?.parse().context("--rounds")?,
                "--log" => parsed.log = Some(value()?),
                "--renewal" => parsed.renewal = true,
                _ => bail!(
                    "unknown argument `{name}`; known: --write FILE, --only TEXT, --rounds N, --log FILTER, \
                     --renewal"
                ),
            }
        }
        Ok(parsed)
    }
}
