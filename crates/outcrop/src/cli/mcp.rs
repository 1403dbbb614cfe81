//! The flags of tools that models may use, and of `outcrop mcp`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use outcrop_model::{PicoUsd, Units};

use super::EngineArgs;
use super::value::{address, seconds};

/// Which tools a model is offered, and what it may do with them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Tools (MCP)")]
pub struct ToolArgs {
    /// Offer only tools of this name: `read_file`, `files/read_*`, `files/*`. May be given several times.
    #[arg(short = 'T', long, value_name = "PATTERN")]
    pub tool: Vec<String>,
    /// Start these servers, and no others. May be given several times, or as a,b.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub server: Vec<String>,
    /// Start the servers of this file: .mcp.json, mcp.json of Cursor or VS Code, Codex's config.toml, or
    /// mcp-cli's YAML. May be given several times.
    #[arg(long, value_name = "FILE")]
    pub mcp_config: Vec<PathBuf>,
    /// Offer no tools and start no servers.
    #[arg(long, conflicts_with_all = ["tool", "server", "mcp_config"])]
    pub no_tools: bool,
    /// What happens when the model wants to use a tool that no --allow names.
    #[arg(long, value_enum, default_value_t = Approve::Ask)]
    pub approve: Approve,
    /// Let the model use tools of this name without being asked. May be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub allow: Vec<String>,
    /// Let the model use all tools without being asked: --approve auto.
    #[arg(short, long, conflicts_with = "approve")]
    pub yes: bool,
    /// Most times that the model is asked until it has said its say.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_turns: u32,
    /// Seconds that a tool may take.
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub tool_timeout: Duration,
    /// Seconds that a server may take to start.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub server_timeout: Duration,
    /// Most bytes of a tool's result that the model is shown, images apart.
    #[arg(long, value_name = "BYTES", default_value_t = 100_000)]
    pub max_result: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Approve {
    /// You are asked; where nobody can be, the model is told no.
    Ask,
    /// It is used.
    Auto,
    /// The model is told no.
    Deny,
}

/// MCP servers, whose tools models may use.
#[derive(Debug, Args)]
pub struct McpArgs {
    #[command(subcommand)]
    pub verb: Option<McpVerb>,
}

#[derive(Debug, Subcommand)]
pub enum McpVerb {
    /// List the servers that are defined, and where.
    #[command(after_help = LIST_EXAMPLES)]
    List(McpListArgs),
    /// Define a server of one's own.
    #[command(after_help = ADD_EXAMPLES)]
    Add(McpAddArgs),
    /// Start a server and show its tools.
    #[command(after_help = TEST_EXAMPLES)]
    Test(McpTestArgs),
    /// Use a tool.
    #[command(after_help = CALL_EXAMPLES)]
    Call(McpCallArgs),
    /// Take over the servers of another program: from its files here, then from those at home.
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(McpImportArgs),
    /// Log in at a server that wants to know who asks, with a browser.
    #[command(after_help = LOGIN_EXAMPLES)]
    Login(McpLoginArgs),
    /// Forget a login.
    #[command(after_help = LOGIN_EXAMPLES)]
    Logout(McpLoginArgs),
    /// Remove a server of one's own; those of other files are removed there.
    #[command(after_help = RM_EXAMPLES)]
    Rm(McpRmArgs),
    /// Be an MCP server, on stdin and stdout or by HTTP: ask models, make vectors, list models.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Box<McpServeArgs>),
}

const ADD_EXAMPLES: &str = "\
Examples:
  outcrop mcp add files -- npx -y @modelcontextprotocol/server-filesystem .
  outcrop mcp add notes --env 'TOKEN=${NOTES_TOKEN}' -- notes-server --stdio
  outcrop mcp add docs --url https://mcp.example.com/mcp --header 'X-Key: ${DOCS_KEY}'
  outcrop mcp add docs --url https://mcp.example.com/mcp --bearer-env DOCS_TOKEN";

const LIST_EXAMPLES: &str = "\
Examples:
  outcrop mcp list
  outcrop mcp list --json --mcp-config .mcp.json
  outcrop mcp list --strict      for scripts: fails where a file has a slip";

const TEST_EXAMPLES: &str = "\
Examples:
  outcrop mcp test files
  outcrop mcp test files --server-timeout 120      the first start of npx may take long
  outcrop mcp test files --json                    the tools with their schemas
  outcrop mcp test github --mcp-config .mcp.json";

const CALL_EXAMPLES: &str = "\
Examples:
  outcrop mcp call files read_file '{\"path\": \"a.txt\"}'
  outcrop mcp call time get_current_time '{\"timezone\": \"Europe/Berlin\"}' --json
  jq -n '{path: $p}' --arg p \"$FILE\" | outcrop mcp call files read_file -";

const IMPORT_EXAMPLES: &str = "\
Examples:
  outcrop mcp import claude
  outcrop mcp import vscode github      this one alone
  outcrop mcp import codex --force      in the place of those of the same name";

const LOGIN_EXAMPLES: &str = "\
Examples:
  outcrop mcp add linear --url https://mcp.linear.app/mcp
  outcrop mcp login linear
  outcrop mcp logout linear";

const RM_EXAMPLES: &str = "\
Examples:
  outcrop mcp              where each is defined
  outcrop mcp rm files
  outcrop mcp rm files && outcrop mcp add files -- npx -y @modelcontextprotocol/server-filesystem .";

const SERVE_EXAMPLES: &str = "\
Examples:
  claude mcp add outcrop -- outcrop mcp serve                 Claude Code starts it
  outcrop mcp serve -m nova-lite --max-budget-usd 1
  outcrop mcp serve --listen 127.0.0.1:8090                   at http://127.0.0.1:8090/mcp
  outcrop mcp serve --listen 0.0.0.0:8090 --token-env TOKEN   for others, who show the token";

pub const MCP_EXAMPLES: &str = "\
Examples:
  outcrop mcp                                    the servers that are defined
  outcrop mcp add files -- npx -y @modelcontextprotocol/server-filesystem .
  outcrop mcp test files
  outcrop mcp call files list_directory '{\"path\": \".\"}'
  outcrop mcp import claude
  outcrop query \"What is in this folder?\" --server files --allow 'files/list_*'";

#[derive(Debug, Default, Args)]
pub struct McpListArgs {
    /// All that is known of each, as JSON.
    #[arg(short, long)]
    pub json: bool,
    /// Anything to be said of the files is an error: what cannot be read, is not known or has no effect.
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub files: McpFilesArgs,
}

/// Where servers are defined, beside the usual places.
#[derive(Debug, Default, Args)]
pub struct McpFilesArgs {
    /// The configuration whose config/servers count.
    #[arg(id = "settings", long = "config", env = "OUTCROP_CONFIG", value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// The servers of this file come first. May be given several times.
    #[arg(long, value_name = "FILE")]
    pub mcp_config: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct McpAddArgs {
    /// What to call it.
    pub name: String,
    /// Address of a server that is reached by streamable HTTP.
    #[arg(long, conflicts_with_all = ["command", "env", "cwd"], required_unless_present = "command")]
    pub url: Option<String>,
    /// Header for it, as `Name: value`. May be given several times.
    #[arg(long, value_name = "HEADER", value_parser = header)]
    pub header: Vec<(String, String)>,
    /// The variable of the environment that holds its bearer token.
    #[arg(long, value_name = "VARIABLE", requires = "url")]
    pub bearer_env: Option<String>,
    /// Variable for the command's environment, as NAME=VALUE; ${VAR} in it stays a reference. May be given
    /// several times.
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = pair)]
    pub env: Vec<(String, String)>,
    /// Folder to start the command in.
    #[arg(long, value_name = "FOLDER")]
    pub cwd: Option<String>,
    /// Put it in the place of one of the same name.
    #[arg(long)]
    pub force: bool,
    /// The command that runs the server, and its arguments, after `--`.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct McpTestArgs {
    /// The server.
    pub name: String,
    /// The tools with their schemas, as JSON.
    #[arg(short, long)]
    pub json: bool,
    #[command(flatten)]
    pub reach: McpReachArgs,
}

#[derive(Debug, Args)]
pub struct McpCallArgs {
    /// The server that has the tool.
    pub server: String,
    /// The tool, as its server calls it.
    pub tool: String,
    /// A JSON object; `-` reads it from stdin.
    #[arg(default_value = "{}", value_name = "JSON")]
    pub arguments: String,
    /// The whole result, as JSON.
    #[arg(short, long)]
    pub json: bool,
    /// Seconds that the tool may take.
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub tool_timeout: Duration,
    #[command(flatten)]
    pub reach: McpReachArgs,
}

/// How a server is found and reached.
#[derive(Debug, Args)]
pub struct McpReachArgs {
    #[command(flatten)]
    pub files: McpFilesArgs,
    /// Seconds that the server may take to start.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub server_timeout: Duration,
}

#[derive(Debug, Args)]
pub struct McpImportArgs {
    /// Whose servers.
    #[arg(value_enum)]
    pub program: Program,
    /// Only these.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Put them in the place of those of the same name.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct McpLoginArgs {
    /// The server.
    pub name: String,
    #[command(flatten)]
    pub reach: McpReachArgs,
}

#[derive(Debug, Args)]
pub struct McpServeArgs {
    /// Model of those who name none [default: claude-sonnet-4-5].
    #[arg(short, long, env = "OUTCROP_MODEL", value_name = "MODEL")]
    pub model: Option<String>,
    /// Model of vectors for those who name none.
    #[arg(long, value_name = "MODEL", default_value = "amazon.titan-embed-text-v2:0")]
    pub embed_model: String,
    /// Most that all calls may cost together. They are made one after another then, and none is that may
    /// cost more than is left; vectors count when they are made.
    #[arg(long, value_name = "DOLLARS", value_parser = budget, conflicts_with = "via")]
    pub max_budget_usd: Option<PicoUsd>,
    #[command(flatten)]
    pub web: McpWebArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Serving by streamable HTTP.
#[derive(Debug, Args)]
#[command(next_help_heading = "By HTTP")]
pub struct McpWebArgs {
    /// Listen here, for clients that come by streamable HTTP to /mcp, instead of on stdin.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// Let in only who shows the token in this variable of the environment, as a bearer token. Without a
    /// token only a loopback address will do.
    #[arg(long, value_name = "VARIABLE", requires = "listen")]
    pub token_env: Option<String>,
    /// The same, with the token in a file.
    #[arg(long, value_name = "FILE", requires = "listen", conflicts_with = "token_env")]
    pub token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct McpRmArgs {
    /// The server.
    pub name: String,
}

/// A program that has servers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Program {
    /// Claude Code and Claude Desktop.
    Claude,
    Cursor,
    Vscode,
    Codex,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is `Name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a variable is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn budget(text: &str) -> Result<PicoUsd, String> {
    PicoUsd::per_unit(text, Units::One).map_err(|_| "not a number of dollars".to_owned())
}
