//! The flags of tools that models may use.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::value::seconds;

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
