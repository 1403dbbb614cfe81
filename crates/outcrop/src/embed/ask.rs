//! Asks for vectors: many at once, each content once, and what is kept already not at all.
//!
//! 1. A vector that came is kept before anything else is asked.
//! 2. After a failure nothing new is asked, and what is under way is waited for.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::ops::Range;

use indicatif::{ProgressBar, ProgressStyle};
use outcrop_core::fan::fan_out;
use outcrop_model::{Catalog, EmbeddingCard, Specialist, alias};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::kept::{Fresh, Kept, Key};
use crate::cli::{Encoding, VectorArgs};
use crate::engine::Engine;
use crate::exit::{Exit, Failure};

/// Where the surface is.
const EMBEDDINGS: &str = "/v1/embeddings";
/// Calls that a gateway makes at once for one request.
const CALLS: usize = 8;
/// Most bytes of texts in a request, far below what a gateway takes.
const BYTES: usize = 1 << 20;
/// Texts that a call takes of a model that is not known here.
const BATCH: usize = 96;

/// What every request says beside its inputs.
#[derive(Debug, Clone)]
pub struct Wish {
    settings: Map<String, Value>,
    /// Texts of a request.
    texts: usize,
    /// Requests at once.
    width: usize,
}

/// A content that wants a vector.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub key: Key,
    pub content: &'a str,
}

/// What came so far.
#[derive(Default)]
pub struct Taken {
    /// For each content that is wanted.
    pub vectors: Vec<Option<Box<RawValue>>>,
    pub id: Option<String>,
    pub tokens: u64,
    /// Contents whose vector this run asked for.
    pub asked: usize,
    /// What a gateway said that it left out of requests.
    pub losses: Option<String>,
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

/// Asks for all vectors that are not in `kept`, and keeps them there.
pub async fn ask(
    engine: &Engine,
    wish: &Wish,
    wanted: &[Wanted<'_>],
    (taken, kept): (&RefCell<Taken>, &RefCell<Kept>),
) -> anyhow::Result<()> {
    let found = kept.borrow_mut().find(wanted.iter().map(|want| &want.key))?;
    let missing: Vec<usize> = (0..wanted.len()).filter(|at| found[*at].is_none()).collect();
    taken.borrow_mut().vectors = found;
    let batches = batches(wanted, &missing, wish.texts);
    if batches.len() > 1 {
        kept.borrow_mut().begin()?;
    }
    let progress = progress(wanted.len(), batches.len());
    progress.set_position((wanted.len() - missing.len()) as u64);
    let (failed, several) = (Cell::new(None), batches.len() > 1);
    let one = |at: usize| {
        let batch = &missing[batches[at].clone()];
        let (failed, progress) = (&failed, &progress);
        async move {
            let before = failed.take();
            if before.is_some() {
                failed.set(before);
                return Ok::<(), Infallible>(());
            }
            let fresh = request(engine, wish, batch.iter().map(|at| wanted[*at].content)).await;
            let noted =
                fresh.and_then(|fresh| note(wanted, batch, fresh, (taken, &mut kept.borrow_mut())));
            match noted {
                Ok(()) => progress.inc(batch.len() as u64),
                Err(error) if several => failed.set(Some(placed(error, batch, wanted))),
                Err(error) => failed.set(Some(error)),
            }
            Ok(())
        }
    };
    let Ok(_nothing) = fan_out(batches.len(), wish.width, one).await;
    progress.finish_and_clear();
    match failed.take() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// What one request brought.
struct Brought {
    vectors: Vec<Box<RawValue>>,
    tokens: u64,
    id: Option<String>,
    losses: Option<String>,
}

async fn request<'a>(
    engine: &Engine,
    wish: &Wish,
    contents: impl Iterator<Item = &'a str>,
) -> anyhow::Result<Brought> {
    let mut body = wish.settings.clone();
    let input: Vec<Value> = contents.map(Value::from).collect();
    let count = input.len();
    body.insert("input".to_owned(), input.into());
    let answer = engine.post(EMBEDDINGS, &Value::Object(body)).await?;
    let header = |name: &str| {
        answer.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let (id, losses) = (header("x-request-id"), header("x-outcrop-loss"));
    let wrong = || Failure::new(Exit::RequestFailed, "The answer does not fit the texts.");
    let Answered { data, usage } =
        serde_json::from_slice(&answer.whole().await?).map_err(|_| wrong())?;
    if data.len() != count || data.iter().enumerate().any(|(at, datum)| datum.index != at) {
        return Err(wrong().into());
    }
    let vectors = data.into_iter().map(|datum| datum.embedding).collect();
    Ok(Brought { vectors, tokens: usage.prompt_tokens, id, losses })
}

/// Keeps a batch's vectors: all of them, each once.
fn note(
    wanted: &[Wanted<'_>],
    batch: &[usize],
    brought: Brought,
    (taken, kept): (&RefCell<Taken>, &mut Kept),
) -> anyhow::Result<()> {
    let Brought { vectors, tokens, id, losses } = brought;
    let fresh = batch.iter().zip(&vectors).map(|(at, vector)| {
        let Wanted { key, content } = wanted[*at];
        Fresh { key, content, vector }
    });
    kept.keep(fresh)?;
    let mut taken = taken.borrow_mut();
    taken.id = taken.id.take().or(id);
    taken.losses = taken.losses.take().or(losses);
    taken.tokens += tokens;
    taken.asked += batch.len();
    for (at, vector) in batch.iter().zip(vectors) {
        taken.vectors[*at] = Some(vector);
    }
    Ok(())
}

/// The failure of one request of several, with the beginning of the text whose place it names.
fn placed(error: anyhow::Error, batch: &[usize], wanted: &[Wanted<'_>]) -> anyhow::Error {
    let said = error.to_string();
    let place = said.split_once("input[").and_then(|(_, rest)| rest.split_once(']'));
    let at = place.and_then(|(number, _)| number.parse::<usize>().ok());
    let Some(want) = at.and_then(|at| batch.get(at)).and_then(|at| wanted.get(*at)) else {
        return error;
    };
    let beginning: String = want.content.chars().take(40).collect();
    let also = format!("That text begins with {beginning:?}.");
    match error.downcast::<Failure>() {
        Ok(failure) => failure.also(&also).into(),
        Err(error) => error.context(also),
    }
}

/// What goes into which request, as ranges of `missing`.
fn batches(wanted: &[Wanted<'_>], missing: &[usize], texts: usize) -> Vec<Range<usize>> {
    let mut batches: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (at, want) in missing.iter().enumerate() {
        let more = wanted[*want].content.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < texts && bytes + more <= BYTES => {
                batch.end += 1;
                bytes += more;
            }
            Some(_) | None => {
                batches.push(at..at + 1);
                bytes = more;
            }
        }
    }
    batches
}

/// Drawn on a terminal only, and only where one request does not do.
fn progress(texts: usize, requests: usize) -> ProgressBar {
    if requests <= 1 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta}");
    let bar = ProgressBar::new(texts as u64);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

// === impl Wish ===

impl Wish {
    pub fn of(args: &VectorArgs) -> Self {
        let batch = card(&args.model).map_or(BATCH, |card| card.batch);
        let calls = usize::from(args.concurrency);
        let width = calls.div_ceil(CALLS);
        let texts = match calls / width {
            // A request of several rounds of calls loses little by waiting for the last of them.
            CALLS => CALLS * batch.max(CALLS),
            fewer => fewer * batch,
        };
        Self { settings: settings(args), texts, width }
    }

    /// For the text that is searched for, unless the caller said what it is for.
    pub fn for_search(&self, args: &VectorArgs) -> Self {
        let mut wish = self.clone();
        let knows =
            |word| card(&args.model).is_some_and(|card| card.input_types.contains_key(word));
        if args.input_type.is_none() && knows("search_query") {
            wish.settings.insert("input_type".to_owned(), "search_query".into());
        }
        wish
    }

    pub fn key(&self, content: &str) -> Key {
        Key::of(&Value::Object(self.settings.clone()).to_string(), content)
    }

    /// What two vectors must have in common to be compared.
    pub fn space(&self) -> String {
        let mut settings = self.settings.clone();
        settings.retain(|name, _| !matches!(name.as_str(), "input_type" | "truncate"));
        Value::Object(settings).to_string()
    }
}

/// What is known of the model, by any name.
fn card(model: &str) -> Option<&'static EmbeddingCard> {
    match Catalog::built_in().specialist(&alias::resolve(model).id)? {
        Specialist::Embeddings(card) => Some(card),
        Specialist::Rerank(_) | Specialist::Images(_) => None,
    }
}

fn settings(args: &VectorArgs) -> Map<String, Value> {
    let VectorArgs {
        model,
        dimensions,
        input_type,
        encoding_format,
        truncate,
        normalize,
        concurrency: _,
    } = args;
    let mut body = Map::new();
    body.insert("model".to_owned(), model.as_str().into());
    let encoding = match encoding_format {
        Encoding::Float => "float",
        Encoding::Base64 => "base64",
        Encoding::Int8 => "int8",
        Encoding::Binary => "binary",
    };
    body.insert("encoding_format".to_owned(), encoding.into());
    if let Some(dimensions) = dimensions {
        body.insert("dimensions".to_owned(), (*dimensions).into());
    }
    if let Some(normalize) = normalize {
        body.insert("normalize".to_owned(), (*normalize).into());
    }
    for (name, word) in [("input_type", input_type), ("truncate", truncate)] {
        if let Some(word) = word {
            body.insert(name.to_owned(), word.as_str().into());
        }
    }
    body
}

// === impl Taken ===

impl Taken {
    /// How many vectors there are, from whenever.
    pub fn have(&self) -> usize {
        self.vectors.iter().flatten().count()
    }
}
