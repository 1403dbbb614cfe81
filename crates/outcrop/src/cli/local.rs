//! The flags of `outcrop demo` and `outcrop emulate`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use outcrop_emulator::AccessKey;

use super::LogFormat;
use super::value::address;

/// Where the emulator listens unless told otherwise.
pub const EMULATOR_LISTEN: &str = "127.0.0.1:4566";

pub const DEMO_EXAMPLES: &str = "\
Examples:
  outcrop demo                              serves on until Ctrl-C
  outcrop demo --once                       ends after three chats
  outcrop demo --listen 127.0.0.1:8080";

pub const EMULATE_EXAMPLES: &str = "\
Examples:
  outcrop emulate
  outcrop emulate --listen 127.0.0.1:0 --region eu-west-1
  outcrop emulate --tls --tls-ca-out emulator.pem
  outcrop emulate --engine \"lorem;tokens=200\" --api-key secret
  AWS_ENDPOINT_URL=http://127.0.0.1:4566 outcrop query \"Hello\"";

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Exit after the round trips instead of serving on.
    #[arg(long)]
    pub once: bool,
    /// Address of the gateway; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR", value_parser = address)]
    pub listen: SocketAddr,
    /// Address of the emulator; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR", value_parser = address)]
    pub emulator_listen: SocketAddr,
}

#[derive(Debug, Args)]
pub struct EmulateArgs {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = EMULATOR_LISTEN, value_name = "ADDR", value_parser = address)]
    pub listen: SocketAddr,
    /// Accept this key pair too, with :TOKEN if it has a session token; may be given several times.
    /// The example pair is always accepted.
    #[arg(long, value_name = "ID:SECRET")]
    pub access_key: Vec<AccessKey>,
    /// Accept this Bedrock API key too; may be given several times.
    #[arg(long, value_name = "KEY")]
    pub api_key: Vec<String>,
    /// Who may do what: {"IDENTITY": {"models": ["amazon.*"], "actions": ["bedrock:InvokeModel*"]}}, where an
    /// identity is an access key id, a role's ARN or an API key; whoever is not named may do everything.
    #[arg(long, value_name = "FILE")]
    pub access: Option<PathBuf>,
    /// Accept signatures for this region only [default: any].
    #[arg(long)]
    pub region: Option<String>,
    /// Serve TLS with a certificate made at start.
    #[arg(long)]
    pub tls: bool,
    /// Where to write the certificate authority's PEM [default: a file in the temp folder].
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub tls_ca_out: Option<PathBuf>,
    /// What answers: auto, echo, tools, reasoner, lorem, with settings, e.g.
    /// "lorem;tokens=200;chunk=4".
    #[arg(long, value_name = "ENGINE", conflicts_with = "script")]
    pub engine: Option<String>,
    /// Answer from a script file (see docs/dev/emulator.md).
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Replay recorded exchanges from this file.
    #[arg(long, value_name = "FILE")]
    pub cassette: Option<PathBuf>,
    /// How to write the log (to stderr).
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}
