//! The kept answers in a file, so that they outlive the process.
//!
//! 1. Memory is what requests read; the file follows it. A write never makes a request wait.
//! 2. One thread writes, in order, whole batches at a time; a batch is on disk or not at all.
//! 3. A write that fails or cannot be queued is logged, and the answer is still kept in memory.
//! 4. Dropped, the file is written to its end first.
//!
//! The file holds conversations as they were: it is made for its owner alone.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use outcrop_dialect::responses::Kept;
use redb::backends::FileBackend;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::admit::CallerId;

/// Id → (milliseconds since 1970 when it was kept, whose it is, input, response).
const ANSWERS: TableDefinition<'_, &str, (u64, &[u8], &str, &str)> =
    TableDefinition::new("answers_by_caller");
/// Changes that may wait to be written; with it, what a slow disk can take of memory has a bound.
const MOST_WAITING: usize = 1024;
/// Changes that are written at once.
const BATCH: usize = 256;

/// A file of kept answers that cannot be used.
#[derive(Debug)]
pub struct FileError(redb::Error);

/// The file, as the store sees it.
#[derive(Debug)]
pub(super) struct AnswerFile {
    /// `None` once closed.
    changes: Option<SyncSender<Change>>,
    writer: Option<JoinHandle<()>>,
}

/// An answer of an earlier process.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) id: String,
    /// How long it has been kept.
    pub(super) age: Duration,
    pub(super) caller: CallerId,
    pub(super) kept: Kept,
}

#[derive(Debug)]
enum Change {
    Put(String, CallerId, Arc<Kept>),
    Remove(String),
}

// === impl AnswerFile ===

impl AnswerFile {
    /// Opens the file, or makes it, and reads what is in it, oldest first.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Found>), FileError> {
        let db = create(path)?;
        let found = read(&db)?;
        let (changes, waiting) = sync_channel(MOST_WAITING);
        let writer = std::thread::Builder::new()
            .name("response-store".to_owned())
            .spawn(move || write_all(&db, &waiting))
            .map_err(redb::Error::Io)?;
        Ok((Self { changes: Some(changes), writer: Some(writer) }, found))
    }

    pub(super) fn put(&self, id: &str, caller: CallerId, kept: &Arc<Kept>) {
        self.send(Change::Put(id.to_owned(), caller, Arc::clone(kept)));
    }

    pub(super) fn remove(&self, id: &str) {
        self.send(Change::Remove(id.to_owned()));
    }

    fn send(&self, change: Change) {
        let Some(changes) = &self.changes else { return };
        match changes.try_send(change) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                tracing::warn!("the file of kept answers is too slow: a change is in memory only");
            }
            Err(TrySendError::Disconnected(_)) => {
                tracing::error!("the file of kept answers is closed: a change is in memory only");
            }
        }
    }
}

impl Drop for AnswerFile {
    fn drop(&mut self) {
        drop(self.changes.take());
        if self.writer.take().is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the file of kept answers was not written to its end");
        }
    }
}

/// Conversations are nobody else's to read.
fn create(path: &Path) -> Result<Database, FileError> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(redb::Error::Io)?;
    let backend = FileBackend::new(file)?;
    Ok(Database::builder().create_with_backend(backend)?)
}

fn read(db: &Database) -> Result<Vec<Found>, FileError> {
    let txn = db.begin_write()?;
    txn.open_table(ANSWERS)?;
    txn.commit()?;
    let now = now();
    let table = db.begin_read()?.open_table(ANSWERS)?;
    let mut found = Vec::new();
    for row in table.iter()? {
        let (id, value) = row?;
        let (at, caller, input, response) = value.value();
        let Some(caller) = CallerId::from_bytes(caller) else {
            tracing::warn!("a kept answer in the file does not say whose it is: it is left out");
            continue;
        };
        let kept = Kept { input: input.to_owned(), response: response.to_owned() };
        let age = Duration::from_millis(now.saturating_sub(at));
        found.push(Found { id: id.value().to_owned(), age, caller, kept });
    }
    found.sort_by_key(|found| std::cmp::Reverse(found.age));
    Ok(found)
}

/// Until no store is left that could change anything.
fn write_all(db: &Database, changes: &Receiver<Change>) {
    while let Ok(first) = changes.recv() {
        let batch: Vec<Change> =
            std::iter::once(first).chain(changes.try_iter().take(BATCH - 1)).collect();
        if let Err(FileError(error)) = write(db, &batch) {
            tracing::error!(%error, changes = batch.len(), "kept answers were not written to the file");
        }
    }
}

fn write(db: &Database, batch: &[Change]) -> Result<(), FileError> {
    let txn = db.begin_write()?;
    {
        let mut table = txn.open_table(ANSWERS)?;
        for change in batch {
            match change {
                Change::Put(id, caller, kept) => {
                    let (input, response) = (kept.input.as_str(), kept.response.as_str());
                    let value = (now(), caller.bytes(), input, response);
                    table.insert(id.as_str(), value)?;
                }
                Change::Remove(id) => {
                    table.remove(id.as_str())?;
                }
            }
        }
    }
    Ok(txn.commit()?)
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

// === impl FileError ===

impl<E: Into<redb::Error>> From<E> for FileError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            redb::Error::DatabaseAlreadyOpen => f.write_str("another process has it open"),
            error => error.fmt(f),
        }
    }
}

impl std::error::Error for FileError {}
