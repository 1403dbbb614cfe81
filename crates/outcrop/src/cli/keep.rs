//! The flags for what is remembered.

use clap::Args;

use super::value::session_name;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What is remembered")]
pub struct KeepArgs {
    /// Go on with the last conversation, with its model and settings unless others are given.
    #[arg(short, long, conflicts_with = "session")]
    pub r#continue: bool,
    /// Go on with the session of this name, or begin it.
    #[arg(long, value_name = "NAME", value_parser = session_name)]
    pub session: Option<String>,
    /// Don't write this to the history (OUTCROP_HISTORY=off never does).
    #[arg(long)]
    pub no_save: bool,
}
