//! Two gateways beside each other that differ in one thing: what does that cost?

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::args::Args;
use crate::drive::TOKEN_HASH;
use crate::process::{Build, Launch, Running};

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair {
    /// Fixed keys; credentials that expire after a second.
    Renewal,
    /// No limits; four of them, of each kind.
    Limits,
    /// Limits counted in memory; in a file.
    Store,
    /// Limits counted in memory; in Redis.
    Redis,
    /// One route; so many.
    Routes(usize),
    /// One client key; 100,000.
    Keys,
}

const PAIRS: [(&str, Pair); 7] = [
    ("renewal", Pair::Renewal),
    ("limits", Pair::Limits),
    ("store", Pair::Store),
    ("redis", Pair::Redis),
    ("routes-100", Pair::Routes(100)),
    ("routes", Pair::Routes(10_000)),
    ("keys", Pair::Keys),
];

/// What is measured beside each other, and what it needs to run.
#[derive(Debug)]
pub struct Sides {
    pub floor: Running,
    pub gateway: Running,
    _redis: Option<Running>,
    _files: Option<TempDir>,
}

/// Limits that nobody reaches.
pub const LIMITS: &str = "limits:
  - {name: rate, requests: 1000000000, window: minute, each: key}
  - {name: tokens, total_tokens: 1000000000000, window: day}
  - {name: budget, money: $1000000, window: month}
  - {name: at-once, concurrent: 10000}
";

impl Sides {
    pub fn against_floor(build: &Build, upstream: &SocketAddr, args: &Args) -> Result<Self> {
        let floor = Launch::floor(build, upstream).start()?;
        let gateway = Launch::gateway(build, upstream, args).start()?;
        Ok(Self { floor, gateway, _redis: None, _files: None })
    }
}

impl Pair {
    pub fn named(name: &str) -> Result<Self> {
        let names = PAIRS.map(|(name, _)| name).join(", ");
        let found = PAIRS.iter().find(|(known, _)| *known == name);
        found.map(|(_, pair)| *pair).with_context(|| format!("no pair `{name}`; known: {names}"))
    }

    pub fn start(self, build: &Build, upstream: &SocketAddr, args: &Args) -> Result<Sides> {
        let files = TempDir::new()?;
        let mut redis = None;
        let with = |name: &str, more: &str| {
            let path = configuration(&files, (name, more), upstream)?;
            Launch::configured(build, &path, args).start()
        };
        let (floor, gateway) = match self {
            Pair::Renewal => (
                Launch::gateway(build, upstream, args).start()?,
                Launch::renewing(build, upstream, args).start()?,
            ),
            Pair::Limits => (with("plain", &keys(1))?, with("other", &(keys(1) + LIMITS))?),
            Pair::Store => {
                let (limits, file) = (keys(1) + LIMITS, files.path().join("limits"));
                let store = format!("store: {{file: {}}}\n", file.display());
                (with("plain", &limits)?, with("other", &(limits + &store))?)
            }
            Pair::Redis => {
                let (limits, server) = (keys(1) + LIMITS, self::redis(&files)?);
                let store = format!("store: {{redis: {{url: redis://{}}}}}\n", server.address);
                redis = Some(server);
                (with("plain", &limits)?, with("other", &(limits + &store))?)
            }
            Pair::Routes(count) => (with("plain", &routes(1))?, with("other", &routes(count))?),
            Pair::Keys => (with("plain", &keys(1))?, with("other", &keys(100_000))?),
        };
        Ok(Sides { floor, gateway, _redis: redis, _files: Some(files) })
    }
}

/// Writes the file of a gateway: where requests go, and `more`.
pub fn configuration(
    files: &TempDir,
    (name, more): (&str, &str),
    upstream: &SocketAddr,
) -> Result<PathBuf> {
    let path = files.path().join(name).with_extension("yaml");
    let backend = format!("{{region: us-east-1, endpoint: 'http://{upstream}'}}");
    std::fs::write(&path, format!("backends:\n  main: {backend}\n{more}"))?;
    Ok(path)
}

/// So many keys; the driver's is the last.
pub fn keys(count: usize) -> String {
    let mut text = "keys:\n".to_owned();
    for at in 1..count {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  - {{name: key-{at}, token_hash: {at:064x}}}");
    }
    text + &format!("  - {{name: driver, token_hash: {TOKEN_HASH}}}\n")
}

/// So many routes; the last takes what the others do not.
pub fn routes(count: usize) -> String {
    let mut text = "routes:\n".to_owned();
    for at in 1..count {
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "  - {{name: route-{at}, match: {{model: model-{at}}}, targets: main}}");
    }
    text + "  - {name: rest, targets: main}\n"
}

/// Of a port that was free a moment ago.
pub fn free_address() -> Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A Redis server of our own, on a free port.
fn redis(files: &TempDir) -> Result<Running> {
    let address = free_address()?;
    let running = Launch::redis(files.path(), &address).start_silent(address)?;
    for _ in 0..100 {
        if std::net::TcpStream::connect(address).is_ok() {
            return Ok(running);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("the Redis server does not answer")
}
