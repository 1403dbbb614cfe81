//! Keys of a file that is watched.
//!
//! 1. What was read last and could be used is what counts: a file that vanishes, is emptied or damaged, or
//!    cannot be read takes no key away. The log says so, once for each state of the file.
//! 2. A change counts once two looks in a row have seen it, so that nobody reads what is half written: within
//!    a second, two times [`EVERY`].

use std::fs::Metadata;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{Duration, SystemTime};

use outcrop_config::Secret;

use super::file::{KeyFile, KeyFileError, Record};
use super::keys::KeyTable;

/// How often the file is looked at. A look costs one call of the system.
const EVERY: Duration = Duration::from_millis(500);
/// A file that was written less than this before it was read may have changed again within the same
/// tick of the file system's clock, so it is read once more.
const SETTLED: Duration = Duration::from_secs(2);

/// The keys of a file, as last read.
#[derive(Debug)]
pub struct StoredKeys {
    file: KeyFile,
    now: RwLock<Now>,
}

#[derive(Debug)]
struct Now {
    table: Arc<KeyTable>,
    records: Vec<Record>,
    /// Of the file that was read last, whether it could be used or not.
    stamp: Option<Stamp>,
    /// Of the file as the last look saw it.
    seen: Option<Stamp>,
    trouble: Option<KeyFileError>,
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

/// What a look at the file brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    Same,
    /// The number of keys that count now.
    Changed(usize),
    /// The keys of before count on.
    Trouble(KeyFileError),
}

// === impl StoredKeys ===

impl StoredKeys {
    /// # Errors
    /// When the file is not there or cannot be used.
    pub fn open(file: KeyFile) -> Result<Self, KeyFileError> {
        let seen = stamp(&file);
        let records = file.read()?;
        let table = Arc::new(table(&file, &records)?);
        let now = RwLock::new(Now { table, records, stamp: settled(seen), seen, trouble: None });
        Ok(Self { file, now })
    }

    pub fn file(&self) -> &KeyFile {
        &self.file
    }

    /// The keys that count now.
    pub fn table(&self) -> Arc<KeyTable> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner).table)
    }

    /// Looks whether the file has changed since the look before the last, and takes what is new in it.
    pub fn look(&self) -> Look {
        let stamp = stamp(&self.file);
        let before = {
            let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
            let is_at_rest = std::mem::replace(&mut now.seen, stamp) == stamp;
            if !is_at_rest || (stamp.is_some() && stamp == now.stamp) {
                return Look::Same;
            }
            now.records.clone()
        };
        let read = self.file.read().and_then(|records| match records == before {
            true => Ok(None),
            false => table(&self.file, &records).map(|table| Some((records, table))),
        });
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        now.stamp = settled(stamp);
        match read {
            Ok(None) => {
                let recovered = now.trouble.take().is_some();
                if recovered { Look::Changed(now.table.len()) } else { Look::Same }
            }
            Ok(Some((records, table))) => {
                (now.records, now.table, now.trouble) = (records, Arc::new(table), None);
                Look::Changed(now.table.len())
            }
            Err(trouble) if now.trouble.as_ref() == Some(&trouble) => Look::Same,
            Err(trouble) => {
                now.trouble = Some(trouble.clone());
                Look::Trouble(trouble)
            }
        }
    }

    /// Looks again and again, as long as anyone holds the keys.
    pub async fn watch(keys: Weak<Self>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(keys) = keys.upgrade() else { return };
            let looked = tokio::task::spawn_blocking(move || keys.look()).await;
            match looked {
                Ok(Look::Same) => {}
                Ok(Look::Changed(keys)) => tracing::info!(keys, "the file of keys has changed"),
                Ok(Look::Trouble(error)) => {
                    tracing::error!(%error, "the file of keys cannot be used; the keys read before count on");
                }
                // The runtime is ending.
                Err(_) => return,
            }
        }
    }
}

fn table(file: &KeyFile, records: &[Record]) -> Result<KeyTable, KeyFileError> {
    let keys = file.keys(records)?;
    let (table, unusable) = KeyTable::of(&keys, &|secret| match secret {
        Secret::Inline(text) => Ok(text.reveal().to_owned()),
        Secret::Env(_) | Secret::File(_) => Err("the file of keys holds no references".to_owned()),
    });
    for one in unusable {
        tracing::warn!("{one}");
    }
    Ok(table)
}

/// `None` when there is no file to be seen.
fn stamp(file: &KeyFile) -> Option<Stamp> {
    let data = std::fs::metadata(file.path()).ok()?;
    Some(Stamp { modified: data.modified().ok(), length: data.len(), inode: inode(&data) })
}

#[cfg(unix)]
fn inode(data: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(data)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

fn settled(stamp: Option<Stamp>) -> Option<Stamp> {
    let modified = stamp?.modified?;
    let age = SystemTime::now().duration_since(modified).ok()?;
    stamp.filter(|_| age >= SETTLED)
}
