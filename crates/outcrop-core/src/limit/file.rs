//! The counters in a file, so that they outlive the process.
//!
//! 1. Memory is what requests are judged by; the file follows it.
//! 2. A request goes on once what it took is in the file ([`Journal::written`]): a process that is killed
//!    leaves each reservation there, counted as reserved. What it settles follows without anybody waiting.
//! 3. One thread writes, whole batches at a time; a batch is on disk or not at all. Each row is a
//!    counter's whole amount of a slot, so that a later one mends what an earlier one missed.
//! 4. A file that fails is told once, and limits then hold in memory. What was not written is written with
//!    the next change that can be.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use redb::backends::FileBackend;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use tokio::sync::oneshot;

use crate::store::FileError;

/// (Counter, slot) → (amount, when it ends in milliseconds since 1970, whether its soft threshold was told).
const COUNTERS: TableDefinition<'_, (&str, u64), (u128, u64, bool)> =
    TableDefinition::new("counters");
/// Changes that may wait to be written: with it, what a slow disk can take of memory has a bound.
const MOST_WAITING: usize = 4096;
/// Changes that are written at once.
const BATCH: usize = 1024;

/// What a counter holds of one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) counter: String,
    pub(super) slot: u64,
    pub(super) amount: u128,
    pub(super) ends: u64,
    pub(super) told: bool,
}

/// The file, as the book sees it.
#[derive(Debug)]
pub(super) struct Journal {
    /// `None` once closed.
    changes: Option<SyncSender<Change>>,
    writer: Option<JoinHandle<()>>,
}

/// The file, as its thread sees it.
struct File {
    path: PathBuf,
    /// `None` after an error.
    db: Option<Database>,
    /// By counter and slot.
    unwritten: HashMap<(String, u64), Row>,
}

#[derive(Debug)]
enum Change {
    /// Of one step: all of them, or none.
    Put(Vec<Row>),
    /// Rows that ended before this moment are of no use.
    Sweep(u64),
    /// Tells when all that came before is written.
    Tell(oneshot::Sender<()>),
}

// === impl Journal ===

impl Journal {
    /// Opens the file, or makes it, and reads what of it still counts at `now`, in milliseconds since 1970.
    pub(super) fn open(path: &Path, now: u64) -> Result<(Self, Vec<Row>), FileError> {
        let db = create(path)?;
        sweep(&db, now)?;
        let found = read(&db)?;
        let (changes, waiting) = sync_channel(MOST_WAITING);
        let file = File { path: path.to_owned(), db: Some(db), unwritten: HashMap::new() };
        let writer = std::thread::Builder::new()
            .name("limit-store".to_owned())
            .spawn(move || file.follow(&waiting))
            .map_err(redb::Error::Io)?;
        Ok((Self { changes: Some(changes), writer: Some(writer) }, found))
    }

    pub(super) fn put(&self, rows: Vec<Row>) {
        self.send(Change::Put(rows));
    }

    pub(super) fn sweep(&self, now: u64) {
        self.send(Change::Sweep(now));
    }

    /// Tells when all that was put so far is written; `None` where that will not be.
    pub(super) fn written(&self) -> Option<oneshot::Receiver<()>> {
        let (tell, told) = oneshot::channel();
        self.send(Change::Tell(tell)).then_some(told)
    }

    fn send(&self, change: Change) -> bool {
        let Some(changes) = &self.changes else { return false };
        match changes.try_send(change) {
            Ok(()) => return true,
            Err(TrySendError::Full(_)) => {
                tracing::warn!("the file of limits is too slow: a change is in memory only");
            }
            Err(TrySendError::Disconnected(_)) => {
                tracing::error!("the file of limits is closed: a change is in memory only");
            }
        }
        false
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        drop(self.changes.take());
        if self.writer.take().is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the file of limits was not written to its end");
        }
    }
}

/// What callers spent is nobody else's to read.
fn create(path: &Path) -> Result<Database, FileError> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(redb::Error::Io)?;
    let backend = FileBackend::new(file)?;
    Ok(Database::builder().create_with_backend(backend)?)
}

fn read(db: &Database) -> Result<Vec<Row>, FileError> {
    let table = db.begin_read()?.open_table(COUNTERS)?;
    let mut found = Vec::new();
    for row in table.iter()? {
        let (key, value) = row?;
        let ((counter, slot), (amount, ends, told)) = (key.value(), value.value());
        found.push(Row { counter: counter.to_owned(), slot, amount, ends, told });
    }
    Ok(found)
}

fn sweep(db: &Database, now: u64) -> Result<(), FileError> {
    let txn = db.begin_write()?;
    txn.open_table(COUNTERS)?.retain(|_, (_, ends, _)| ends > now)?;
    Ok(txn.commit()?)
}

// === impl File ===

impl File {
    /// Until no book is left that could change anything.
    fn follow(mut self, changes: &Receiver<Change>) {
        while let Ok(first) = changes.recv() {
            let (mut swept, mut telling) = (None, Vec::new());
            for change in std::iter::once(first).chain(changes.try_iter().take(BATCH - 1)) {
                match change {
                    Change::Put(rows) => {
                        let rows =
                            rows.into_iter().map(|row| ((row.counter.clone(), row.slot), row));
                        self.unwritten.extend(rows);
                    }
                    Change::Sweep(now) => swept = Some(now),
                    Change::Tell(tell) => telling.push(tell),
                }
            }
            let was_well = self.db.is_some();
            match self.write(swept) {
                Ok(()) if was_well => {}
                Ok(()) => tracing::info!("limits are written to the file again"),
                Err(error) => {
                    // After an error the file must be opened anew.
                    self.db = None;
                    if was_well {
                        tracing::error!(%error, "limits cannot be written to the file: they hold in memory");
                    }
                }
            }
            for tell in telling {
                // Who no longer waits does not mind.
                let _gone = tell.send(());
            }
        }
    }

    fn write(&mut self, swept: Option<u64>) -> Result<(), FileError> {
        let db = match &mut self.db {
            Some(db) => db,
            none => none.insert(create(&self.path)?),
        };
        let txn = db.begin_write()?;
        {
            let mut table = txn.open_table(COUNTERS)?;
            for Row { counter, slot, amount, ends, told } in self.unwritten.values() {
                table.insert((counter.as_str(), *slot), (*amount, *ends, *told))?;
            }
            if let Some(now) = swept {
                table.retain(|_, (_, ends, _)| ends > now)?;
            }
        }
        txn.commit()?;
        self.unwritten.clear();
        Ok(())
    }
}
