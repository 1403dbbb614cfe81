//! The flags of the commands that set the command line and its clients up.

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub const CONFIG_EXAMPLES: &str = "\
Examples:
  outcrop config path --all
  outcrop config show
  outcrop config get provider.default_model
  outcrop config set provider.default_model amazon.nova-pro-v1:0
  outcrop config set query.max_tokens 2000
  outcrop config migrate --config ~/mcp-cli/config.yaml --dir ~/.config/outcrop --dry-run
  outcrop config validate --strict";
pub const CONNECT_EXAMPLES: &str = "\
Examples:
  outcrop connect                        which clients there are
  outcrop connect claude-code            shows what to set
  outcrop connect claude-code --write    sets it, and keeps what was there
  outcrop connect claude-code --uninstall
  eval \"$(outcrop connect openai-sdk --env)\"
  outcrop connect codex --url https://gateway.example.com --model claude-sonnet-4-5";
pub const COMPLETION_EXAMPLES: &str = "\
Examples:
  source <(outcrop completion bash)
  outcrop completion zsh > ~/.zfunc/_outcrop
  outcrop completion fish > ~/.config/fish/completions/outcrop.fish";
pub const MAN_EXAMPLES: &str = "\
Examples:
  outcrop man | man -l -
  outcrop man --dir ~/.local/share/man/man1
  outcrop help query                     the same without man";

/// Look at the configuration of the command line, and change it.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// This one [default: the one that is found].
    #[arg(
        id = "file",
        long = "config",
        env = "OUTCROP_CONFIG",
        value_name = "FILE",
        global = true
    )]
    pub file: Option<PathBuf>,
    #[command(subcommand)]
    pub verb: ConfigVerb,
}

#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Where it is.
    Path {
        /// All places, in the order in which they are looked at.
        #[arg(long)]
        all: bool,
    },
    /// All its files, without secrets.
    Show,
    /// One value: provider.KEY, embedding.KEY, or a key of the settings such as query.max_tokens.
    Get { key: String },
    /// Change one value, and nothing else of the file.
    Set {
        key: String,
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Open it in $VISUAL or $EDITOR, then look at it.
    Edit {
        #[arg(default_value = "settings", value_parser = ["settings", "provider", "embedding", "root"])]
        part: String,
    },
    /// Say what is wrong with it: unknown keys, keys in plain text, files that others can read.
    Validate {
        /// Anything to be said is an error.
        #[arg(long)]
        strict: bool,
    },
    /// Make mcp-cli's configuration ours: one file becomes a tree of files, secrets go into .env.
    Migrate {
        /// Where to write [default: where the configuration is].
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
        /// Show what would change, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// The keys of settings and providers, as JSON Schema.
    Schema,
}

/// How a client is set to use a gateway.
#[derive(Debug, Args)]
pub struct ConnectArgs {
    /// The client; without one, a list of those that there are.
    pub client: Option<String>,
    /// Where the gateway is.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// The model to begin with.
    #[arg(short, long, default_value = crate::ask::DEFAULT_MODEL, value_name = "MODEL")]
    pub model: String,
    /// The variable that holds the gateway's key; a gateway on loopback needs none, so any text will do.
    #[arg(long, default_value = "OUTCROP_KEY", value_name = "NAME")]
    pub key_env: String,
    /// Show what is to be set; so it is without another of these flags.
    #[arg(long, group = "what")]
    pub print: bool,
    /// Set it in the client's own file.
    #[arg(long, group = "what")]
    pub write: bool,
    /// Print it as lines for a shell.
    #[arg(long, group = "what")]
    pub env: bool,
    /// Take back what --write did.
    #[arg(long, group = "what")]
    pub uninstall: bool,
}

#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// bash, zsh, fish, elvish or powershell.
    pub shell: String,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command into this folder.
    #[arg(long, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
}
