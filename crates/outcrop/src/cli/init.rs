//! The flags of `outcrop init`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use outcrop_aws::Role;

pub const EXAMPLES: &str = "\
Examples:
  outcrop init                                    asks what is not clear
  outcrop init --quick                            takes what it finds
  outcrop init --profile work --region eu-west-1 --model amazon.nova-pro-v1:0
  outcrop init --non-interactive --auth chain --json
  outcrop init --dir .outcrop                     for this project alone
  outcrop init --emulator                         no AWS account needed
Exit codes: 0 ok, 17 not configured (with the cause).";

/// Writes the configuration of the command line.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Ask nothing that can be found out.
    #[arg(long, conflicts_with = "full")]
    pub quick: bool,
    /// Ask for limits and a system prompt too.
    #[arg(long)]
    pub full: bool,
    /// Ask nothing at all. So it is without a terminal.
    #[arg(long, visible_alias = "yes", conflicts_with = "full")]
    pub non_interactive: bool,
    /// Take the credentials from this profile of the shared AWS files.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    #[arg(long)]
    pub region: Option<String>,
    /// Who is calling.
    #[arg(long, value_enum)]
    pub auth: Option<Auth>,
    /// The role of --auth role.
    #[arg(long, value_name = "ARN", value_parser = Role::new, required_if_eq("auth", "role"))]
    pub role: Option<Role>,
    /// The model for chats, by any name.
    #[arg(short, long, value_name = "MODEL")]
    pub model: Option<String>,
    /// The model for vectors.
    #[arg(long, value_name = "MODEL")]
    pub embed_model: Option<String>,
    /// Where to write [default: where a configuration is found, else the user's folder].
    #[arg(long, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
    /// Change files that are there without asking; what they were is kept beside them.
    #[arg(long)]
    pub force: bool,
    /// Call no model.
    #[arg(long)]
    pub no_verify: bool,
    /// Tell what was done as JSON.
    #[arg(long)]
    pub json: bool,
    /// Configure the local Bedrock inside the process.
    #[arg(long, conflicts_with_all = ["profile", "region", "auth", "role"])]
    pub emulator: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Auth {
    /// As any AWS tool finds them: environment, shared files, container, instance.
    Chain,
    /// An access key, typed or of the environment; it is kept in .env.
    Keys,
    /// A Bedrock API key, typed or of AWS_BEARER_TOKEN_BEDROCK; it is kept in .env.
    Bearer,
    /// A role, assumed with the credentials found.
    Role,
}
