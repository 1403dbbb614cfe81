//! The counters in a file, so that they outlive the process.
//!
//! 1. Memory is what requests are judged by; the file follows it.
//! 2. A request goes on once what it took is in the file ([`Journal::written`]): a process that is killed
//!    leaves each reservation there, counted as reserved. What it settles follows without anybody waiting.
//! 3. One thread writes, whole batches at a time; a batch is on disk or not at all. Each row is a
//!    counter's whole amount of a slot, so that a later one mends what an earlier one missed.
//! 4. A file that fails is told once, and limits then hold in memory. What was not written is written with
//!    the next change that can be, if it still counts then; of more than [`MOST_UNWRITTEN`] rows the
//!    rest is written when it changes again, which is told.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use tokio::sync::oneshot;

use super::counters::Timepiece;
use crate::store::{FileError, guarded, open_private};

/// Counter and slot.
type Key<'k> = (&'k str, u64);

/// Of each the amount, when it is of no more use in milliseconds since 1970, and whether its soft threshold was told.
const COUNTERS: TableDefinition<'_, Key<'_>, (u128, u64, bool)> = TableDefinition::new("counters");
/// Those of which it was told that a budget is spent, and when that is of no more use.
const SPENT: TableDefinition<'_, Key<'_>, u64> = TableDefinition::new("spent");
/// Changes that may wait to be written: with it, what a slow disk can take of memory has a bound.
const MOST_WAITING: usize = 4096;
/// Changes that are written at once.
const BATCH: usize = 1024;

/// Rows that may wait for a file that cannot be written: a few ten megabytes.
const MOST_UNWRITTEN: usize = 131_072;

/// What a counter holds of one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) counter: String,
    pub(super) slot: u64,
    pub(super) amount: u128,
    pub(super) ends: u64,
    pub(super) soft_told: bool,
    pub(super) spent_told: bool,
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
    /// `None` after an error: it is opened anew.
    db: Option<Database>,
    unwritten: Unwritten,
    clock: Timepiece,
}

/// What the file does not hold yet.
#[derive(Debug, Default)]
struct Unwritten {
    /// By counter and slot.
    rows: HashMap<(String, u64), Row>,
    /// It was told that there are too many.
    is_full_told: bool,
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
    /// Opens the file, or makes it, and reads what of it still counts.
    pub(super) fn open(path: &Path, clock: Timepiece) -> Result<(Self, Vec<Row>), FileError> {
        let (db, found) = guarded(|| {
            let db = open_private(path)?;
            sweep(&db, clock.millis())?;
            let found = read(&db)?;
            Ok((db, found))
        })?;
        let (changes, waiting) = sync_channel(MOST_WAITING);
        let unwritten = Unwritten::default();
        let file = File { path: path.to_owned(), db: Some(db), unwritten, clock };
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

fn read(db: &Database) -> Result<Vec<Row>, FileError> {
    let txn = db.begin_read()?;
    let spent = txn.open_table(SPENT)?;
    let mut found = Vec::new();
    for row in txn.open_table(COUNTERS)?.iter()? {
        let (key, value) = row?;
        let ((counter, slot), (amount, ends, soft_told)) = (key.value(), value.value());
        let (spent_told, counter) = (spent.get((counter, slot))?.is_some(), counter.to_owned());
        found.push(Row { counter, slot, amount, ends, soft_told, spent_told });
    }
    Ok(found)
}

fn sweep(db: &Database, now: u64) -> Result<(), FileError> {
    let txn = db.begin_write()?;
    forget(&txn, now)?;
    Ok(txn.commit()?)
}

/// What ended before `now` goes.
fn forget(txn: &WriteTransaction, now: u64) -> Result<(), FileError> {
    txn.open_table(COUNTERS)?.retain(|_, (_, ends, _)| ends > now)?;
    Ok(txn.open_table(SPENT)?.retain(|_, ends| ends > now)?)
}

// === impl Unwritten ===

impl Unwritten {
    fn add(&mut self, rows: Vec<Row>) {
        for row in rows {
            let key = (row.counter.clone(), row.slot);
            if self.rows.len() < MOST_UNWRITTEN || self.rows.contains_key(&key) {
                self.rows.insert(key, row);
            } else if !std::mem::replace(&mut self.is_full_told, true) {
                tracing::error!(
                    counters = MOST_UNWRITTEN,
                    "too many limits wait for the file: what else is counted is in memory only"
                );
            }
        }
    }

    /// What ended before `now` is of no use to anybody.
    fn forget(&mut self, now: u64) {
        self.rows.retain(|_, row| row.ends > now);
    }
}

// === impl File ===

impl File {
    /// Until no book is left that could change anything.
    fn follow(mut self, changes: &Receiver<Change>) {
        while let Ok(first) = changes.recv() {
            self.work_off(std::iter::once(first).chain(changes.try_iter().take(BATCH - 1)));
        }
    }

    fn work_off(&mut self, changes: impl Iterator<Item = Change>) {
        let (mut swept, mut telling) = (None, Vec::new());
        for change in changes {
            match change {
                Change::Put(rows) => self.unwritten.add(rows),
                Change::Sweep(now) => swept = Some(now),
                Change::Tell(tell) => telling.push(tell),
            }
        }
        let was_well = self.db.is_some();
        match self.write(swept) {
            Ok(()) if was_well => {}
            Ok(()) => tracing::info!("limits are written to the file again"),
            Err(error) => {
                self.unwritten.forget(self.clock.millis());
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

    fn write(&mut self, swept: Option<u64>) -> Result<(), FileError> {
        let (db, path, rows) = (self.db.take(), &self.path, &self.unwritten.rows);
        self.db = Some(guarded(|| {
            let db = db.map_or_else(|| open_private(path), Ok)?;
            put(&db, rows.values(), swept)?;
            Ok(db)
        })?);
        self.unwritten = Unwritten::default();
        Ok(())
    }
}

fn put<'r>(
    db: &Database,
    rows: impl Iterator<Item = &'r Row>,
    swept: Option<u64>,
) -> Result<(), FileError> {
    let txn = db.begin_write()?;
    {
        let (mut counters, mut spent) = (txn.open_table(COUNTERS)?, txn.open_table(SPENT)?);
        for row in rows {
            let Row { counter, slot, amount, ends, soft_told, spent_told } = row;
            let key = (counter.as_str(), *slot);
            counters.insert(key, (*amount, *ends, *soft_told))?;
            if *spent_told {
                spent.insert(key, *ends)?;
            }
        }
    }
    if let Some(now) = swept {
        forget(&txn, now)?;
    }
    Ok(txn.commit()?)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn row(counter: usize, ends: u64) -> Row {
        let (soft_told, spent_told) = (false, false);
        Row { counter: counter.to_string(), slot: 0, amount: 1, ends, soft_told, spent_told }
    }

    #[test]
    fn rule_4_what_waits_has_a_bound_and_goes_when_it_ends() {
        // A folder is no file: nothing can be written.
        let folder = tempfile::tempdir().unwrap();
        let clock = Timepiece::new(|| UNIX_EPOCH + Duration::from_millis(20));
        let (path, unwritten) = (folder.path().to_owned(), Unwritten::default());
        let mut file = File { path, db: None, unwritten, clock };
        let put = |rows: Vec<Row>| std::iter::once(Change::Put(rows));
        file.work_off(put((0..MOST_UNWRITTEN + 2).map(|i| row(i, 21)).collect()));
        assert_eq!(file.unwritten.rows.len(), MOST_UNWRITTEN);
        file.work_off(put((1..MOST_UNWRITTEN + 2).map(|i| row(i, 20)).collect()));
        assert_eq!(file.unwritten.rows.into_values().collect::<Vec<_>>(), [row(0, 21)]);
    }
}
