//! What is nearest to a text, by the cosine of the angle between vectors.

use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::numbers;
use super::write::Chunk;
use crate::cli::VectorFormat;
use crate::exit::{Exit, Failure};

/// Most characters of a text that are shown for people.
const SHOWN: usize = 100;

/// Where a vector is from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Place {
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    pub document: i64,
    pub index: i64,
    pub start_pos: i64,
    pub end_pos: i64,
}

#[derive(Debug, Serialize)]
struct Hit {
    score: f64,
    #[serde(flatten)]
    place: Place,
}

/// Looks at vectors one by one and holds the nearest.
pub struct Search {
    query: Vec<f32>,
    most: usize,
    hits: Vec<Hit>,
}

/// A line of `-F jsonl`.
#[derive(Deserialize)]
struct Line {
    #[serde(flatten)]
    place: Place,
    vector: Box<RawValue>,
}

/// The object of `-F json`.
#[derive(Deserialize)]
struct Whole {
    embeddings: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    vector: Box<RawValue>,
    chunk: Place,
}

// === impl Search ===

impl Search {
    pub fn new(query: &str, most: usize) -> anyhow::Result<Self> {
        Ok(Self { query: numbers::read(query)?, most, hits: Vec::new() })
    }

    pub fn look(&mut self, place: Place, vector: &str) -> anyhow::Result<()> {
        let vector = numbers::read(vector)?;
        if vector.len() != self.query.len() {
            let what = format!(
                "The vectors have {} numbers, that of the text {}.",
                vector.len(),
                self.query.len()
            );
            return Err(Failure::new(Exit::InvalidArgument, what)
                .mend("Say --model and --dimensions as when they were made.")
                .into());
        }
        let score = cosine(&self.query, &vector);
        let at = self.hits.partition_point(|hit| hit.score >= score);
        if at < self.most {
            self.hits.truncate(self.most - 1);
            self.hits.insert(at, Hit { score, place });
        }
        Ok(())
    }

    /// All vectors of a file that this command wrote.
    pub fn look_at_file(&mut self, path: &Path) -> anyhow::Result<()> {
        let text = crate::ask::attach::text_of(path)?;
        let wrong = || {
            let what = format!("{} is no file of vectors with their texts.", path.display());
            Failure::new(Exit::Attachment, what).mend("-F json, jsonl and csv write such files.")
        };
        if text.starts_with("document,") {
            let mut rows = csv::Reader::from_reader(text.as_bytes());
            let head = rows.headers().map_err(|_| wrong())?.clone();
            for row in rows.records() {
                let row = row.map_err(|_| wrong())?;
                let at = head.iter().position(|name| name == "vector").ok_or_else(wrong)?;
                let vector = row.get(at).ok_or_else(wrong)?.to_owned();
                let place: Place = row.deserialize(Some(&head)).map_err(|_| wrong())?;
                self.look(place, &vector)?;
            }
            return Ok(());
        }
        if let Ok(Whole { embeddings }) = serde_json::from_str(&text) {
            return embeddings
                .into_iter()
                .try_for_each(|Embedding { vector, chunk }| self.look(chunk, vector.get()));
        }
        text.lines().try_for_each(|line| {
            let Line { place, vector } = serde_json::from_str(line).map_err(|_| wrong())?;
            self.look(place, vector.get())
        })
    }

    /// The nearest first.
    pub fn show(&self, format: Option<VectorFormat>) -> anyhow::Result<String> {
        let text = match format {
            None => self.table(),
            Some(VectorFormat::Json) => serde_json::to_string_pretty(&self.hits)? + "\n",
            Some(VectorFormat::Compact) => serde_json::to_string(&self.hits)? + "\n",
            Some(VectorFormat::Jsonl) => {
                let lines: Result<Vec<String>, _> =
                    self.hits.iter().map(serde_json::to_string).collect();
                lines?.into_iter().map(|line| line + "\n").collect()
            }
            Some(
                VectorFormat::Csv | VectorFormat::Npy | VectorFormat::Base64 | VectorFormat::Openai,
            ) => {
                let what = "What is found is shown as json, compact or jsonl, or for people.";
                return Err(Failure::new(Exit::OutputFormat, what).into());
            }
        };
        Ok(text)
    }

    fn table(&self) -> String {
        let mut out = String::new();
        for Hit { score, place } in &self.hits {
            let line = place.text.split_whitespace().collect::<Vec<_>>().join(" ");
            let mut shown: String = line.chars().take(SHOWN).collect();
            if shown.len() < line.len() {
                shown.push('…');
            }
            let from = match &place.source {
                Some(source) => format!("{source}:{}  ", place.start_pos),
                None => String::new(),
            };
            // Writing to a string cannot fail.
            let _written = writeln!(out, "{score:.4}  {from}{shown}");
        }
        out
    }
}

impl From<&Chunk<'_>> for Place {
    fn from(chunk: &Chunk<'_>) -> Self {
        let Chunk { document, index, start_pos, end_pos, token_count: _, text, source, want: _ } =
            chunk;
        // Nothing in memory is as long as that.
        let number = |n: &usize| i64::try_from(*n).unwrap_or(i64::MAX);
        Self {
            text: (*text).to_owned(),
            source: source.map(str::to_owned),
            document: number(document),
            index: number(index),
            start_pos: number(start_pos),
            end_pos: number(end_pos),
        }
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let (mut dot, mut one, mut other) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        dot += a * b;
        one += a * a;
        other += b * b;
    }
    match one * other > 0.0 {
        true => dot / (one.sqrt() * other.sqrt()),
        false => 0.0,
    }
}
