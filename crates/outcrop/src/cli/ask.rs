//! The flags of the commands that ask a model.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use outcrop_model::chat::EFFORTS;

use super::identity::IdentityArgs;
use super::mcp::ToolArgs;
use super::terms::{CallArgs, FormArgs, OthersArgs, PreviewArgs, TermsArgs};
use super::value::share;
use super::{KeepArgs, RoleArgs, geography_word};

/// Who answers.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Who answers")]
pub struct EngineArgs {
    /// Settings, account and defaults of flags come from this file or folder [default: the first of
    /// ./config.yaml, .outcrop/config.yaml here or in a folder above, the user's, beside the binary]. See
    /// docs/guide/cli-config.md.
    #[arg(id = "settings", long = "config", env = "OUTCROP_CONFIG", value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// The provider of the model, as the configuration calls it.
    #[arg(short, long, default_value = "bedrock", value_name = "NAME")]
    pub provider: String,
    /// Ask this gateway instead of AWS, e.g. http://127.0.0.1:8080.
    #[arg(long, env = "OUTCROP_VIA", value_name = "URL", conflicts_with_all = ["region", "endpoint_url", "IdentityArgs", "CallArgs", "emulator"])]
    pub via: Option<String>,
    /// The key that the gateway of --via wants.
    #[arg(
        long,
        env = "OUTCROP_VIA_KEY",
        value_name = "KEY",
        hide_env_values = true,
        requires = "via"
    )]
    pub via_key: Option<String>,
    /// Ask a local Bedrock inside this process; needs no account.
    #[arg(long, conflicts_with_all = ["region", "endpoint_url", "IdentityArgs"])]
    pub emulator: bool,
    /// AWS region [default: AWS_REGION, then AWS_DEFAULT_REGION].
    #[arg(long)]
    pub region: Option<String>,
    /// Send Bedrock's requests here [default: AWS_ENDPOINT_URL_BEDROCK_RUNTIME, then
    /// AWS_ENDPOINT_URL, then the region's own host].
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Add what is asked and what comes to this file, a line of JSON each: requests, heads of answers and their
    /// data, without keys.
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    #[command(flatten)]
    pub identity: IdentityArgs,
    /// Whose inference profiles may stand in for a model that cannot be called by its own id: home,
    /// off, or a geography such as us, eu or global.
    #[arg(long, default_value = "home", value_name = "GEOGRAPHY", value_parser = geography_word)]
    pub geography: String,
    #[command(flatten)]
    pub call: CallArgs,
}

/// What is asked, beside the prompt.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What is asked")]
pub struct AskArgs {
    /// Model, by any name: an id, a profile's id, an ARN, or a name such as claude-sonnet-4-5.
    #[arg(short, long, env = "OUTCROP_MODEL", value_name = "MODEL")]
    pub model: Option<String>,
    /// System prompt.
    #[arg(short, long, visible_alias = "system-prompt", value_name = "TEXT")]
    pub system: Option<String>,
    /// Read the system prompt from this file.
    #[arg(long, visible_alias = "sf", value_name = "FILE", conflicts_with = "system")]
    pub system_file: Option<PathBuf>,
    /// Attach a file: text, image, PDF, office document, CSV, audio or video; a folder with all that is
    /// in it, a pattern ('src/**/*.rs'), an https address, or - for stdin. May be given several times.
    #[arg(short, long, visible_alias = "context", value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// Most tokens of the answer.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_tokens: Option<u64>,
    /// 0 (the same answer again, nearly) to 1 (variety).
    #[arg(long, value_name = "NUMBER", value_parser = share)]
    pub temperature: Option<f64>,
    /// Share of the likeliest tokens that are drawn from, 0 to 1.
    #[arg(long, value_name = "NUMBER", value_parser = share)]
    pub top_p: Option<f64>,
    /// End the answer where the model would say this. May be given several times.
    #[arg(long, value_name = "TEXT")]
    pub stop: Vec<String>,
    /// Any other setting of the request, e.g. -o top_k=5. The value is JSON, or text if it is none.
    #[arg(short, long = "option", value_name = "NAME=VALUE", value_parser = option)]
    pub option: Vec<(String, serde_json::Value)>,
    /// How much the model thinks first. It takes the nearest of its own levels; one that it has beside
    /// these is named by -o reasoning_effort.
    #[arg(long, value_name = "LEVEL", value_parser = EFFORTS, conflicts_with = "thinking")]
    pub effort: Option<String>,
    /// Tokens for thinking, or `off`.
    #[arg(long, value_name = "N|off", value_parser = thinking)]
    pub thinking: Option<Thinking>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    Off,
    Tokens(u64),
}

/// One question, one answer.
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// The question. What is piped in is attached after it; without a question it is the question.
    #[arg(value_name = "PROMPT")]
    pub prompt: Vec<String>,
    #[command(flatten)]
    pub ask: AskArgs,
    #[command(flatten)]
    pub form: FormArgs,
    #[command(flatten)]
    pub terms: TermsArgs,
    #[command(flatten)]
    pub others: OthersArgs,
    #[command(flatten)]
    pub preview: PreviewArgs,
    #[command(flatten)]
    pub show: ShowArgs,
    #[command(flatten)]
    pub role: RoleArgs,
    #[command(flatten)]
    pub keep: KeepArgs,
    #[command(flatten)]
    pub tools: ToolArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// How the answer of one question is shown.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How the answer is shown")]
pub struct ShowArgs {
    #[command(flatten)]
    pub look: LookArgs,
    /// The answer and all that is known of it, as JSON.
    #[arg(short, long, conflicts_with_all = ["output_format", "extract", "extract_last"])]
    pub json: bool,
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, conflicts_with_all = ["extract", "extract_last"])]
    pub output_format: OutputFormat,
    /// Write the answer to this file instead of stdout.
    #[arg(short = 'O', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Nothing on stderr but errors.
    #[arg(short, long, conflicts_with = "usage")]
    pub quiet: bool,
    /// Nothing on stderr at all: the exit code tells.
    #[arg(long, conflicts_with = "usage")]
    pub error_code_only: bool,
}

/// How any answer is shown.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How the answer is shown")]
pub struct LookArgs {
    /// Wait for the whole answer.
    #[arg(short = 'S', long)]
    pub no_stream: bool,
    /// Show the answer's markdown as headings, lists, tables and coloured code.
    #[arg(long, value_enum, default_value_t = Rendering::Auto, value_name = "WHEN")]
    pub render: Rendering,
    /// Don't show the model's thinking (on stderr).
    #[arg(short = 'R', long)]
    pub hide_reasoning: bool,
    /// Tell tokens, cost and time on stderr.
    #[arg(short, long)]
    pub usage: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rendering {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb.
    Auto,
    Always,
    /// As the model wrote it.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// The answer alone.
    Text,
    /// One object with the answer and all that is known of it.
    Json,
    /// One object a line for each event, as it comes.
    StreamJson,
}

/// Members of the request that are not set by `-o`, and what does.
const NO_OPTIONS: [(&str, &str); 7] = [
    ("messages", "the question, -s and -f"),
    ("model", "-m"),
    ("stream", "-S"),
    ("stream_options", "-u"),
    ("tools", "--server, -T or --mcp-config"),
    ("functions", "--server, -T or --mcp-config"),
    ("system", "-s"),
];

fn option(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("an option is NAME=VALUE")?;
    if let Some((_, instead)) = NO_OPTIONS.iter().find(|(no, _)| *no == name) {
        return Err(format!("`{name}` is no option: use {instead}"));
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}

fn thinking(text: &str) -> Result<Thinking, String> {
    match text {
        "off" => Ok(Thinking::Off),
        _ => text
            .parse()
            .ok()
            .filter(|tokens| *tokens >= 1)
            .map(Thinking::Tokens)
            .ok_or_else(|| "a number of tokens, or off".to_owned()),
    }
}
