//! What is kept of long work, so that after an abort only what is missing is asked for.
//!
//! 1. A vector is found by what was asked: the settings and the content. Another model, length or purpose is
//!    another vector.
//! 2. What was kept is not thrown away by a run that does not use it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::store::Store;
use crate::cli::EmbedArgs;
use crate::exit::{Exit, Failure};

/// SHA-256 of settings and content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

/// A vector that just came.
pub struct Fresh<'a> {
    pub key: Key,
    pub content: &'a str,
    pub vector: &'a RawValue,
}

pub enum Kept {
    Nothing,
    Beside(Beside),
    Store(Store),
}

/// A file beside the output, while the work is not done: a line for each vector.
pub struct Beside {
    path: PathBuf,
    file: Option<File>,
    held: HashMap<Key, Box<RawValue>>,
}

#[derive(Serialize, Deserialize)]
struct Line<V> {
    key: String,
    vector: V,
}

// === impl Kept ===

impl Kept {
    /// # Errors
    /// When what is kept cannot be read, or would be lost.
    pub fn open(args: &EmbedArgs, space: &str) -> anyhow::Result<Self> {
        if let Some(path) = &args.keep.store {
            return Ok(Self::Store(Store::open(path, &args.vectors.model, space)?));
        }
        let Some(output) = &args.show.output else { return Ok(Self::Nothing) };
        if output.exists() && !output.is_file() {
            return match args.keep.resume {
                false => Ok(Self::Nothing),
                true => Err(Failure::new(
                    Exit::InvalidArgument,
                    "--resume needs a plain file in -O, for what is kept is beside it.",
                )
                .into()),
            };
        }
        let mut path = output.clone().into_os_string();
        path.push(".part");
        let path = PathBuf::from(path);
        if path.exists() && !args.keep.resume {
            let what = format!("{} holds vectors of a run that did not end.", path.display());
            let mend = "Take them up with --resume, or delete that file.";
            return Err(Failure::new(Exit::InvalidArgument, what).mend(mend).into());
        }
        Ok(Self::Beside(Beside::open(path)?))
    }

    /// What is here, for each key. Contents are asked for once, so no key comes twice.
    pub fn find<'a>(
        &mut self,
        keys: impl Iterator<Item = &'a Key>,
    ) -> anyhow::Result<Vec<Option<Box<RawValue>>>> {
        match self {
            Self::Nothing => Ok(keys.map(|_| None).collect()),
            Self::Beside(beside) => Ok(keys.map(|key| beside.held.remove(key)).collect()),
            Self::Store(store) => store.find(keys),
        }
    }

    /// There will be more than one request.
    pub fn begin(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Beside(beside) => beside.begin(),
            Self::Nothing | Self::Store(_) => Ok(()),
        }
    }

    pub fn keep<'a>(&mut self, fresh: impl Iterator<Item = Fresh<'a>>) -> anyhow::Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::Beside(beside) => beside.keep(fresh),
            Self::Store(store) => store.keep(fresh),
        }
    }

    /// Where what came can be taken up again, if anywhere.
    pub fn place(&self) -> Option<&Path> {
        match self {
            Self::Nothing => None,
            Self::Beside(beside) => beside.file.as_ref().map(|_| &*beside.path),
            Self::Store(store) => Some(store.path()),
        }
    }

    /// The output is written. Vectors of another run stay kept, for they were paid for.
    pub fn done(self) -> anyhow::Result<()> {
        match self {
            Self::Nothing | Self::Store(_) => Ok(()),
            Self::Beside(beside) if !beside.held.is_empty() => {
                let (path, held) = (beside.path.display(), beside.held.len());
                note!("note: {path} stays: it holds {held} vectors of other texts or settings.");
                Ok(())
            }
            Self::Beside(beside) => match std::fs::remove_file(&beside.path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    let what = format!("Cannot remove {}: {error}.", beside.path.display());
                    Err(Failure::new(Exit::OutputWrite, what).into())
                }
                Ok(()) | Err(_) => Ok(()),
            },
        }
    }
}

// === impl Beside ===

impl Beside {
    /// A last line that was not written to its end is cut off.
    fn open(path: PathBuf) -> anyhow::Result<Self> {
        let mut held = HashMap::new();
        let unread = |error: std::io::Error| {
            Failure::new(Exit::Attachment, format!("Cannot read {}: {error}.", path.display()))
        };
        let file = match OpenOptions::new().read(true).append(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self { path, file: None, held });
            }
            Err(error) => return Err(unread(error).into()),
        };
        let mut reader = BufReader::new(&file);
        let (mut line, mut number, mut whole) = (Vec::new(), 0, 0);
        while reader.read_until(b'\n', &mut line).map_err(unread)? > 0 {
            number += 1;
            if line.last() != Some(&b'\n') {
                break;
            }
            let read: Option<Line<Box<RawValue>>> = serde_json::from_slice(&line).ok();
            let kept = read.and_then(|line| Some((Key::parse(&line.key)?, line.vector)));
            let (key, vector) = kept.ok_or_else(|| {
                let what = format!("{}: line {number} is no kept vector.", path.display());
                Failure::new(Exit::Attachment, what).mend("Delete that line, or the file.")
            })?;
            held.insert(key, vector);
            whole += line.len() as u64;
            line.clear();
        }
        file.set_len(whole).map_err(unread)?;
        Ok(Self { path, file: Some(file), held })
    }

    fn begin(&mut self) -> anyhow::Result<()> {
        if self.file.is_none() {
            let new = OpenOptions::new().append(true).create_new(true).open(&self.path);
            self.file = Some(new.map_err(|error| self.unwritten(&error))?);
        }
        Ok(())
    }

    fn keep<'a>(&mut self, fresh: impl Iterator<Item = Fresh<'a>>) -> anyhow::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut out = BufWriter::new(file);
        let written = fresh.into_iter().try_for_each(|Fresh { key, content: _, vector }| {
            serde_json::to_writer(&mut out, &Line { key: key.to_string(), vector })?;
            out.write_all(b"\n")
        });
        written.and_then(|()| out.flush()).map_err(|error| self.unwritten(&error).into())
    }

    fn unwritten(&self, error: &std::io::Error) -> Failure {
        Failure::new(Exit::OutputWrite, format!("Cannot write {}: {error}.", self.path.display()))
    }
}

// === impl Key ===

impl Key {
    pub fn of(settings: &str, content: &str) -> Self {
        let mut digest = Context::new(&SHA256);
        // No JSON holds a bare line feed, so nothing else gives the same bytes.
        for part in [settings, "\n", content] {
            digest.update(part.as_bytes());
        }
        let mut key = [0; 32];
        key.copy_from_slice(digest.finish().as_ref());
        Self(key)
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let mut key = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (at, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Self(key))
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
