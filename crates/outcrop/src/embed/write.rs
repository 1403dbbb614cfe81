//! Vectors as JSON, JSON lines or CSV. Vectors are written with the digits that came.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::value::RawValue;

use super::Embedded;
use crate::cli::VectorFormat;
use crate::exit::{Exit, Failure};
use crate::print::print_text;

/// A chunk, by the names of mcp-cli. Positions are bytes of its text in UTF-8.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Chunk<'a> {
    /// Which of the texts it is of.
    pub document: usize,
    pub index: usize,
    pub start_pos: usize,
    pub end_pos: usize,
    pub token_count: u64,
    pub text: &'a str,
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
    metadata: &'a serde_json::Value,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Input<'a> {
    One(&'a str),
    Many(&'a [String]),
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
    /// Opens the file, so that a path that cannot be written is known before anything is asked. What is
    /// in it stays until there is something to write.
    pub fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::Stdout) };
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|error| {
            Failure::new(Exit::OutputWrite, format!("Cannot write {}: {error}.", path.display()))
        })?;
        Ok(Self::File(file))
    }

    pub fn write(self, embedded: &Embedded<'_>, format: VectorFormat) -> anyhow::Result<()> {
        match self {
            Self::Stdout => {
                let mut text = Vec::new();
                render(embedded, format, &mut text)?;
                print_text(&String::from_utf8(text)?)
            }
            Self::File(file) => {
                let unwritten = |error: std::io::Error| {
                    Failure::new(Exit::OutputWrite, format!("Cannot write the vectors: {error}."))
                };
                // What is no plain file, such as /dev/null, has no length.
                if file.metadata().is_ok_and(|about| about.is_file()) {
                    file.set_len(0).map_err(unwritten)?;
                }
                let mut file = BufWriter::new(file);
                render(embedded, format, &mut file).map_err(unwritten)?;
                Ok(file.flush().map_err(unwritten)?)
            }
        }
    }
}

fn render(
    embedded: &Embedded<'_>,
    format: VectorFormat,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let Embedded { texts: _, chunks, vectors, id: _, model: _, metadata: _ } = embedded;
    let pairs = chunks.iter().zip(vectors);
    match format {
        VectorFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &whole(embedded))?;
            writeln!(out)
        }
        VectorFormat::Compact => {
            serde_json::to_writer(&mut *out, &whole(embedded))?;
            writeln!(out)
        }
        VectorFormat::Jsonl => {
            for (chunk, vector) in pairs {
                serde_json::to_writer(&mut *out, &Line { chunk, vector })?;
                writeln!(out)?;
            }
            Ok(())
        }
        VectorFormat::Csv => {
            writeln!(out, "document,index,start_pos,end_pos,token_count,text,vector")?;
            for (chunk, vector) in pairs {
                let Chunk { document, index, start_pos, end_pos, token_count, text } = chunk;
                let (text, vector) = (quoted(text), quoted(vector.get().trim_matches('"')));
                writeln!(
                    out,
                    "{document},{index},{start_pos},{end_pos},{token_count},{text},{vector}"
                )?;
            }
            Ok(())
        }
    }
}

fn whole<'a>(embedded: &'a Embedded<'a>) -> Whole<'a> {
    let Embedded { texts, chunks, vectors, id, model, metadata } = embedded;
    let vector = |(chunk, vector): (&'a Chunk<'a>, &'a RawValue)| Vector {
        vector,
        chunk,
        metadata: serde_json::Map::new(),
    };
    Whole {
        id: id.as_deref(),
        input: match texts {
            [one] => Input::One(one),
            many => Input::Many(many),
        },
        chunks,
        embeddings: chunks.iter().zip(vectors.iter().map(|vector| &**vector)).map(vector).collect(),
        model,
        provider: "bedrock",
        timestamp: jiff::Timestamp::now().to_string(),
        metadata,
    }
}

/// A field of CSV that may hold anything.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
