//! Vectors in a SQLite file, for any program to read.
//!
//! 1. A vector is in it once, under the key of what was asked, with the digits that came.
//! 2. A file of chunks has the places of its last run and no others; what no place needs any more goes.
//! 3. A database of something else is refused, never written to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::value::RawValue;

use super::input::Document;
use super::kept::{Fresh, Key};
use super::near::Place;
use super::write::Chunk;
use crate::exit::{Exit, Failure};

/// "oc-v": says whose file it is.
const APPLICATION: i64 = 0x6f63_2d76;
/// How long another process may be writing.
const PATIENCE: Duration = Duration::from_secs(10);

const SCHEMA: &str = "
CREATE TABLE vectors (
    key BLOB PRIMARY KEY,      -- SHA-256 of what was asked
    model TEXT NOT NULL,
    space TEXT NOT NULL,       -- what vectors must have in common to be compared
    content TEXT NOT NULL,     -- the text; empty for a picture
    vector TEXT NOT NULL,      -- JSON, as it came
    created_at TEXT NOT NULL
);
CREATE TABLE places (
    key BLOB NOT NULL,
    source TEXT NOT NULL,      -- the file; empty where there was none
    document INTEGER NOT NULL,
    part INTEGER NOT NULL,
    start_pos INTEGER NOT NULL,
    end_pos INTEGER NOT NULL,
    PRIMARY KEY (source, document, part, key)
);
CREATE INDEX places_key ON places (key);
CREATE INDEX vectors_space ON vectors (space);
";

pub struct Store {
    db: Connection,
    path: PathBuf,
    model: String,
    space: String,
}

// === impl Store ===

impl Store {
    pub fn open(path: &Path, model: &str, space: &str) -> anyhow::Result<Self> {
        let wrong = |error| unusable(path, &error);
        let db = Connection::open(path).map_err(wrong)?;
        db.busy_timeout(PATIENCE).map_err(wrong)?;
        let pragma = |name: &str| db.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0));
        let application: i64 = pragma("application_id").map_err(wrong)?;
        let tables: i64 = db
            .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
            .map_err(wrong)?;
        match (application, tables) {
            (APPLICATION, _) => {}
            (0, 0) => {
                let begin = format!(
                    "BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION}; {SCHEMA} COMMIT;"
                );
                db.execute_batch(&begin).map_err(wrong)?;
            }
            _another => {
                let what = format!("{} is a database of another program.", path.display());
                return Err(Failure::new(Exit::InvalidArgument, what)
                    .mend("Name another file with --store.")
                    .into());
            }
        }
        let (path, model, space) = (path.to_owned(), model.to_owned(), space.to_owned());
        Ok(Self { db, path, model, space })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is here, for each key.
    pub fn find<'a>(
        &self,
        keys: impl Iterator<Item = &'a Key>,
    ) -> anyhow::Result<Vec<Option<Box<RawValue>>>> {
        let wrong = |error| unusable(&self.path, &error);
        let mut find =
            self.db.prepare("SELECT vector FROM vectors WHERE key = ?1").map_err(wrong)?;
        keys.map(|key| {
            let found = find.query_row([key.bytes()], |row| row.get(0)).optional();
            found.map_err(wrong)?.map(|text| self.vector(text)).transpose()
        })
        .collect()
    }

    pub fn keep<'a>(&mut self, fresh: impl Iterator<Item = Fresh<'a>>) -> anyhow::Result<()> {
        let now = jiff::Timestamp::now().to_string();
        let Self { db, path, model, space } = self;
        let keep = || {
            let all = db.transaction()?;
            let mut insert =
                all.prepare("INSERT OR IGNORE INTO vectors VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
            for Fresh { key, content, vector } in fresh {
                let text = if is_picture(content) { "" } else { content };
                insert.execute(params![key.bytes(), &*model, &*space, text, vector.get(), now])?;
            }
            drop(insert);
            all.commit()
        };
        keep().map_err(|error| unusable(path, &error).into())
    }

    /// Notes where the chunks are, which are all that there is of `documents`.
    pub fn note(
        &mut self,
        (documents, chunks): (&[Document], &[Chunk<'_>]),
        key: impl Fn(&Chunk<'_>) -> Key,
    ) -> anyhow::Result<()> {
        let Self { db, path, model: _, space } = self;
        let mut note = || {
            let all = db.transaction()?;
            let before = forget(&all, documents, space)?;
            let mut insert =
                all.prepare("INSERT OR IGNORE INTO places VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
            for chunk in chunks {
                let Place { text: _, source, document, index, start_pos, end_pos } = chunk.into();
                // Documents of no file have no number that means anything in the next run.
                let document = if source.is_some() { document } else { 0 };
                let source = source.unwrap_or_default();
                let key = key(chunk);
                insert.execute(params![
                    key.bytes(),
                    source,
                    document,
                    index,
                    start_pos,
                    end_pos
                ])?;
            }
            drop(insert);
            let mut remove = all.prepare(
                "DELETE FROM vectors WHERE key = ?1
                 AND NOT EXISTS (SELECT 1 FROM places WHERE places.key = ?1)",
            )?;
            for key in before {
                remove.execute([key])?;
            }
            drop(remove);
            all.commit()
        };
        note().map_err(|error| unusable(path, &error).into())
    }

    /// Every place of every vector that can be compared.
    pub fn each(
        &self,
        mut with: impl FnMut(Place, &str) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let wrong = |error| anyhow::Error::from(unusable(&self.path, &error));
        let mut all = self
            .db
            .prepare(
                "SELECT vector, content, source, document, part, start_pos, end_pos
                 FROM vectors LEFT JOIN places USING (key) WHERE space = ?1",
            )
            .map_err(wrong)?;
        let mut rows = all.query([&self.space]).map_err(wrong)?;
        while let Some(row) = rows.next().map_err(wrong)? {
            let place = || {
                let source: Option<String> = row.get(2)?;
                Ok(Place {
                    text: row.get(1)?,
                    source: source.filter(|source| !source.is_empty()),
                    document: row.get::<_, Option<i64>>(3)?.unwrap_or_default(),
                    index: row.get::<_, Option<i64>>(4)?.unwrap_or_default(),
                    start_pos: row.get::<_, Option<i64>>(5)?.unwrap_or_default(),
                    end_pos: row.get::<_, Option<i64>>(6)?.unwrap_or_default(),
                })
            };
            let place = place().map_err(wrong)?;
            let vector: String = row.get(0).map_err(wrong)?;
            with(place, &vector)?;
        }
        Ok(())
    }

    /// The models whose vectors are here, with the settings that make them comparable.
    pub fn spaces(&self) -> anyhow::Result<Vec<String>> {
        let read = || {
            let mut all = self.db.prepare("SELECT DISTINCT space FROM vectors ORDER BY 1")?;
            all.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| unusable(&self.path, &error).into())
    }

    fn vector(&self, text: String) -> anyhow::Result<Box<RawValue>> {
        RawValue::from_string(text).map_err(|_| {
            let what = format!("{} holds a vector that is not JSON.", self.path.display());
            Failure::new(Exit::Attachment, what).into()
        })
    }
}

/// Forgets the places of the documents' files, also of those in which nothing is left; gives the keys that had them. With other models or lengths the
/// files may have been embedded as well: those stay.
fn forget(
    all: &Transaction<'_>,
    documents: &[Document],
    space: &str,
) -> rusqlite::Result<Vec<Vec<u8>>> {
    let sources: BTreeSet<&str> =
        documents.iter().filter_map(|document| document.source.as_deref()).collect();
    let mut old = all.prepare(
        "DELETE FROM places WHERE source = ?1
         AND key IN (SELECT key FROM vectors WHERE space = ?2) RETURNING key",
    )?;
    let mut before = Vec::new();
    for source in sources {
        let keys = old.query_map([source, space], |row| row.get(0))?;
        before.extend(keys.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(before)
}

fn is_picture(content: &str) -> bool {
    content.starts_with("data:image/")
}

fn unusable(path: &Path, error: &rusqlite::Error) -> Failure {
    let what = format!("Cannot use {} as a store: {error}.", path.display());
    Failure::new(Exit::OutputWrite, what)
}
