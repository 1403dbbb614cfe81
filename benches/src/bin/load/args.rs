//! `load [--write FILE] [--only TEXT] [--rounds N] [--log FILTER] [--pair NAME] | --reloads N`

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::pairs::Pair;

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
    /// Two gateways beside each other, instead of a gateway beside the floor.
    pub pair: Option<Pair>,
    /// So many reloads under load, and no measurement.
    pub reloads: Option<usize>,
}

impl Args {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let mut parsed = Self {
            write: None,
            only: String::new(),
            rounds: ROUNDS,
            log: None,
            pair: None,
            reloads: None,
        };
        while let Some(name) = args.next() {
            let mut value = || args.next().with_context(|| format!("{name} needs a value"));
            match &*name {
                "--write" => parsed.write = Some(value()?.into()),
                "--only" => parsed.only = value()?,
                "--rounds" => parsed.rounds = value()?.parse().context("--rounds")?,
                "--log" => parsed.log = Some(value()?),
                "--pair" => parsed.pair = Some(Pair::named(&value()?)?),
                "--reloads" => parsed.reloads = Some(value()?.parse().context("--reloads")?),
                _ => bail!(
                    "unknown argument `{name}`; known: --write FILE, --only TEXT, --rounds N, --log FILTER, \
                     --pair NAME, --reloads N"
                ),
            }
        }
        Ok(parsed)
    }
}
