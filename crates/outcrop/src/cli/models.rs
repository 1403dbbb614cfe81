//! The flags of `outcrop models`.

use clap::Args;

use super::EngineArgs;

#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// Only models whose id or alias holds all of these words.
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// Only models of this vendor, e.g. anthropic.
    #[arg(long, value_name = "VENDOR")]
    pub vendor: Option<String>,
    /// What is known of each, as JSON.
    #[arg(short, long)]
    pub json: bool,
    #[command(flatten)]
    pub engine: EngineArgs,
}
