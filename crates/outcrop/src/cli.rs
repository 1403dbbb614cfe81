//! The command line, as `--help` teaches it.

mod account;
mod admission;
mod ask;
mod embed;
mod identity;
mod keep;
pub mod keys;
mod logs;
mod mcp;
mod models;
mod tls;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use outcrop_core::{Geography, StoreLimits, Uncounted};
use outcrop_emulator::AccessKey;
use outcrop_fetch::{Allowed, Limits, Reach};
use outcrop_model::{Carrier, Catalog, Fidelity};
use outcrop_server::Origin;

use self::account::AccountArgs;
pub use self::admission::AdmissionArgs;
pub use self::ask::{AskArgs, EngineArgs, OutputFormat, QueryArgs, Rendering, ShowArgs, Thinking};
pub use self::embed::{CutArgs, EmbedArgs, Encoding, Strategy, VectorArgs, VectorFormat};
pub use self::identity::IdentityArgs;
use self::identity::LentArgs;
pub use self::keep::KeepArgs;
use self::keys::KeysArgs;
pub use self::logs::{LogsArgs, UsageArgs};
use self::mcp::MCP_EXAMPLES;
pub use self::mcp::{
    Approve, McpAddArgs, McpArgs, McpCallArgs, McpImportArgs, McpListArgs, McpReachArgs,
    McpServeArgs, McpTestArgs, McpVerb, Program, ToolArgs,
};
pub use self::models::ModelsArgs;
pub use self::tls::TlsArgs;
use crate::check::CheckArgs;
use crate::doctor::DoctorArgs;
use crate::explain::ExplainArgs;
use crate::iam_policy::IamPolicyArgs;

/// Where the gateway listens unless told otherwise: loopback, where nobody need be asked for a key.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// Where the emulator listens unless told otherwise.
const EMULATOR_LISTEN: &str = "127.0.0.1:4566";

/// Any client, any Bedrock model.
///
/// Outcrop puts OpenAI's and Anthropic's APIs, and Bedrock's own, in front of Amazon Bedrock.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show Outcrop at work, with no AWS account: emulator, gateway, one chat through each API.
    Demo(DemoArgs),
    /// Ask a model one question.
    ///
    /// The answer, and nothing else, goes to stdout. What is piped in is attached to the question.
    #[command(visible_aliases = ["q", "ask", "prompt"], after_help = QUERY_EXAMPLES)]
    Query(Box<QueryArgs>),
    /// Turn text into vectors.
    ///
    /// A long text is cut into chunks, each with its place in the text and its vector.
    #[command(visible_alias = "embeddings", after_help = EMBED_EXAMPLES)]
    Embed(Box<EmbedArgs>),
    /// Show what was asked and answered.
    #[command(after_help = logs::LOGS_EXAMPLES)]
    Logs(LogsArgs),
    /// Sum up tokens and dollars.
    #[command(after_help = logs::USAGE_EXAMPLES)]
    Usage(UsageArgs),
    /// List the models that can be asked, with window, price and what they take.
    Models(Box<ModelsArgs>),
    /// MCP servers, whose tools models may use.
    #[command(visible_aliases = ["servers", "tools"], after_help = MCP_EXAMPLES)]
    Mcp(Box<McpArgs>),
    /// Run the gateway.
    ///
    /// The region comes from AWS_REGION; credentials from where any AWS tool finds them: environment,
    /// shared files, web identity, container or instance (docs/guide/aws-identity.md).
    Serve(Box<ServeArgs>),
    /// Run the local Bedrock alone, for any AWS SDK to talk to.
    Emulate(EmulateArgs),
    Keys(KeysArgs),
    /// Say what is wrong with a configuration, and what was understood of it.
    ///
    /// Of outcrop.yaml and of every other format that the gateway takes.
    Check(CheckArgs),
    /// Show what would become of a request: route, target, carrier, what is lost, and what AWS would get.
    Explain(ExplainArgs),
    /// Look at credentials, network, clock and models, and say what is wrong and how to mend it.
    Doctor(Box<DoctorArgs>),
    /// Print the IAM policy that the gateway's identity needs, and no more.
    IamPolicy(IamPolicyArgs),
}

const QUERY_EXAMPLES: &str = "\
Examples:
  outcrop query \"What is the capital of France?\"
  outcrop query \"Summarise this\" --model amazon.nova-lite-v1:0 < report.txt
  outcrop query \"What is in the picture?\" -f photo.png
  git diff | outcrop query \"Write a commit message\" --json
  outcrop query \"Hello\" --emulator        no AWS account needed
Exit codes: 0 ok, 2 usage, 12 unknown model, 15 request failed, 16 file or stdin, 21 no access,
22 throttled, 23 too long, 24 refused, 26 network, 28 credentials, 130 interrupted.";

const EMBED_EXAMPLES: &str = "\
Examples:
  outcrop embed \"Some text\"
  outcrop embed -i document.txt --chunk-strategy paragraph -O vectors.json
  outcrop embed --lines -F jsonl -m amazon.titan-embed-text-v2:0 --dimensions 256 < titles.txt
  outcrop embed --jsonl body -F csv < articles.jsonl
  outcrop embed \"Who?\" --input-type search_query --emulator      no AWS account needed";

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

#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Address to listen on, instead of those of --config; port 0 takes a free one
    /// [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// Show the operator the configuration (GET /admin/config) and metrics (GET /metrics), and load
    /// it anew (POST /admin/reload), at this loopback address. Off by default.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub admin: Option<SocketAddr>,
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
    /// `*` for all; may be given several times. Off by default.
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
    /// Seconds for all fetches of one request, redirects included.
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

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
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

fn body_size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("no request would fit: choose at least 1".to_owned()),
        Ok(bytes) => Ok(bytes),
        Err(_) => Err("not a number of bytes".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match seconds_or_none(text)? {
        Duration::ZERO => Err("must be more than 0".to_owned()),
        duration => Ok(duration),
    }
}

fn seconds_or_none(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

pub fn geography(text: &str) -> Result<Geography, String> {
    Geography::named(text, Catalog::built_in())
}

/// The word of a geography, for configurations.
pub fn geography_word(text: &str) -> Result<String, String> {
    geography(text).map(|_known| text.to_owned())
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "an address is an IP and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_list_to_fetch_from_names_something() {
        let parsed = |args: &[&str]| {
            Cli::try_parse_from(["outcrop", "serve"].iter().chain(args)).map_err(|e| e.to_string())
        };
        let listed = ["--fetch-media", "listed"];
        assert!(parsed(&listed).unwrap_err().contains("--fetch-allow"));
        assert!(parsed(&[&listed[..], &["--fetch-allow", "*.example.com"]].concat()).is_ok());
        assert!(parsed(&["--fetch-allow", "https://x"]).unwrap_err().contains("10.1.0.0/16"));
    }

    #[test]
    fn bad_values_are_explained() {
        assert!(address("localhost:8080").unwrap_err().contains("127.0.0.1:8080"));
        assert!(address("[::1]:0").is_ok());
        assert!(geography("europe").unwrap_err().contains("eu"));
        assert_eq!(geography("eu"), Ok(Geography::Named("eu".to_owned())));
        assert!(body_size("0").unwrap_err().contains("at least 1"));
        assert!(seconds("0").is_err() && seconds("-1").is_err() && seconds("x").is_err());
        assert_eq!(seconds_or_none("0"), Ok(Duration::ZERO));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
    }
}
