//! Vectors in the formats of `-F`. Where a format is text, they are written with the digits that came.

mod npy;

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;

use super::input::{Content, Document};
use super::{Embedded, Metadata, numbers};
use crate::cli::VectorFormat;
use crate::exit::{Exit, Failure};
use crate::print::{empty, open_file, print_bytes, print_said};

/// A chunk, by the names of mcp-cli. Positions are bytes of its text in UTF-8.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Chunk<'a> {
    /// Which of the documents it is of.
    pub document: usize,
    pub index: usize,
    pub start_pos: usize,
    pub end_pos: usize,
    pub token_count: u64,
    /// Empty for a picture.
    pub text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'a str>,
    /// The number of its content; the same content has one vector.
    #[serde(skip)]
    pub want: usize,
}

#[derive(Serialize)]
struct Whole<'a> {
    id: Option<&'a str>,
    input: Input<'a>,
    chunks: &'a [Chunk<'a>],
    embeddings: Vec<Vector<'a>>,
    model: &'a str,
    provider: &'static str,
    timestamp: String,
    metadata: &'a Metadata<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Input<'a> {
    One(&'a str),
    Many(Vec<&'a str>),
}

/// What OpenAI's API answers.
#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Datum<'a>>,
    model: &'a str,
    usage: serde_json::Value,
}

#[derive(Serialize)]
struct Datum<'a> {
    object: &'static str,
    index: usize,
    embedding: &'a RawValue,
}

#[derive(Serialize)]
struct Vector<'a> {
    vector: &'a RawValue,
    chunk: &'a Chunk<'a>,
    metadata: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    chunk: &'a Chunk<'a>,
    vector: &'a RawValue,
}

/// Where the vectors go.
pub enum Out {
    Stdout,
    File(File),
}

// === impl Out ===

impl Out {
    /// Opens the file. What is in it stays until there is something to write.
    pub fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        Ok(path.map(open_file).transpose()?.map_or(Self::Stdout, Self::File))
    }

    /// # Errors
    /// Also where the bytes of an array would go to a terminal.
    pub fn write_vectors(
        self,
        embedded: &Embedded<'_>,
        format: Option<VectorFormat>,
    ) -> anyhow::Result<()> {
        let format = format.unwrap_or(VectorFormat::Json);
        if format == VectorFormat::Npy
            && matches!(self, Self::Stdout)
            && std::io::stdout().is_terminal()
        {
            let what = "An array of NumPy's is nothing for a terminal.";
            return Err(Failure::new(Exit::OutputFormat, what).mend("Name a file with -O.").into());
        }
        let mut out = Vec::new();
        render(embedded, format, &mut out)?;
        self.write(&out)
    }

    pub fn write(self, bytes: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Stdout => match std::str::from_utf8(bytes) {
                Ok(text) => print_said(text),
                Err(_) => print_bytes(bytes),
            },
            Self::File(mut file) => {
                let unwritten = |error: std::io::Error| {
                    Failure::new(Exit::OutputWrite, format!("Cannot write the vectors: {error}."))
                };
                Ok(empty(&file).and_then(|()| file.write_all(bytes)).map_err(unwritten)?)
            }
        }
    }
}

fn render(embedded: &Embedded<'_>, format: VectorFormat, out: &mut Vec<u8>) -> anyhow::Result<()> {
    match format {
        VectorFormat::Json => serde_json::to_writer_pretty(&mut *out, &whole(embedded))?,
        VectorFormat::Compact => serde_json::to_writer(&mut *out, &whole(embedded))?,
        VectorFormat::Openai => serde_json::to_writer(&mut *out, &list(embedded))?,
        VectorFormat::Jsonl => {
            return embedded.each(|chunk, vector| {
                serde_json::to_writer(&mut *out, &Line { chunk, vector })?;
                out.push(b'\n');
                Ok(())
            });
        }
        VectorFormat::Csv => return table(embedded, out),
        VectorFormat::Npy => return npy::write(embedded, out),
        VectorFormat::Base64 => {
            return embedded.each(|_chunk, vector| {
                let bytes = numbers::bytes(vector.get())?;
                writeln!(out, "{}", STANDARD.encode(bytes))?;
                Ok(())
            });
        }
    }
    out.push(b'\n');
    Ok(())
}

/// The column of sources is there where there are any.
fn table(embedded: &Embedded<'_>, out: &mut Vec<u8>) -> anyhow::Result<()> {
    let sources = embedded.chunks.iter().any(|chunk| chunk.source.is_some());
    let mut rows = csv::WriterBuilder::new().from_writer(out);
    let head = ["document", "index", "start_pos", "end_pos", "token_count", "text", "vector"];
    rows.write_record(head.into_iter().chain(sources.then_some("source")))?;
    embedded.each(|chunk, vector| {
        let Chunk { document, index, start_pos, end_pos, token_count, text, source, want: _ } =
            chunk;
        let numbers = [*document, *index, *start_pos, *end_pos].map(|number| number.to_string());
        for number in numbers {
            rows.write_field(number)?;
        }
        rows.write_field(token_count.to_string())?;
        rows.write_field(text)?;
        rows.write_field(vector.get().trim_matches('"'))?;
        if sources {
            rows.write_field(source.unwrap_or_default())?;
        }
        rows.write_record(None::<&[u8]>)?;
        Ok::<(), csv::Error>(())
    })?;
    Ok(rows.flush()?)
}

fn list<'a>(embedded: &'a Embedded<'a>) -> List<'a> {
    let mut data = Vec::with_capacity(embedded.chunks.len());
    let Ok(()) = embedded.each(|_chunk, embedding| {
        data.push(Datum { object: "embedding", index: data.len(), embedding });
        Ok::<(), std::convert::Infallible>(())
    });
    let tokens = embedded.metadata.usage.input;
    let usage = serde_json::json!({ "prompt_tokens": tokens, "total_tokens": tokens });
    List { object: "list", data, model: embedded.model, usage }
}

fn whole<'a>(embedded: &'a Embedded<'a>) -> Whole<'a> {
    let Embedded { documents, chunks, vectors: _, id, model, metadata } = embedded;
    let mut embeddings = Vec::with_capacity(chunks.len());
    let Ok(()) = embedded.each(|chunk, vector| {
        embeddings.push(Vector { vector, chunk, metadata: serde_json::Map::new() });
        Ok::<(), std::convert::Infallible>(())
    });
    Whole {
        id: *id,
        input: match documents {
            [one] => Input::One(shown(one)),
            many => Input::Many(many.iter().map(shown).collect()),
        },
        chunks,
        embeddings,
        model,
        provider: "bedrock",
        timestamp: jiff::Timestamp::now().to_string(),
        metadata,
    }
}

/// The text, or the name of a picture.
fn shown(document: &Document) -> &str {
    match &document.content {
        Content::Text(text) => text,
        Content::Picture(_) => document.source.as_deref().unwrap_or("stdin"),
    }
}
