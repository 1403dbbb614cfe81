//! The flags of `outcrop embed`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::EngineArgs;

/// Texts in, vectors out.
#[derive(Debug, Args)]
pub struct EmbedArgs {
    /// The text; without it and without --input-file, what is piped in.
    #[arg(value_name = "TEXT", conflicts_with = "input_file")]
    pub text: Vec<String>,
    /// Read the text from this file; `-` is stdin.
    #[arg(short, long, value_name = "FILE")]
    pub input_file: Option<PathBuf>,
    #[command(flatten)]
    pub cut: CutArgs,
    #[command(flatten)]
    pub vectors: VectorArgs,
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
    #[arg(long, conflicts_with_all = ["jsonl", "chunk_strategy", "max_chunk_size", "overlap"])]
    pub lines: bool,
    /// Each line is a JSON object, and this member of it a text with one vector.
    #[arg(long, value_name = "FIELD", conflicts_with_all = ["chunk_strategy", "max_chunk_size", "overlap"])]
    pub jsonl: Option<String>,
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
    #[arg(short, long, default_value = "cohere.embed-english-v3", value_name = "MODEL")]
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
}

/// How the vectors are shown.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How the vectors are shown")]
pub struct ShowVectorsArgs {
    #[arg(short = 'F', long, value_enum, default_value_t = VectorFormat::Json)]
    pub output_format: VectorFormat,
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    /// Lists of numbers, with the digits that Bedrock wrote.
    Float,
    /// Little-endian 32-bit floats in base64.
    Base64,
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
}
