//! The flags of `outcrop sessions`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::value::session_name;
use super::{
    AskArgs, ChatArgs, ChatShowArgs, EngineArgs, FormArgs, KeepArgs, RoleArgs, TermsArgs, ToolArgs,
};

pub const EXAMPLES: &str = "\
Examples:
  outcrop sessions                             those there are
  outcrop sessions show trip                   all that was said
  outcrop sessions search visa
  outcrop sessions resume trip
  outcrop sessions fork trip trip-by-train     go on in two ways
  outcrop sessions export trip --html -O trip.html
  outcrop sessions rm trip";

#[derive(Debug, Args)]
pub struct SessionsArgs {
    #[command(subcommand)]
    pub verb: Option<SessionsVerb>,
}

#[derive(Debug, Subcommand)]
pub enum SessionsVerb {
    /// List sessions, the one of the last word at the end.
    List {
        /// As JSON.
        #[arg(short, long)]
        json: bool,
    },
    /// List the sessions in which all of these words were said.
    Search {
        #[arg(required = true, value_name = "WORD")]
        words: Vec<String>,
        /// As JSON.
        #[arg(short, long)]
        json: bool,
    },
    /// Go on with a session in a chat.
    Resume(Box<ResumeArgs>),
    /// Show all that was said in a session.
    Show(ViewArgs),
    /// Begin a session with what was said in another; both go on by themselves.
    Fork {
        /// The session to begin with.
        #[arg(value_name = "NAME")]
        name: String,
        /// The new one [default: the name with a number].
        #[arg(value_name = "NEW", value_parser = session_name)]
        new: Option<String>,
    },
    /// Write a session to stdout or a file.
    Export(ExportArgs),
    /// Forget sessions, with all their turns.
    #[command(visible_alias = "remove")]
    Rm {
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

/// A chat that goes on.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The session [default: the last conversation].
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub ask: AskArgs,
    #[command(flatten)]
    pub form: FormArgs,
    #[command(flatten)]
    pub terms: TermsArgs,
    #[command(flatten)]
    pub show: ChatShowArgs,
    #[command(flatten)]
    pub tools: ToolArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
}

// === impl ResumeArgs ===

impl From<ResumeArgs> for ChatArgs {
    fn from(args: ResumeArgs) -> Self {
        let ResumeArgs { name, ask, form, terms, show, tools, engine } = args;
        let keep = KeepArgs { r#continue: name.is_none(), session: name, no_save: false };
        let role = RoleArgs { role: None, param: Vec::new(), save: None };
        Self { prompt: Vec::new(), ask, form, terms, role, show, keep, tools, engine }
    }
}

/// Which session, in which form.
#[derive(Debug, Args)]
pub struct ViewArgs {
    #[arg(value_name = "NAME")]
    pub name: String,
    /// As JSON, with all that is known.
    #[arg(short, long, conflicts_with_all = ["md", "html"])]
    pub json: bool,
    /// As Markdown (the default).
    #[arg(long, conflicts_with = "html")]
    pub md: bool,
    /// As a page for a browser.
    #[arg(long)]
    pub html: bool,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    pub view: ViewArgs,
    /// Write it to this file, which is not there yet.
    #[arg(short = 'O', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Take the place of a file that is there.
    #[arg(long, requires = "output")]
    pub force: bool,
}
