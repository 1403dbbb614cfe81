//! The flags of `outcrop models` and `outcrop tokens`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::EngineArgs;

pub const MODELS_EXAMPLES: &str = "\
Examples:
  outcrop models claude --vision
  outcrop models --kind embeddings --json
  outcrop models sonnet --all-regions
  outcrop models show claude-sonnet-4-5
  outcrop models test amazon.nova-lite-v1:0 claude-haiku-4-5
  outcrop models alias sonnet
  outcrop models default amazon.nova-pro-v1:0";

pub const TOKENS_EXAMPLES: &str = "\
Examples:
  outcrop tokens \"How much is this?\"
  outcrop tokens -f report.pdf -f photo.png -m claude-sonnet-4-5
  git diff | outcrop tokens --json
  outcrop tokens \"Hello\" --emulator        no AWS account needed";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ModelsArgs {
    #[command(subcommand)]
    pub verb: Option<ModelsVerb>,
    #[command(flatten)]
    pub list: ListModelsArgs,
}

#[derive(Debug, Subcommand)]
pub enum ModelsVerb {
    /// List the models that the AWS account can call; what `outcrop models` does without a verb.
    List(ListModelsArgs),
    /// Show all that is known of a model: names, window, prices, what it takes.
    #[command(visible_alias = "params")]
    Show(ShowModelArgs),
    /// Ask each model something small, and tell whether it answers; that costs next to nothing.
    #[command(visible_alias = "access")]
    Test(TestModelsArgs),
    /// Tell the models of questions and of vectors that name none, or choose one.
    Default(DefaultModelArgs),
    /// List the names that stand for Bedrock's ids.
    Alias {
        /// Only names or ids that hold all of these words.
        #[arg(value_name = "WORD")]
        words: Vec<String>,
    },
}

#[derive(Debug, Clone, Args)]
pub struct ListModelsArgs {
    /// Only models whose id or name holds all of these words.
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// As a word, for lists that begin with flags. May be given several times.
    #[arg(short, long, value_name = "WORD")]
    pub query: Vec<String>,
    /// Only models of this vendor, e.g. anthropic.
    #[arg(long, value_name = "VENDOR")]
    pub vendor: Option<String>,
    /// Only models that do this.
    #[arg(long, visible_alias = "modality", value_enum)]
    pub kind: Option<Kind>,
    /// Only models that use tools.
    #[arg(long)]
    pub tools: bool,
    /// Only models that see pictures.
    #[arg(long)]
    pub vision: bool,
    /// Only models that can think first.
    #[arg(long)]
    pub thinking: bool,
    /// Only models whose answers can be had as they are written.
    #[arg(long)]
    pub streaming: bool,
    /// Only ids of inference profiles, such as us.anthropic.…
    #[arg(long)]
    pub profiles: bool,
    /// In which regions each can be called: asks all that have Bedrock, of the region's partition.
    #[arg(long, conflicts_with_all = ["region", "via", "emulator"])]
    pub all_regions: bool,
    /// What is known of each, as JSON.
    #[arg(short, long)]
    pub json: bool,
    #[command(flatten)]
    pub engine: EngineArgs,
}

#[derive(Debug, Args)]
pub struct ShowModelArgs {
    /// The model, by any name.
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// As JSON.
    #[arg(short, long)]
    pub json: bool,
    #[command(flatten)]
    pub engine: EngineArgs,
}

#[derive(Debug, Args)]
pub struct TestModelsArgs {
    /// Models of chats or of vectors, by any name.
    #[arg(value_name = "MODEL", required = true)]
    pub models: Vec<String>,
    /// As JSON.
    #[arg(short, long)]
    pub json: bool,
    #[command(flatten)]
    pub engine: EngineArgs,
}

#[derive(Debug, Args)]
pub struct DefaultModelArgs {
    /// From now on ask this model; one of vectors becomes that of `outcrop embed`. Written into the
    /// configuration that `outcrop init` makes.
    // Not `model`: that is filled with the default.
    #[arg(value_name = "MODEL")]
    pub chosen: Option<String>,
    /// This configuration instead of the one that is found.
    #[arg(id = "settings", long = "config", env = "OUTCROP_CONFIG", value_name = "FILE")]
    pub settings: Option<PathBuf>,
}

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Chat,
    Embeddings,
    Images,
    Rerank,
}

#[derive(Debug, Args)]
pub struct TokensArgs {
    /// The text; without it and without a file, what is piped in.
    #[arg(value_name = "TEXT")]
    pub text: Vec<String>,
    /// Count this file too: text, a picture, a document; `-` is stdin. May be given several times.
    #[arg(short, long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// The model that would read it, by any name.
    #[arg(short, long, env = "OUTCROP_MODEL", default_value = crate::ask::DEFAULT_MODEL, value_name = "MODEL")]
    pub model: String,
    /// As JSON.
    #[arg(short, long)]
    pub json: bool,
    #[command(flatten)]
    pub engine: EngineArgs,
}
