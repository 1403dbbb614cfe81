//! The flags of `outcrop chat`.

use clap::Args;

use super::{AskArgs, EngineArgs, FormArgs, KeepArgs, LookArgs, RoleArgs, TermsArgs, ToolArgs};

pub const EXAMPLES: &str = "\
Examples:
  outcrop chat
  outcrop chat -m amazon.nova-pro-v1:0 -s \"Answer in French.\"
  outcrop chat -c                            go on with the last conversation
  outcrop chat --session trip                go on with this one, or begin it
  printf 'Name a river.\\nAnd its source?\\n' | outcrop chat
  outcrop chat --emulator                    no AWS account needed
In a chat, /help lists its commands. Alt-Enter, \\ at a line's end, or ::: before and after makes more
lines; Ctrl-C stops an answer and keeps what came; Ctrl-D leaves.";

/// A conversation.
#[derive(Debug, Args)]
pub struct ChatArgs {
    /// The first question.
    #[arg(value_name = "PROMPT")]
    pub prompt: Vec<String>,
    #[command(flatten)]
    pub ask: AskArgs,
    #[command(flatten)]
    pub form: FormArgs,
    #[command(flatten)]
    pub terms: TermsArgs,
    #[command(flatten)]
    pub role: RoleArgs,
    #[command(flatten)]
    pub show: ChatShowArgs,
    #[command(flatten)]
    pub keep: KeepArgs,
    #[command(flatten)]
    pub tools: ToolArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// How a chat is shown.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How the answer is shown")]
pub struct ChatShowArgs {
    #[command(flatten)]
    pub look: LookArgs,
    /// Edit lines with vi's keys instead of Emacs'.
    #[arg(long)]
    pub vi: bool,
}
