//! The kept answers in a file, so that they outlive the process.
//!
//! 1. Memory is what requests read; the file follows it. A write never makes a request wait.
//! 2. One thread writes, all that has gathered at a time. What waits has a bound: answers leave it when
//!    they leave the store, and of removals no more than [`MOST_REMOVALS`] wait.
//! 3. What cannot be written is told once and tried again, with the file opened anew, until it can be.
//!    Removals go first: an answer that finds no room keeps no deleted one in the file.
//! 4. Dropped, the file is written to its end first.
//! 5. A file that a killed process, or a full disk, left before anything was in it is begun anew; one that is
//!    damaged, of something else or of another version is left as it is, and refused in words.
//!
//! The file holds conversations as they were: it is made for its owner alone.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use outcrop_dialect::responses::Kept;
use redb::backends::FileBackend;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::admit::CallerId;

/// Id → (milliseconds since 1970 when it was kept, whose it is, input, response).
const ANSWERS: TableDefinition<'_, &str, (u64, &[u8], &str, &str)> =
    TableDefinition::new("answers_by_caller");
/// Removals that may wait for a file that cannot be written: a few megabytes.
const MOST_REMOVALS: usize = 65_536;
/// When a file that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// A file of kept answers that cannot be used.
#[derive(Debug)]
pub struct FileError(redb::Error);

/// The file, as the store sees it.
#[derive(Debug)]
pub(super) struct AnswerFile {
    desk: Arc<Desk>,
    writer: Option<JoinHandle<()>>,
}

/// Why an answer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Farewell {
    /// Its caller deleted it: it must not be there after a restart.
    Deleted,
    /// For its age, or for the room that it takes: a restart would find the same of it.
    Outlived,
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

/// What the store and the thread share.
#[derive(Debug, Default)]
struct Desk {
    waiting: Mutex<Waiting>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    changes: Changes,
    is_closed: bool,
    /// It was told that no more removals may wait.
    is_full_told: bool,
}

/// What is to be written. An id is in one of both.
#[derive(Debug, Default)]
struct Changes {
    puts: HashMap<String, Put>,
    removals: HashSet<String>,
}

#[derive(Debug)]
struct Put {
    at: u64,
    caller: CallerId,
    kept: Arc<Kept>,
}

/// The file, as its thread sees it.
struct File {
    path: PathBuf,
    /// `None` after an error: it must be opened anew.
    db: Option<Database>,
}

// === impl AnswerFile ===

impl AnswerFile {
    /// Opens the file, or makes it, and reads what is in it, oldest first.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Found>), FileError> {
        let (db, found) = guarded(|| {
            let db = open_private(path)?;
            let found = read(&db)?;
            Ok((db, found))
        })?;
        let desk = Arc::<Desk>::default();
        let (file, theirs) = (File { path: path.to_owned(), db: Some(db) }, Arc::clone(&desk));
        let writer = std::thread::Builder::new()
            .name("response-store".to_owned())
            .spawn(move || file.follow(&theirs))
            .map_err(redb::Error::Io)?;
        Ok((Self { desk, writer: Some(writer) }, found))
    }

    pub(super) fn put(&self, id: &str, caller: CallerId, kept: &Arc<Kept>) {
        let put = Put { at: now(), caller, kept: Arc::clone(kept) };
        let mut waiting = self.desk.lock();
        waiting.changes.removals.remove(id);
        waiting.changes.puts.insert(id.to_owned(), put);
        self.desk.news.notify_one();
    }

    pub(super) fn remove(&self, id: &str, why: Farewell) {
        let mut waiting = self.desk.lock();
        let is_unwritten = waiting.changes.puts.remove(id).is_some();
        if is_unwritten && why == Farewell::Outlived {
            return;
        }
        if waiting.changes.removals.len() < MOST_REMOVALS {
            waiting.changes.removals.insert(id.to_owned());
        } else if !std::mem::replace(&mut waiting.is_full_told, true) {
            tracing::error!(
                "the file of kept answers has not been written for long: answers that are deleted from now on may be there again after a restart"
            );
        }
        self.desk.news.notify_one();
    }
}

impl Drop for AnswerFile {
    fn drop(&mut self) {
        self.desk.lock().is_closed = true;
        self.desk.news.notify_one();
        if self.writer.take().is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the file of kept answers was not written to its end");
        }
    }
}

// === impl Desk ===

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has gathered, once there is something, and whether nothing more will come.
    fn take(&self) -> (Changes, bool) {
        let is_idle = |waiting: &mut Waiting| waiting.changes.is_empty() && !waiting.is_closed;
        let mut waiting =
            self.news.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut waiting.changes), waiting.is_closed)
    }

    /// Waits a moment before these are tried again, with what comes meanwhile.
    fn put_back(&self, changes: Changes) {
        let mut waiting = self.lock();
        waiting.changes.add_earlier(changes);
        let until_closed = |waiting: &mut Waiting| !waiting.is_closed;
        drop(self.news.wait_timeout_while(waiting, AGAIN, until_closed));
    }
}

// === impl Changes ===

impl Changes {
    fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.removals.is_empty()
    }

    /// What came later counts.
    fn add_earlier(&mut self, Self { puts, removals }: Self) {
        for (id, put) in puts {
            if !self.removals.contains(&id) {
                self.puts.entry(id).or_insert(put);
            }
        }
        self.removals.extend(removals.into_iter().filter(|id| !self.puts.contains_key(id)));
    }
}

// === impl File ===

impl File {
    /// Until no store is left that could change anything.
    fn follow(mut self, desk: &Desk) {
        let mut is_well = true;
        loop {
            let (mut changes, is_last) = desk.take();
            match self.write(&mut changes) {
                Ok(()) if is_well || is_last => {}
                Ok(()) => {
                    is_well = true;
                    tracing::info!("kept answers are written to the file again");
                }
                Err(error) => {
                    let (answers, removals) = (changes.puts.len(), changes.removals.len());
                    if is_last {
                        tracing::error!(%error, answers, removals, "kept answers were not written to the file");
                    } else if std::mem::replace(&mut is_well, false) {
                        tracing::error!(%error, "kept answers cannot be written to the file: they are in memory, and it is tried again");
                    }
                    if !is_last {
                        desk.put_back(changes);
                    }
                }
            }
            if is_last {
                return;
            }
        }
    }

    /// Leaves in `changes` what is not written.
    fn write(&mut self, changes: &mut Changes) -> Result<(), FileError> {
        if changes.is_empty() {
            return Ok(());
        }
        let (db, path) = (self.db.take(), &self.path);
        self.db = Some(guarded(|| {
            let db = db.map_or_else(|| open_private(path), Ok)?;
            put(&db, changes)?;
            Ok(db)
        })?);
        Ok(())
    }
}

/// Leaves in `changes` what is not written.
fn put(db: &Database, changes: &mut Changes) -> Result<(), FileError> {
    if !changes.removals.is_empty() {
        let txn = db.begin_write()?;
        {
            let mut table = txn.open_table(ANSWERS)?;
            for id in &changes.removals {
                table.remove(id.as_str())?;
            }
        }
        txn.commit()?;
        changes.removals.clear();
    }
    if !changes.puts.is_empty() {
        let txn = db.begin_write()?;
        {
            let mut table = txn.open_table(ANSWERS)?;
            for (id, Put { at, caller, kept }) in &changes.puts {
                let (input, response) = (kept.input.as_str(), kept.response.as_str());
                table.insert(id.as_str(), (*at, caller.bytes(), input, response))?;
            }
        }
        txn.commit()?;
        changes.puts.clear();
    }
    Ok(())
}

/// Opens a file of data, or makes it: what callers said and spent is nobody else's to read.
pub(crate) fn open_private(path: &Path) -> Result<Database, FileError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(redb::Error::Io)?;
    empty_unfinished(&file).map_err(redb::Error::Io)?;
    let backend = FileBackend::new(file)?;
    Ok(Database::builder().create_with_backend(backend)?)
}

/// Empties a file in whose making a process was killed, or found the disk full: its first word, which is
/// written last, is not there, and nothing after the head.
fn empty_unfinished(file: &std::fs::File) -> io::Result<()> {
    const WORD: usize = 9;
    const HEAD: usize = 320;
    const MOST: u64 = 1024 * 1024;
    // Who has it open may be making it.
    if !(1..=MOST).contains(&file.metadata()?.len()) || file.try_lock().is_err() {
        return Ok(());
    }
    let (mut bytes, mut reader) = (Vec::new(), file);
    reader.read_to_end(&mut bytes)?;
    let is_nothing = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    if is_nothing(&bytes[..bytes.len().min(WORD)]) && is_nothing(bytes.get(HEAD..).unwrap_or(&[])) {
        file.set_len(0)?;
    }
    file.unlock()
}

/// Where a part of a file makes no sense, the library that reads it may panic: that is an error like others.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, FileError>) -> Result<T, FileError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(redb::Error::Corrupted("a part makes no sense".to_owned()).into()))
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
        const ANEW: &str = "move it away for a new one, which begins without what this one holds";
        use redb::Error as E;
        let io = if let E::Io(error) = &self.0 { Some(error.kind()) } else { None };
        match (&self.0, io) {
            (E::DatabaseAlreadyOpen | E::LockProtocolMismatch, _) => {
                f.write_str("another process has it open")
            }
            (error @ (E::UpgradeRequired(_) | E::TableTypeMismatch { .. }), _) => {
                write!(f, "it is of another version ({error}): {ANEW}")
            }
            (error @ E::Corrupted(_), _) | (error, Some(ErrorKind::UnexpectedEof)) => {
                write!(f, "it is damaged ({error}): {ANEW}")
            }
            (error, Some(ErrorKind::InvalidData)) => {
                write!(f, "it is a file of something else ({error}): name another, or {ANEW}")
            }
            (_, Some(ErrorKind::NotFound)) => {
                f.write_str("there is no such folder: make it, or name another")
            }
            (error, Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)) => {
                write!(f, "the gateway may not write there ({error}): let it, or name another")
            }
            (error, _) => error.fmt(f),
        }
    }
}

impl std::error::Error for FileError {}
