//! The flags of `outcrop embed`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::EngineArgs;

/// The model of vectors unless another is named: mcp-cli's.
pub const EMBED_MODEL: &str = "cohere.embed-english-v3";

/// Texts and pictures in, vectors out.
#[derive(Debug, Args)]
pub struct EmbedArgs {
    /// The text; without it and without a file, what is piped in.
    #[arg(value_name = "TEXT", conflicts_with_all = ["input_file", "files"])]
    pub text: Vec<String>,
    /// Read the text, or a picture, from this file; `-` is stdin.
    #[arg(short, long, value_name = "FILE", conflicts_with = "files")]
    pub input_file: Option<PathBuf>,
    /// Read all files in this folder whose path therein fits, e.g. docs '**/*.md'.
    #[arg(long, num_args = 2, value_names = ["DIR", "GLOB"])]
    pub files: Vec<String>,
    #[command(flatten)]
    pub cut: CutArgs,
    #[command(flatten)]
    pub vectors: VectorArgs,
    #[command(flatten)]
    pub keep: KeepArgs,
    #[command(flatten)]
    pub near: NearArgs,
    #[command(flatten)]
    pub show: ShowVectorsArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// How the input becomes texts of one vector each.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How the input is cut")]
pub struct CutArgs {
    /// Each line is a text of its own, with one vector.
    #[arg(long, conflicts_with_all = ["jsonl", "csv", "files", "chunk_strategy", "max_chunk_size", "overlap"])]
    pub lines: bool,
    /// Each line is a JSON object, and this member of it a text with one vector.
    #[arg(long, value_name = "FIELD", conflicts_with_all = ["csv", "files", "chunk_strategy", "max_chunk_size", "overlap"])]
    pub jsonl: Option<String>,
    /// The input is CSV with a head, and this column of each row a text with one vector.
    #[arg(long, value_name = "COLUMN", conflicts_with_all = ["files", "chunk_strategy", "max_chunk_size", "overlap"])]
    pub csv: Option<String>,
    #[arg(long, value_enum, default_value_t = Strategy::Sentence)]
    pub chunk_strategy: Strategy,
    /// Most tokens of a chunk, by estimate: four ASCII characters or one other are a token.
    #[arg(long, default_value_t = 512, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_chunk_size: u32,
    /// Tokens of the end of a chunk that the next begins with; whole words.
    #[arg(long, default_value_t = 0, value_name = "TOKENS")]
    pub overlap: u32,
}

/// What vectors are asked for.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What is asked")]
pub struct VectorArgs {
    /// Model, by any name.
    #[arg(short, long, default_value = EMBED_MODEL, value_name = "MODEL")]
    pub model: String,
    /// Length of the vectors, where the model gives a choice.
    #[arg(long, value_name = "N")]
    pub dimensions: Option<u32>,
    /// What the vectors are for: search_document (the default), search_query, classification,
    /// clustering.
    #[arg(long, value_name = "TYPE")]
    pub input_type: Option<String>,
    #[arg(long, value_enum, default_value_t = Encoding::Float)]
    pub encoding_format: Encoding,
    /// What the model may cut off a text that is too long for it [default: nothing, it fails].
    #[arg(long, value_name = "none|start|end")]
    pub truncate: Option<String>,
    /// Whether the model brings vectors to length 1, where it can be told.
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    pub normalize: Option<bool>,
    /// Calls of the model at once.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub concurrency: u8,
}

/// What is kept of long work, so that none of it is paid twice.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What is kept")]
pub struct KeepArgs {
    /// Take up what a run with the same -O left behind when it did not end: only what is missing is asked
    /// for.
    #[arg(long, requires = "output", conflicts_with = "store")]
    pub resume: bool,
    /// Keep the vectors in this SQLite file; what it holds already is not asked for.
    #[arg(long, value_name = "FILE")]
    pub store: Option<PathBuf>,
}

/// Search.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Search")]
pub struct NearArgs {
    /// Show what is nearest to this text, or to what this file holds: of --store, of --vectors, or of the
    /// texts given.
    #[arg(long, value_name = "TEXT|FILE")]
    pub similar_to: Option<String>,
    /// Search the vectors of this file, which -O wrote: JSON, JSON lines or CSV.
    #[arg(long, value_name = "FILE", requires = "similar_to", conflicts_with_all = ["text", "input_file", "files", "store"])]
    pub vectors: Option<PathBuf>,
    /// How many to show.
    #[arg(short = 'n', long, default_value_t = 10, value_name = "N", requires = "similar_to")]
    pub count: usize,
}

/// How the vectors are shown.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How the vectors are shown")]
pub struct ShowVectorsArgs {
    /// [default: json; with --store and without -O, none]
    #[arg(short = 'F', long, value_enum)]
    pub output_format: Option<VectorFormat>,
    /// Write the vectors to this file instead of stdout.
    #[arg(short = 'O', long, visible_alias = "output-file", value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Tell texts, tokens and cost on stderr.
    #[arg(short, long)]
    pub usage: bool,
    /// List the models that give vectors, and end.
    #[arg(long)]
    pub show_models: bool,
    /// List the strategies of --chunk-strategy, and end.
    #[arg(long)]
    pub show_strategies: bool,
}

// === impl CutArgs ===

impl CutArgs {
    /// Whether each line or row is a text of its own.
    pub fn by_line(&self) -> bool {
        self.lines || self.jsonl.is_some() || self.csv.is_some()
    }
}

/// Where a text may be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Strategy {
    /// Nowhere: one vector for all of it.
    None,
    /// Between sentences; as many of them in a chunk as fit.
    Sentence,
    /// Between paragraphs (at blank lines); as many of them in a chunk as fit.
    Paragraph,
    /// Between words, as late as the size allows.
    Fixed,
    /// Before headings of markdown, then between its blocks; as many sections in a chunk as fit.
    Markdown,
    /// Between what code defines at the margin, then at blank lines; as many in a chunk as fit.
    Code,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    /// Lists of numbers, with the digits that Bedrock wrote.
    Float,
    /// Little-endian 32-bit floats in base64.
    Base64,
    /// Whole numbers from -128 to 127, with models that give such.
    Int8,
    /// Bits, in numbers as the model packs them, with models that give such.
    Binary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VectorFormat {
    /// One object, over many lines.
    Json,
    /// The same object on one line.
    Compact,
    /// One object a line for each vector.
    Jsonl,
    /// A head, then a row for each vector.
    Csv,
    /// NumPy's file of an array of floats, a row for each vector.
    Npy,
    /// A line for each vector: its bytes (little-endian 32-bit floats) in base64.
    Base64,
    /// What OpenAI's API answers.
    Openai,
}
