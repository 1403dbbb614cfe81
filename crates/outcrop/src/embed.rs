//! `outcrop embed`: texts and pictures in, vectors out.
//!
//! 1. Every chunk has one vector, or the command fails and writes nothing; what was paid for is kept where
//!    there is a place for it ([`kept`]).
//! 2. The same content is asked for once, however often it comes.

mod ask;
mod chunk;
mod input;
mod kept;
mod near;
mod numbers;
mod store;
mod write;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::IsTerminal;
use std::ops::Range;
use std::path::Path;

use clap::ValueEnum;
use outcrop_model::{Catalog, PicoUsd, Specialist};
use serde::Serialize;
use serde_json::value::RawValue;

use self::ask::{Taken, Wanted, Wish};
use self::chunk::Size;
use self::input::{Content, Document};
use self::kept::Kept;
use self::near::{Place, Search};
use self::write::{Chunk, Out};
use crate::cli::{CutArgs, EmbedArgs, Strategy};
use crate::dollars::Dollars;
use crate::engine::Engine;
use crate::exit::{Exit, Failure};
use crate::print::print_text;

/// More contents than this are long work.
const LONG: usize = 768;

/// Everything that is written.
struct Embedded<'a> {
    documents: &'a [Document],
    chunks: &'a [Chunk<'a>],
    /// One for each different content.
    vectors: &'a [Option<Box<RawValue>>],
    id: Option<&'a str>,
    model: &'a str,
    metadata: Metadata<'a>,
}

/// What is known beside the vectors.
#[derive(Debug, Serialize)]
struct Metadata<'a> {
    dimensions: Option<u32>,
    input_type: Option<&'a str>,
    usage: Used,
    cost_usd: Option<Dollars>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_strategy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_chunk_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overlap: Option<u32>,
}

/// Tokens.
#[derive(Debug, Serialize)]
struct Used {
    input: u64,
}

/// How it went.
struct Tally {
    chunks: usize,
    contents: usize,
    asked: usize,
    tokens: u64,
    /// `None` where a price is not known.
    cost: Option<PicoUsd>,
}

pub async fn run(args: EmbedArgs) -> anyhow::Result<()> {
    if args.show.show_models {
        return print_text(&models());
    }
    if args.show.show_strategies {
        return print_text(STRATEGIES);
    }
    let size = size(&args.cut)?;
    if let Some(what) = &args.near.similar_to
        && !has_input(&args)
    {
        return search_what_is_kept(&args, what).await;
    }
    let documents = input::read(&args)?;
    let chunks = cut(&documents, &args.cut, size)?;
    let out = Out::open(args.show.output.as_deref())?;
    let engine = Engine::start(&args.engine).await?;
    let wish = Wish::of(&args.vectors);
    let wanted = wanted(&documents, &chunks, &wish);
    let taken = RefCell::new(Taken::default());
    let kept = RefCell::new(Kept::open(&args, &wish.space())?);
    let outcome = tokio::select! {
        outcome = ask::ask(&engine, &wish, &wanted, (&taken, &kept)) => outcome,
        _ = tokio::signal::ctrl_c() => {
            Err(Failure::new(Exit::Interrupted, "Interrupted.").into())
        }
    };
    let (taken, mut kept) = (taken.into_inner(), kept.into_inner());
    outcome.map_err(|error| how_far(error, &taken, (wanted.len(), &kept)))?;
    if let Kept::Store(store) = &mut kept {
        store.note((&documents, &chunks), |chunk| wanted[chunk.want].key)?;
    }
    let tally = Tally {
        chunks: chunks.len(),
        contents: wanted.len(),
        asked: taken.asked,
        tokens: taken.tokens,
        cost: cost(&engine),
    };
    tell(&args, &tally, &taken);
    let embedded = Embedded {
        documents: &documents,
        chunks: &chunks,
        vectors: &taken.vectors,
        id: taken.id.as_deref(),
        model: &args.vectors.model,
        metadata: metadata(&args, &tally),
    };
    match &args.near.similar_to {
        Some(what) => {
            let mut search = search(&args, &engine, what).await?;
            match &kept {
                Kept::Store(store) => store.each(|place, vector| search.look(place, vector))?,
                Kept::Nothing | Kept::Beside(_) => {
                    embedded.each(|chunk, vector| search.look(Place::from(chunk), vector.get()))?
                }
            }
            out.write(search.show(args.show.output_format)?.as_bytes())?;
        }
        None if args.keep.store.is_some()
            && args.show.output.is_none()
            && args.show.output_format.is_none() => {}
        None => out.write_vectors(&embedded, args.show.output_format)?,
    }
    kept.done()
}

/// Whether there is anything to embed beside what is searched for. A search never waits for stdin.
fn has_input(args: &EmbedArgs) -> bool {
    let nothing_kept = args.near.vectors.is_none() && args.keep.store.is_none();
    !args.text.is_empty() || args.input_file.is_some() || !args.files.is_empty() || nothing_kept
}

/// A search where nothing is embedded but the text.
async fn search_what_is_kept(args: &EmbedArgs, what: &str) -> anyhow::Result<()> {
    let space = Wish::of(&args.vectors).space();
    let store = match &args.keep.store {
        Some(path) if !path.exists() => {
            let what = format!("There is no {}.", path.display());
            return Err(Failure::new(Exit::Attachment, what).into());
        }
        Some(path) => Some(store::Store::open(path, &args.vectors.model, &space)?),
        None => None,
    };
    if let Some(store) = &store {
        let spaces = store.spaces()?;
        if !spaces.contains(&space) {
            let what = format!("{} has no vectors of this kind.", store.path().display());
            let mend = format!("It has {}.", spaces.join(", "));
            return Err(Failure::new(Exit::InvalidArgument, what).mend(mend).into());
        }
    }
    let out = Out::open(args.show.output.as_deref())?;
    let engine = Engine::start(&args.engine).await?;
    let mut search = search(args, &engine, what).await?;
    match (&store, &args.near.vectors) {
        (Some(store), _) => store.each(|place, vector| search.look(place, vector))?,
        (None, Some(path)) => search.look_at_file(path)?,
        (None, None) => {}
    }
    out.write(search.show(args.show.output_format)?.as_bytes())
}

/// The search for a text, or for what a file holds.
async fn search(args: &EmbedArgs, engine: &Engine, what: &str) -> anyhow::Result<Search> {
    let document = match Path::new(what).is_file() {
        true => input::file(Path::new(what))?,
        false => Document { source: None, content: Content::Text(what.to_owned()) },
    };
    let wish = Wish::of(&args.vectors).for_search(&args.vectors);
    let content = document.whole();
    let wanted = [Wanted { key: wish.key(content), content }];
    let taken = RefCell::new(Taken::default());
    ask::ask(engine, &wish, &wanted, (&taken, &RefCell::new(Kept::Nothing))).await?;
    let vectors = taken.into_inner().vectors;
    let vector = vectors.first().and_then(Option::as_deref).map_or("", RawValue::get);
    Search::new(vector, args.near.count)
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

/// The chunks of all documents; contents are numbered as they first come.
fn cut<'a>(
    documents: &'a [Document],
    args: &CutArgs,
    size: Size,
) -> anyhow::Result<Vec<Chunk<'a>>> {
    let strategy = if args.by_line() { Strategy::None } else { args.chunk_strategy };
    let mut chunks = Vec::new();
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut blank = 0;
    for (at, document) in documents.iter().enumerate() {
        let Document { source, content } = document;
        let mut chunk =
            |(index, start_pos, end_pos): (usize, usize, usize), content, text: &'a str| {
                let next = numbers.len();
                let want = *numbers.entry(content).or_insert(next);
                let (token_count, source) = (chunk::tokens(text), source.as_deref());
                chunks.push(Chunk {
                    document: at,
                    index,
                    start_pos,
                    end_pos,
                    token_count,
                    text,
                    source,
                    want,
                });
            };
        match content {
            Content::Text(text) => {
                let ranges = chunk::chunks(text, strategy, size);
                blank += usize::from(ranges.is_empty());
                for (index, Range { start, end }) in ranges.into_iter().enumerate() {
                    chunk((index, start, end), &text[start..end], &text[start..end]);
                }
            }
            Content::Picture(url) => chunk((0, 0, 0), url, ""),
        }
    }
    if chunks.is_empty() {
        return Err(Failure::new(Exit::Usage, "The text is blank.").into());
    }
    if blank > 0 {
        note!("note: {blank} of {} texts are blank and get no vector", documents.len());
    }
    Ok(chunks)
}

/// The different contents, by their numbers.
fn wanted<'a>(documents: &'a [Document], chunks: &[Chunk<'a>], wish: &Wish) -> Vec<Wanted<'a>> {
    let mut wanted: Vec<Wanted<'a>> = Vec::new();
    for chunk in chunks {
        if chunk.want == wanted.len() {
            let content = match &documents[chunk.document].content {
                Content::Text(_) => chunk.text,
                Content::Picture(url) => url,
            };
            wanted.push(Wanted { key: wish.key(content), content });
        }
    }
    wanted
}

/// What all requests cost.
fn cost(engine: &Engine) -> Option<PicoUsd> {
    let receipts = engine.take_receipts();
    let answered = receipts.iter().filter(|receipt| receipt.status == 200);
    answered.map(|receipt| receipt.cost).reduce(|so_far, more| Some(so_far? + more?)).flatten()
}

/// The failure, with what became of the vectors that had come.
fn how_far(error: anyhow::Error, taken: &Taken, (all, kept): (usize, &Kept)) -> anyhow::Error {
    let have = taken.have();
    if have == 0 {
        return error;
    }
    let so_far = match (kept, kept.place()) {
        (Kept::Store(_), Some(place)) => format!(
            "{have} of {all} vectors are in {}; the same command asks for the rest.",
            place.display()
        ),
        (_, Some(place)) => format!(
            "{have} of {all} vectors are in {}; with --resume the same command asks for the rest.",
            place.display()
        ),
        (_, None) => format!(
            "{have} of {all} vectors had come; none was written. With -O or --store they are kept."
        ),
    };
    match error.downcast::<Failure>() {
        Ok(failure) => failure.also(&so_far).into(),
        Err(error) => error.context(so_far),
    }
}

/// Counts, where they were asked for or somebody watched a bar; and what was lost on the way.
fn tell(args: &EmbedArgs, tally: &Tally, taken: &Taken) {
    if let Some(losses) = &taken.losses {
        note!("note: not as asked: {losses}");
    }
    let long = taken.vectors.len() > LONG && std::io::stderr().is_terminal();
    if args.show.usage || long {
        note!("{}", tally.line());
    }
}

fn metadata<'a>(args: &'a EmbedArgs, tally: &Tally) -> Metadata<'a> {
    let CutArgs { lines: _, jsonl: _, csv: _, chunk_strategy, max_chunk_size, overlap } = &args.cut;
    let cuts = !args.cut.by_line();
    let strategy = chunk_strategy.to_possible_value().map(|word| word.get_name().to_owned());
    Metadata {
        dimensions: args.vectors.dimensions,
        input_type: args.vectors.input_type.as_deref(),
        usage: Used { input: tally.tokens },
        cost_usd: tally.cost.map(Dollars),
        chunk_strategy: strategy.filter(|_| cuts),
        max_chunk_size: cuts.then_some(*max_chunk_size),
        overlap: cuts.then_some(*overlap),
    }
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
markdown   cut before headings; as many sections in a chunk as fit, long ones by blocks
code       cut at what begins at the margin; long ones at blank lines, then lines
";

// === impl Tally ===

impl Tally {
    /// One line for people.
    fn line(&self) -> String {
        let Self { chunks, contents, asked, tokens, cost } = self;
        let mut line = format!("{chunks} vectors");
        if asked < chunks {
            let (kept, same) = (contents - asked, chunks - contents);
            line.push_str(&format!(
                " ({asked} asked for, {kept} kept before, {same} of the same text)"
            ));
        }
        let cost = match cost {
            Some(cost) => format!("${cost}"),
            None if *asked == 0 => "$0".to_owned(),
            None => "price unknown".to_owned(),
        };
        format!("{line}, {tokens} tokens in, {cost}")
    }
}

// === impl Embedded ===

impl<'a> Embedded<'a> {
    /// Each chunk with its vector; there is one for every content once all were asked for.
    fn each<E>(
        &self,
        mut with: impl FnMut(&'a Chunk<'a>, &'a RawValue) -> Result<(), E>,
    ) -> Result<(), E> {
        let vectors = self.vectors;
        self.chunks
            .iter()
            .filter_map(|chunk| Some((chunk, vectors.get(chunk.want)?.as_deref()?)))
            .try_for_each(|(chunk, vector)| with(chunk, vector))
    }
}
