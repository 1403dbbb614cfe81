//! `outcrop embed`: texts in, vectors out.
//!
//! Every chunk has one vector, or the command fails and writes nothing.

mod chunk;
mod input;
mod write;

use std::ops::Range;

use indicatif::{ProgressBar, ProgressStyle};
use outcrop_model::{Catalog, PicoUsd, Specialist};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use self::chunk::Size;
use self::write::{Chunk, Out};
use crate::cli::{CutArgs, EmbedArgs, Encoding, Strategy, VectorArgs};
use crate::engine::Engine;
use crate::exit::{Exit, Failure};
use crate::print::print_text;

/// Where the surface is.
const EMBEDDINGS: &str = "/v1/embeddings";
/// Most texts of a request: what eight calls at once take of a model with the largest batches.
const TEXTS: usize = 768;
/// Most bytes of texts in a request, far below what a gateway takes.
const BYTES: usize = 1 << 20;

/// Everything that is written.
struct Embedded<'a> {
    texts: &'a [String],
    chunks: Vec<Chunk<'a>>,
    /// One for each chunk.
    vectors: Vec<Box<RawValue>>,
    id: Option<String>,
    model: &'a str,
    metadata: Value,
}

/// What came so far.
#[derive(Default)]
struct Taken {
    vectors: Vec<Box<RawValue>>,
    id: Option<String>,
    tokens: u64,
    /// `None` once a price is not known.
    cost: Option<PicoUsd>,
}

/// An answer of the surface.
#[derive(Deserialize)]
struct Answered {
    data: Vec<Datum>,
    usage: Used,
}

#[derive(Deserialize)]
struct Datum {
    index: usize,
    embedding: Box<RawValue>,
}

#[derive(Deserialize)]
struct Used {
    prompt_tokens: u64,
}

pub async fn run(args: EmbedArgs) -> anyhow::Result<()> {
    if args.show.show_models {
        return print_text(&models());
    }
    if args.show.show_strategies {
        return print_text(STRATEGIES);
    }
    let size = size(&args.cut)?;
    let texts = input::read(&args)?;
    let chunks = cut(&texts, &args.cut, size)?;
    let out = Out::open(args.show.output.as_deref())?;
    let engine = Engine::start(&args.engine).await?;
    let mut taken = Taken { cost: Some(PicoUsd::default()), ..Taken::default() };
    let outcome = tokio::select! {
        outcome = embed(&engine, &args.vectors, &chunks, &mut taken) => outcome,
        _ = tokio::signal::ctrl_c() => {
            Err(Failure::new(Exit::Interrupted, "Interrupted.").into())
        }
    };
    outcome.map_err(|error| how_far(error, taken.vectors.len(), chunks.len()))?;
    if args.show.usage {
        eprintln!("{}", counts(&taken));
    }
    let embedded = Embedded {
        texts: &texts,
        metadata: metadata(&args, &taken),
        chunks,
        vectors: taken.vectors,
        id: taken.id,
        model: &args.vectors.model,
    };
    out.write(&embedded, args.show.output_format)
}

fn size(args: &CutArgs) -> anyhow::Result<Size> {
    let (most, overlap) = (args.max_chunk_size, args.overlap);
    if overlap >= most {
        let what = format!("--overlap {overlap} leaves nothing of a chunk of {most} tokens.");
        let mend = "Make it smaller than --max-chunk-size.";
        return Err(Failure::new(Exit::InvalidArgument, what).mend(mend).into());
    }
    Ok(Size { most, overlap })
}

/// The chunks of all texts.
fn cut<'a>(texts: &'a [String], args: &CutArgs, size: Size) -> anyhow::Result<Vec<Chunk<'a>>> {
    let by_line = args.lines || args.jsonl.is_some();
    let strategy = if by_line { Strategy::None } else { args.chunk_strategy };
    let mut chunks = Vec::new();
    let mut blank = 0;
    for (document, text) in texts.iter().enumerate() {
        let ranges = chunk::chunks(text, strategy, size);
        blank += usize::from(ranges.is_empty());
        chunks.extend(ranges.into_iter().enumerate().map(|(index, range)| {
            let Range { start: start_pos, end: end_pos } = range;
            let text = &text[start_pos..end_pos];
            let token_count = chunk::tokens(text);
            Chunk { document, index, start_pos, end_pos, token_count, text }
        }));
    }
    if chunks.is_empty() {
        return Err(Failure::new(Exit::Usage, "The text is blank.").into());
    }
    if blank > 0 {
        eprintln!("note: {blank} of {} texts are blank and get no vector", texts.len());
    }
    Ok(chunks)
}

/// Asks for the vectors of all chunks, one request after the other.
async fn embed(
    engine: &Engine,
    args: &VectorArgs,
    chunks: &[Chunk<'_>],
    taken: &mut Taken,
) -> anyhow::Result<()> {
    let progress = progress(chunks.len());
    let mut left = chunks;
    while !left.is_empty() {
        let (batch, rest) = left.split_at(batch(left));
        let answer = engine.post(EMBEDDINGS, &body(args, batch)).await?;
        let id = answer.headers.get("x-request-id").and_then(|id| id.to_str().ok());
        taken.id = taken.id.take().or_else(|| id.map(str::to_owned));
        taken.take(&answer.whole().await?, batch.len())?;
        let cost = engine.receipt().and_then(|receipt| receipt.cost);
        taken.cost = taken.cost.zip(cost).map(|(so_far, more)| so_far + more);
        progress.inc(batch.len() as u64);
        left = rest;
    }
    progress.finish_and_clear();
    Ok(())
}

/// How many of `chunks` go into the next request: at least one.
fn batch(chunks: &[Chunk<'_>]) -> usize {
    let mut bytes = 0;
    let fits = |chunk: &&Chunk<'_>| {
        bytes += chunk.text.len();
        bytes <= BYTES
    };
    chunks.iter().take(TEXTS).take_while(fits).count().max(1)
}

fn body(args: &VectorArgs, batch: &[Chunk<'_>]) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), args.model.as_str().into());
    body.insert("input".to_owned(), batch.iter().map(|chunk| chunk.text).collect());
    let encoding = match args.encoding_format {
        Encoding::Float => "float",
        Encoding::Base64 => "base64",
    };
    body.insert("encoding_format".to_owned(), encoding.into());
    if let Some(dimensions) = args.dimensions {
        body.insert("dimensions".to_owned(), dimensions.into());
    }
    if let Some(input_type) = &args.input_type {
        body.insert("input_type".to_owned(), input_type.as_str().into());
    }
    Value::Object(body)
}

/// Drawn on a terminal only, and only where one request does not do.
fn progress(chunks: usize) -> ProgressBar {
    if chunks <= TEXTS {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta}");
    let bar = ProgressBar::new(chunks as u64);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The failure, with what is lost by it.
fn how_far(error: anyhow::Error, done: usize, all: usize) -> anyhow::Error {
    if done == 0 {
        return error;
    }
    let so_far =
        format!("{done} of {all} vectors had come, and places count from there; none was written.");
    match error.downcast::<Failure>() {
        Ok(failure) => failure.also(&so_far).into(),
        Err(error) => error.context(so_far),
    }
}

fn metadata(args: &EmbedArgs, taken: &Taken) -> Value {
    let CutArgs { lines, jsonl, chunk_strategy, max_chunk_size, overlap } = &args.cut;
    let mut metadata = json!({
        "dimensions": args.vectors.dimensions,
        "input_type": args.vectors.input_type,
        "usage": { "input": taken.tokens },
        "cost_usd": taken.cost.map(|cost| cost.to_string()),
    });
    if !lines && jsonl.is_none() {
        use clap::ValueEnum;
        let word = chunk_strategy.to_possible_value();
        metadata["chunk_strategy"] = word.as_ref().map(|word| word.get_name()).into();
        metadata["max_chunk_size"] = (*max_chunk_size).into();
        metadata["overlap"] = (*overlap).into();
    }
    metadata
}

/// One line for people.
fn counts(taken: &Taken) -> String {
    let cost = match taken.cost {
        Some(cost) => format!("${cost}"),
        None => "price unknown".to_owned(),
    };
    format!("{} vectors, {} tokens in, {cost}", taken.vectors.len(), taken.tokens)
}

fn models() -> String {
    let catalog = Catalog::built_in();
    let mut out = format!("{:<44}{:<24}{}\n", "MODEL", "DIMENSIONS", "INPUT TYPES");
    for listed in catalog.listed() {
        if let Some(Specialist::Embeddings(card)) = catalog.specialist(&listed.id) {
            let lengths: Vec<String> = card.dimensions.iter().map(u32::to_string).collect();
            let types: Vec<&str> = card.input_types.keys().map(String::as_str).collect();
            let line = format!("{:<44}{:<24}{}", listed.id, lengths.join(" "), types.join(" "));
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

const STRATEGIES: &str = "\
none       one vector for all of the text
sentence   cut between sentences; as many in a chunk as fit (the default)
paragraph  cut at blank lines; as many paragraphs in a chunk as fit
fixed      cut between words, as late as --max-chunk-size allows
";

// === impl Taken ===

impl Taken {
    /// Takes a batch's vectors: all of them, each once, in the order of the texts.
    fn take(&mut self, answer: &[u8], texts: usize) -> anyhow::Result<()> {
        let wrong = || Failure::new(Exit::RequestFailed, "The answer does not fit the texts.");
        let Answered { data, usage } = serde_json::from_slice(answer).map_err(|_| wrong())?;
        if data.len() != texts || data.iter().enumerate().any(|(at, datum)| datum.index != at) {
            return Err(wrong().into());
        }
        self.vectors.extend(data.into_iter().map(|datum| datum.embedding));
        self.tokens += usage.prompt_tokens;
        Ok(())
    }
}
