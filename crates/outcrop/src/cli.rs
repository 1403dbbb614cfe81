//! The command line, as `--help` teaches it.

mod account;
mod admission;
mod ask;
pub mod bare;
mod chat;
mod embed;
mod identity;
mod init;
mod keep;
pub mod keys;
mod local;
mod logs;
mod mcp;
mod models;
mod roles;
mod serve;
mod sessions;
mod setup;
mod terms;
#[cfg(test)]
mod tests;
mod tls;
mod value;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::{Parser, Subcommand, ValueEnum};

pub use self::admission::AdmissionArgs;
pub use self::ask::{
    AskArgs, EngineArgs, LookArgs, OutputFormat, QueryArgs, Rendering, ShowArgs, Thinking,
};
pub use self::chat::{ChatArgs, ChatShowArgs};
pub use self::embed::{
    CutArgs, EMBED_MODEL, EmbedArgs, Encoding, Strategy, VectorArgs, VectorFormat,
};
pub use self::identity::IdentityArgs;
pub use self::init::{Auth, InitArgs};
pub use self::keep::KeepArgs;
use self::keys::KeysArgs;
pub use self::local::{DemoArgs, EMULATOR_LISTEN, EmulateArgs};
pub use self::logs::{LogsArgs, UsageArgs};
use self::mcp::MCP_EXAMPLES;
pub use self::mcp::{
    Approve, McpAddArgs, McpArgs, McpCallArgs, McpImportArgs, McpListArgs, McpLoginArgs,
    McpReachArgs, McpServeArgs, McpTestArgs, McpVerb, McpWebArgs, Program, ToolArgs,
};
pub use self::models::{
    DefaultModelArgs, Kind, ListModelsArgs, ModelsArgs, ModelsVerb, ShowModelArgs, TestModelsArgs,
    TokensArgs,
};
pub use self::roles::{NewRole, RoleArgs, RolesArgs, RolesVerb};
pub use self::serve::{CarrierWord, ServeArgs, StoreArgs, TimeoutArgs};
pub use self::sessions::{ExportArgs, SessionsArgs, SessionsVerb, ViewArgs};
pub use self::setup::{CompletionArgs, ConfigArgs, ConfigVerb, ConnectArgs, ManArgs};
pub use self::terms::{Cache, CallArgs, FormArgs, TermsArgs};
pub use self::tls::TlsArgs;
pub use self::value::{geography, geography_word, session_name};
use crate::check::CheckArgs;
use crate::doctor::DoctorArgs;
use crate::explain::ExplainArgs;
use crate::iam_policy::IamPolicyArgs;

/// Where the gateway listens unless told otherwise: loopback, where nobody need be asked for a key.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Any client, any Bedrock model.
///
/// Outcrop puts OpenAI's and Anthropic's APIs, and Bedrock's own, in front of Amazon Bedrock.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show Outcrop at work, with no AWS account: emulator, gateway, one chat through each API.
    #[command(after_help = local::DEMO_EXAMPLES)]
    Demo(DemoArgs),
    /// Configure the command line: who is calling, where, which models.
    ///
    /// Looks for credentials, profiles and regions, calls the models once, and writes a configuration.
    #[command(after_help = init::EXAMPLES)]
    Init(Box<InitArgs>),
    /// Ask a model one question.
    ///
    /// The answer, and nothing else, goes to stdout. What is piped in is attached to the question.
    #[command(visible_aliases = ["q", "ask", "prompt"], after_help = QUERY_EXAMPLES)]
    Query(Box<QueryArgs>),
    /// Talk with a model.
    ///
    /// With line editing, and commands that begin with a slash; without a terminal each line of stdin is
    /// a question.
    #[command(after_help = chat::EXAMPLES)]
    Chat(Box<ChatArgs>),
    /// Turn text into vectors.
    ///
    /// A long text is cut into chunks, each with its place in the text and its vector.
    #[command(visible_alias = "embeddings", after_help = EMBED_EXAMPLES)]
    Embed(Box<EmbedArgs>),
    /// Show what was asked and answered.
    #[command(after_help = logs::LOGS_EXAMPLES)]
    Logs(LogsArgs),
    /// Look at conversations, and go on with them elsewhere.
    #[command(after_help = sessions::EXAMPLES)]
    Sessions(SessionsArgs),
    /// Keep prompts with their models and settings under names.
    #[command(visible_alias = "templates", after_help = roles::EXAMPLES)]
    Roles(RolesArgs),
    /// Sum up tokens and dollars.
    #[command(after_help = logs::USAGE_EXAMPLES)]
    Usage(UsageArgs),
    /// List the models that can be asked, with window, price and what they take.
    #[command(after_help = models::MODELS_EXAMPLES)]
    Models(Box<ModelsArgs>),
    /// Count the tokens of a text before it is sent, and what they cost.
    #[command(after_help = models::TOKENS_EXAMPLES)]
    Tokens(Box<TokensArgs>),
    /// MCP servers, whose tools models may use.
    #[command(visible_aliases = ["servers", "tools"], after_help = MCP_EXAMPLES)]
    Mcp(Box<McpArgs>),
    /// Run the gateway.
    ///
    /// The region comes from AWS_REGION; credentials from where any AWS tool finds them: environment,
    /// shared files, web identity, container or instance (docs/guide/aws-identity.md).
    #[command(after_help = serve::SERVE_EXAMPLES)]
    Serve(Box<ServeArgs>),
    /// Run the local Bedrock alone, for any AWS SDK to talk to.
    #[command(after_help = local::EMULATE_EXAMPLES)]
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
    #[command(after_help = setup::CONFIG_EXAMPLES)]
    Config(ConfigArgs),
    /// Show or write what a client needs to use a running gateway.
    ///
    /// For Claude Code, Codex, opencode, editors, SDKs and more; `outcrop connect` lists them.
    #[command(after_help = setup::CONNECT_EXAMPLES)]
    Connect(ConnectArgs),
    /// Print what lets a shell complete commands, flags, models, sessions and roles.
    #[command(after_help = setup::COMPLETION_EXAMPLES)]
    Completion(CompletionArgs),
    /// Print the manual page, or write one for each command.
    #[command(after_help = setup::MAN_EXAMPLES)]
    Man(ManArgs),
    /// Print the version.
    Version,
    /// Print the IAM policy that the gateway's identity needs, and no more.
    IamPolicy(IamPolicyArgs),
}

const EXAMPLES: &str = "\
Examples:
  outcrop \"What is Bedrock?\"                without a command it is a question
  outcrop init                              find account, region and models
  outcrop chat
  outcrop serve --emulator                  a gateway; no AWS account needed
  outcrop help query                        what a command can do";

const QUERY_EXAMPLES: &str = "\
Examples:
  outcrop query \"What is the capital of France?\"
  outcrop query \"Summarise this\" --model amazon.nova-lite-v1:0 < report.txt
  outcrop query \"What is in the picture?\" -f photo.png
  outcrop query \"Who wrote Faust?\" --schema \"name, born int\"
  outcrop query \"Explain tides\" --compare claude-sonnet-4-5,amazon.nova-pro-v1:0
  git diff | outcrop query \"Write a commit message\" --json
  outcrop query \"What is in this folder?\" --server files --allow 'files/list_*'
  outcrop query \"Hello\" --emulator        no AWS account needed
Exit codes: 0 ok, 2 usage, 12 unknown model, 13 MCP server, 15 request failed, 16 file or stdin,
21 no access, 22 throttled, 23 too long, 24 refused, 25 not of the schema, 26 network,
27 out of turns or over budget, 28 credentials, 29 cut short (--strict), 130 interrupted.";

const EMBED_EXAMPLES: &str = "\
Examples:
  outcrop embed \"Some text\"
  outcrop embed -i document.txt --chunk-strategy paragraph -O vectors.json
  outcrop embed --lines -F jsonl -m amazon.titan-embed-text-v2:0 --dimensions 256 < titles.txt
  outcrop embed --jsonl body -F csv < articles.jsonl
  outcrop embed --files docs '**/*.md' --chunk-strategy markdown --store docs.sqlite
  outcrop embed --similar-to \"How do I log in?\" --store docs.sqlite -n 3
  outcrop embed \"Who?\" --input-type search_query --emulator      no AWS account needed";

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}
