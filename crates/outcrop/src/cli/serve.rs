//! The flags of `outcrop serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use outcrop_core::{StoreLimits, Uncounted};
use outcrop_fetch::{Allowed, Limits, Reach};
use outcrop_model::{Carrier, Fidelity};
use outcrop_server::Origin;

use super::account::AccountArgs;
use super::identity::LentArgs;
use super::value::{address, body_size, geography_word, seconds, seconds_or_none};
use super::{AdmissionArgs, IdentityArgs, LogFormat, TlsArgs};

pub const SERVE_EXAMPLES: &str = "\
Examples:
  outcrop serve --emulator                  no AWS account needed
  AWS_REGION=us-east-1 outcrop serve
  outcrop serve --region eu-west-1 --listen 127.0.0.1:9000
  outcrop serve -f outcrop.yaml --admin 127.0.0.1:9090
  outcrop serve --assume-role arn:aws:iam::123456789012:role/bedrock";

#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Address to listen on, instead of those of --config; port 0 takes a free one
    /// [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// Show the operator the configuration (GET /admin/config) and metrics (GET /metrics), and load
    /// it anew (POST /admin/reload), at this loopback address. At any other address there are metrics only,
    /// for anyone who can reach it. May be given several times. Off by default.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub admin: Vec<SocketAddr>,
    #[command(flatten)]
    pub tls: TlsArgs,
    #[command(flatten)]
    pub admission: AdmissionArgs,
    /// Serve by this configuration, in outcrop.yaml's format or another's: a file, a folder of them, or -
    /// for stdin; may be given several times. It says where requests go and as whom; flags for how they
    /// are treated hold where it says nothing. A change of it counts at once. See
    /// docs/guide/configuration.md.
    #[arg(short = 'f', long, value_name = "FILE", conflicts_with_all = ["endpoint_url", "region", "IdentityArgs", "OidcArgs", "LentArgs"])]
    pub config: Vec<PathBuf>,
    /// AWS region [default: AWS_REGION, then AWS_DEFAULT_REGION, then that of the profile].
    #[arg(long)]
    pub region: Option<String>,
    /// Send Bedrock's requests here [default: AWS_ENDPOINT_URL_BEDROCK_RUNTIME, then
    /// AWS_ENDPOINT_URL, then what the profile says, then the region's own host].
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Use a local Bedrock inside this process instead of AWS; needs no account. With --config it takes the
    /// place of all backends.
    #[arg(long, conflicts_with_all = ["endpoint_url", "region", "IdentityArgs", "OidcArgs"])]
    pub emulator: bool,
    #[command(flatten)]
    pub identity: IdentityArgs,
    #[command(flatten)]
    pub lent: LentArgs,
    /// What to do with parts of a request that a model cannot be given.
    #[arg(long, value_enum, default_value_t = FidelityWord::Report)]
    pub fidelity: FidelityWord,
    /// Which of Bedrock's APIs takes the requests [default: the best for client and model]. A request
    /// that its model cannot take this way is refused.
    #[arg(long, env = "OUTCROP_CARRIER", value_enum, default_value_t = CarrierWord::Auto, hide_default_value = true)]
    pub carrier: CarrierWord,
    /// Let web pages of this origin use the gateway from a browser, e.g. http://localhost:3000, or
    /// `*` for all; may be given several times. Off by default. Without keys it also lets requests for
    /// the origin's host in (docs/guide/browsers.md).
    #[arg(long, value_name = "ORIGIN")]
    pub cors_origin: Vec<Origin>,
    /// How to count tokens for POST /v1/messages/count_tokens and POST /v1/responses/input_tokens.
    #[arg(long, value_enum, default_value_t = CountWord::Estimate)]
    pub count_tokens: CountWord,
    /// Whose inference profiles may stand in for a model that cannot be called by its own id: `home`
    /// (those near the region), `off`, or a geography such as us, eu, apac, jp, au or global. A choice of
    /// where data may go; the header x-outcrop-model tells what was called.
    #[arg(long, default_value = "home", value_name = "GEOGRAPHY", value_parser = geography_word)]
    pub geography: String,
    #[command(flatten)]
    pub account: AccountArgs,
    /// Prices of yours, laid over the built-in list: see docs/guide/cost.md.
    #[arg(long, env = "OUTCROP_PRICES", value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Tell what each whole answer costs in the header x-outcrop-cost, in dollars. A stream's cost is
    /// known at its end only: it is in the access log.
    #[arg(long)]
    pub cost_header: bool,
    /// How often to send a request at the most, the first time included; a corrected clock allows one
    /// more.
    #[arg(long, default_value_t = outcrop_aws::retry::DEFAULT_ATTEMPTS, value_parser = clap::value_parser!(u32).range(1..=10), value_name = "N")]
    pub max_attempts: u32,
    /// Largest request body in bytes; Bedrock itself takes 25000000.
    #[arg(long, default_value_t = outcrop_server::MAX_BODY, value_parser = body_size, value_name = "BYTES")]
    pub max_body: usize,
    /// Most bytes of all request bodies that are held at a time; requests beyond it are told to come
    /// again (503).
    #[arg(long, default_value_t = outcrop_server::MAX_BODIES, value_parser = body_size, value_name = "BYTES")]
    pub max_bodies: usize,
    #[command(flatten)]
    pub media: MediaArgs,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub timeouts: TimeoutArgs,
    /// Seconds after SIGTERM in which /ready says no and all else goes on, so that load balancers
    /// notice; Ctrl-C skips them.
    #[arg(long, value_parser = seconds_or_none, default_value = "3", value_name = "SECONDS")]
    pub drain_notice: Duration,
    /// Seconds that running requests then have to finish; a second signal cuts them off.
    #[arg(long, value_parser = seconds_or_none, default_value = "25", value_name = "SECONDS")]
    pub drain_timeout: Duration,
    /// How to write the log (to stderr).
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// Images and documents that requests give by https address: the gateway fetches them, as Bedrock takes
/// bytes only. See docs/guide/media.md.
#[derive(Debug, Clone, Args)]
pub struct MediaArgs {
    /// From where media are fetched.
    #[arg(long, value_enum, default_value_t = ReachWord::Public)]
    pub fetch_media: ReachWord,
    /// Fetch from this host (files.example.com), from all below a domain (*.example.com) or from this
    /// network (10.1.0.0/16), also where they are private; may be given several times. A host's
    /// link-local addresses, at which clouds keep credentials, only a network allows.
    #[arg(long, value_name = "HOST|CIDR", required_if_eq("fetch_media", "listed"))]
    pub fetch_allow: Vec<Allowed>,
    /// Fetch from http: addresses too, which anyone on the way can read and change.
    #[arg(long)]
    pub fetch_http: bool,
    /// Largest file in bytes.
    #[arg(long, default_value_t = Limits::default().max_item, value_name = "BYTES")]
    pub fetch_max_file: usize,
    /// Largest sum of one request's files in bytes; as base64 it must fit into the 25000000 bytes that
    /// Bedrock takes.
    #[arg(long, default_value_t = Limits::default().max_total, value_name = "BYTES")]
    pub fetch_max_total: usize,
    /// Most different addresses in one request.
    #[arg(long, default_value_t = Limits::default().max_count, value_name = "N")]
    pub fetch_max_count: usize,
    /// Most fetched bytes that the gateway holds at a time, for all requests together.
    #[arg(long, default_value_t = Limits::default().max_held, value_name = "BYTES")]
    pub fetch_max_held: usize,
    /// Seconds for all fetches of one request at one target, redirects included.
    #[arg(long, value_parser = seconds, default_value = "20", value_name = "SECONDS")]
    pub fetch_timeout: Duration,
}

/// What is kept of the Responses API's answers, for previous_response_id and GET.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// Keep answers in this file too, so that they outlive the gateway; it holds conversations as they
    /// were. Off by default: they are kept in memory.
    #[arg(long, value_name = "FILE")]
    pub response_store: Option<PathBuf>,
    /// Most bytes of all kept answers; 0 keeps none. The oldest go first.
    #[arg(long, default_value_t = StoreLimits::default().max_bytes, value_name = "BYTES")]
    pub response_store_bytes: usize,
    /// Seconds for which an answer is kept.
    #[arg(long, value_parser = seconds, default_value = "86400", value_name = "SECONDS")]
    pub response_store_age: Duration,
}

/// Seconds to wait for Bedrock. The defaults fit calls of up to 60 minutes.
#[derive(Debug, Clone, Args)]
pub struct TimeoutArgs {
    /// Seconds to connect [default: 5].
    #[arg(long, value_parser = seconds, value_name = "SECONDS")]
    pub connect_timeout: Option<Duration>,
    /// Seconds until the answer begins [default: 3660].
    #[arg(long, value_parser = seconds, value_name = "SECONDS")]
    pub first_byte_timeout: Option<Duration>,
    /// Seconds of silence within an answer [default: 900].
    #[arg(long, value_parser = seconds, value_name = "SECONDS")]
    pub idle_timeout: Option<Duration>,
    /// Seconds for a whole call [default: 3900].
    #[arg(long, value_parser = seconds, value_name = "SECONDS")]
    pub total_timeout: Option<Duration>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum FidelityWord {
    /// Refuse the request, naming the part.
    Strict,
    /// Answer, and list the parts in the header x-outcrop-loss.
    Report,
    /// Answer, and only count them.
    Lenient,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum CarrierWord {
    /// The client's own dialect where the model speaks it, else the model's richest; never mantle where
    /// something else reaches the model.
    Auto,
    /// /model/{id}/converse.
    Converse,
    /// /model/{id}/invoke.
    Invoke,
    /// OpenAI's API on bedrock-runtime.
    Openai,
    /// Anthropic's API on bedrock-runtime.
    Anthropic,
    /// Both APIs on bedrock-mantle, with an identity policy and a quota of its own.
    Mantle,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum CountWord {
    /// By Bedrock, or roughly by the gateway where Bedrock does not; the header x-outcrop-estimate
    /// tells.
    Estimate,
    /// By Bedrock, or not at all (501).
    Exact,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ReachWord {
    /// Nowhere: such requests are refused.
    Off,
    /// The open internet, and what --fetch-allow names beside it.
    Public,
    /// Only what --fetch-allow names.
    Listed,
}

impl From<FidelityWord> for Fidelity {
    fn from(word: FidelityWord) -> Self {
        match word {
            FidelityWord::Strict => Fidelity::Strict,
            FidelityWord::Report => Fidelity::Report,
            FidelityWord::Lenient => Fidelity::Lenient,
        }
    }
}

impl From<CarrierWord> for Option<Carrier> {
    fn from(word: CarrierWord) -> Self {
        match word {
            CarrierWord::Auto => None,
            CarrierWord::Converse => Some(Carrier::Converse),
            CarrierWord::Invoke => Some(Carrier::Invoke),
            CarrierWord::Openai => Some(Carrier::OpenAi),
            CarrierWord::Anthropic => Some(Carrier::Anthropic),
            CarrierWord::Mantle => Some(Carrier::Mantle),
        }
    }
}

impl From<CountWord> for Uncounted {
    fn from(word: CountWord) -> Self {
        match word {
            CountWord::Estimate => Uncounted::Estimate,
            CountWord::Exact => Uncounted::Refuse,
        }
    }
}

impl From<MediaArgs> for Limits {
    fn from(args: MediaArgs) -> Self {
        Self {
            reach: match args.fetch_media {
                ReachWord::Off => Reach::Off,
                ReachWord::Public => Reach::Public,
                ReachWord::Listed => Reach::Listed,
            },
            allowed: args.fetch_allow,
            plain_http: args.fetch_http,
            max_item: args.fetch_max_file,
            max_total: args.fetch_max_total,
            max_count: args.fetch_max_count,
            max_held: args.fetch_max_held,
            timeout: args.fetch_timeout,
        }
    }
}
