//! The flags of `outcrop roles`, and those that use one.

use clap::{Args, Subcommand};

use super::value::{pair, share};

pub const EXAMPLES: &str = "\
Examples:
  outcrop roles new translator \"Translate into French: {{input}}\" -m amazon.nova-lite-v1:0
  outcrop query -r translator \"Good morning\"
  outcrop roles new tutor \"Explain {{input}} to {{whom}}.\"
  outcrop query -r tutor -P whom=\"a child\" \"the tides\"
  outcrop roles new brief \"Answer in one sentence.\" --temperature 0.2
  outcrop query \"Say it for a child\" -s \"You are a teacher.\" --save teacher
  outcrop roles edit translator";

/// A role for this question, or of it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Roles")]
pub struct RoleArgs {
    /// Take prompt, model and settings from this role; flags go before them.
    #[arg(short, long, value_name = "NAME")]
    pub role: Option<String>,
    /// Put this into the role's {{NAME}}. May be given several times.
    #[arg(short = 'P', long, value_name = "NAME=VALUE", value_parser = pair, requires = "role")]
    pub param: Vec<(String, String)>,
    /// Make a role of this question's flags, and of its text if that holds {{input}}; nothing is asked.
    #[arg(long, value_name = "NAME")]
    pub save: Option<String>,
}

#[derive(Debug, Args)]
pub struct RolesArgs {
    #[command(subcommand)]
    pub verb: Option<RolesVerb>,
}

#[derive(Debug, Subcommand)]
pub enum RolesVerb {
    /// List roles.
    List {
        /// As JSON.
        #[arg(short, long)]
        json: bool,
    },
    /// Show a role as it is written.
    Show {
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Open a role in $VISUAL or $EDITOR.
    Edit {
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Make a role.
    New(NewRole),
}

#[derive(Debug, Args)]
pub struct NewRole {
    #[arg(value_name = "NAME")]
    pub name: String,
    /// A system prompt, or a question with {{input}}, $input or __INPUT__ in the place of what is asked.
    /// Without it a draft opens in $VISUAL or $EDITOR.
    #[arg(value_name = "TEXT")]
    pub text: Vec<String>,
    /// Its model.
    #[arg(short, long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Its temperature.
    #[arg(long, value_name = "NUMBER", value_parser = share)]
    pub temperature: Option<f64>,
}
