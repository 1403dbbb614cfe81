//! Answers of the Responses API that were kept, to be read and gone on from.
//!
//! 1. In memory: other gateways do not know them, and they end with the process unless there is a
//!    file ([`ResponseStore::open`]).
//! 2. Never more than [`StoreLimits::max_bytes`] in all; the oldest go first. An answer that is larger
//!    by itself is not kept.
//! 3. None is handed out after [`StoreLimits::max_age`].
//! 4. An answer is its caller's alone: to anybody else its id is one of those that are not there.

mod file;

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use outcrop_dialect::responses::{Kept, Recalled, Settings};
use outcrop_model::json::{Members, Str};
use tokio::time::Instant;

pub use self::file::FileError;
use self::file::{AnswerFile, Farewell};
pub(crate) use self::file::{guarded, open_private};
use crate::admit::CallerId;

/// Enough for thousands of conversations of text; little beside what requests in flight may take.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// A working day and a night: conversations go on after lunch, rarely after a week.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// How much is kept, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreLimits {
    /// Bytes of all kept answers together; 0 keeps none.
    pub max_bytes: usize,
    pub max_age: Duration,
}

/// The kept answers.
#[derive(Debug)]
pub struct ResponseStore {
    limits: StoreLimits,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    answers: HashMap<String, Entry>,
    /// Oldest first. May name answers that were deleted, but not more of them than there are others.
    order: VecDeque<(Instant, String)>,
    bytes: usize,
    file: Option<AnswerFile>,
}

#[derive(Debug, Clone)]
struct Entry {
    caller: CallerId,
    kept: Arc<Kept>,
}

/// What is to be kept once an answer is complete.
#[derive(Debug)]
pub struct Keeper {
    store: Arc<ResponseStore>,
    settings: Arc<Settings>,
    caller: CallerId,
}

// === impl StoreLimits ===

impl Default for StoreLimits {
    fn default() -> Self {
        Self { max_bytes: MAX_BYTES, max_age: MAX_AGE }
    }
}

// === impl ResponseStore ===

impl ResponseStore {
    pub fn new(limits: StoreLimits) -> Self {
        Self { limits, inner: Mutex::default() }
    }

    /// A store whose answers are also in a file, with those that are in it already.
    ///
    /// # Errors
    /// When the file cannot be used: it is no such file, damaged, or another process has it open.
    pub fn open(limits: StoreLimits, path: &Path) -> Result<Self, FileError> {
        let store = Self::new(limits);
        let (file, found) = AnswerFile::open(path)?;
        let now = Instant::now();
        {
            let mut inner = store.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.file = Some(file);
            for found in found {
                // What is older than the clock can tell is too old for any limit.
                match now.checked_sub(found.age).filter(|_| found.age <= limits.max_age) {
                    Some(at) => {
                        let (caller, kept) = (found.caller, Arc::new(found.kept));
                        inner.add(at, found.id, Entry { caller, kept });
                    }
                    None => inner.remove_from_file(&found.id, Farewell::Outlived),
                }
            }
            inner.shrink_to(limits.max_bytes);
        }
        Ok(store)
    }

    pub fn put(&self, caller: CallerId, id: String, kept: Kept) {
        let now = Instant::now();
        if kept.size() > self.limits.max_bytes {
            tracing::warn!(id, bytes = kept.size(), "an answer is too large to be kept");
            return;
        }
        let kept = Arc::new(kept);
        let mut inner = self.lock(now);
        if let Some(file) = &inner.file {
            file.put(&id, caller, &kept);
        }
        inner.add(now, id, Entry { caller, kept });
        inner.shrink_to(self.limits.max_bytes);
    }

    pub fn get(&self, caller: CallerId, id: &str) -> Option<Arc<Kept>> {
        self.lock(Instant::now()).of(caller, id).cloned()
    }

    /// Forgets an answer; says whether it was there.
    pub fn delete(&self, caller: CallerId, id: &str) -> bool {
        let mut inner = self.lock(Instant::now());
        let is_there = inner.of(caller, id).is_some() && inner.forget(id, Farewell::Deleted);
        inner.tidy();
        is_there
    }

    /// Those of the caller's answers that are still there.
    pub fn recall(&self, caller: CallerId, ids: Vec<String>) -> Recalled {
        let found = |id: String| match self.get(caller, &id) {
            Some(kept) => Some((id, kept)),
            None => self.holding(caller, &id),
        };
        Recalled(ids.into_iter().filter_map(found).collect())
    }

    /// The newest answer that has an item of this id, which its own id does not tell. The answers are
    /// few enough to be searched.
    fn holding(&self, caller: CallerId, item: &str) -> Option<(String, Arc<Kept>)> {
        if item.starts_with("resp_") {
            return None;
        }
        let inner = self.lock(Instant::now());
        let ids = inner.order.iter().rev().map(|(_, id)| id);
        let mut answers = ids.filter_map(|id| Some((id, inner.of(caller, id)?)));
        let (id, kept) = answers.find(|(_, kept)| kept.holds(item))?;
        Some((id.clone(), Arc::clone(kept)))
    }

    /// The store without what is too old. A panic elsewhere cannot leave it half changed.
    fn lock(&self, now: Instant) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let too_old = |at: Instant| now.duration_since(at) > self.limits.max_age;
        while inner.order.front().is_some_and(|(at, _)| too_old(*at)) && inner.drop_oldest() {}
        inner
    }
}

// === impl Inner ===

impl Inner {
    fn add(&mut self, at: Instant, id: String, entry: Entry) {
        self.bytes += entry.kept.size();
        self.order.push_back((at, id.clone()));
        self.answers.insert(id, entry);
    }

    fn of(&self, caller: CallerId, id: &str) -> Option<&Arc<Kept>> {
        self.answers.get(id).filter(|entry| entry.caller == caller).map(|entry| &entry.kept)
    }

    fn shrink_to(&mut self, bytes: usize) {
        while self.bytes > bytes && self.drop_oldest() {}
    }

    fn drop_oldest(&mut self) -> bool {
        let Some((_, id)) = self.order.pop_front() else { return false };
        self.forget(&id, Farewell::Outlived);
        true
    }

    fn forget(&mut self, id: &str, why: Farewell) -> bool {
        let found = self.answers.remove(id);
        self.bytes -= found.as_ref().map_or(0, |entry| entry.kept.size());
        if found.is_some() {
            self.remove_from_file(id, why);
        }
        found.is_some()
    }

    /// Forgets the order of answers that were deleted, once they are the most.
    fn tidy(&mut self) {
        if self.order.len() > self.answers.len() * 2 {
            self.order.retain(|(_, id)| self.answers.contains_key(id));
        }
    }

    fn remove_from_file(&self, id: &str, why: Farewell) {
        if let Some(file) = &self.file {
            file.remove(id, why);
        }
    }
}

// === impl Keeper ===

impl Keeper {
    /// `None` if the caller does not want the answer kept.
    pub fn new(
        store: &Arc<ResponseStore>,
        settings: &Arc<Settings>,
        caller: CallerId,
    ) -> Option<Self> {
        settings.conversation()?;
        Some(Self { store: Arc::clone(store), settings: Arc::clone(settings), caller })
    }

    /// Keeps the complete answer, under its own id.
    pub fn keep(self, response: &[u8]) {
        let Some(input) = self.settings.conversation() else { return };
        let members: Members<'_> = serde_json::from_slice(response).unwrap_or_default();
        let id = members.get("id").and_then(|raw| serde_json::from_str(raw.get()).ok());
        let Some(Str(id)) = id else {
            tracing::warn!("an answer has no id; it is not kept");
            return;
        };
        let response = String::from_utf8_lossy(response).into_owned();
        self.store.put(self.caller, id.into_owned(), Kept { input: input.to_owned(), response });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admit::Grant;
    use outcrop_model::Caller;

    fn anyone() -> CallerId {
        CallerId::default()
    }

    fn kept(size: usize) -> Kept {
        Kept { input: String::new(), response: "x".repeat(size) }
    }

    #[tokio::test(start_paused = true)]
    async fn rule_2_the_oldest_go_first() {
        let limits = StoreLimits { max_bytes: 10, ..StoreLimits::default() };
        let store = ResponseStore::new(limits);
        store.put(anyone(), "a".into(), kept(4));
        store.put(anyone(), "b".into(), kept(4));
        store.put(anyone(), "c".into(), kept(4));
        assert!(
            store.get(anyone(), "a").is_none()
                && store.get(anyone(), "b").is_some()
                && store.get(anyone(), "c").is_some()
        );
        assert!(store.delete(anyone(), "b") && !store.delete(anyone(), "b"));
        store.put(anyone(), "d".into(), kept(6));
        assert!(store.get(anyone(), "c").is_some() && store.get(anyone(), "d").is_some());
        store.put(anyone(), "e".into(), kept(11));
        assert!(store.get(anyone(), "e").is_none() && store.get(anyone(), "d").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn rule_3_nothing_is_handed_out_when_too_old() {
        let store = ResponseStore::new(StoreLimits::default());
        store.put(anyone(), "a".into(), kept(1));
        tokio::time::advance(MAX_AGE).await;
        assert!(store.get(anyone(), "a").is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(store.get(anyone(), "a").is_none());
    }

    #[test]
    fn deleted_answers_leave_nothing_behind() {
        let store = ResponseStore::new(StoreLimits::default());
        store.put(anyone(), "stays".into(), kept(1));
        for _ in 0..100 {
            store.put(anyone(), "goes".into(), kept(1));
            assert!(store.delete(anyone(), "goes"));
        }
        assert!(store.inner.lock().unwrap().order.len() <= 2);
    }

    fn callers() -> [CallerId; 2] {
        ["one", "other"].map(|name| {
            Grant::new(Caller::named(name), outcrop_config::Scopes::default()).caller_id()
        })
    }

    #[test]
    fn rule_4_an_answer_is_its_callers_alone() {
        let store = ResponseStore::new(StoreLimits::default());
        let [one, other] = callers();
        let response = r#"{"output":[{"id":"item"}]}"#.to_owned();
        store.put(one, "resp_1".into(), Kept { input: String::new(), response });
        let ids = || ["resp_1", "item"].map(str::to_owned).to_vec();
        for stranger in [other, CallerId::default()] {
            assert!(store.get(stranger, "resp_1").is_none() && !store.delete(stranger, "resp_1"));
            assert!(store.recall(stranger, ids()).0.is_empty());
        }
        assert_eq!(store.recall(one, ids()).0.len(), 2);
        assert!(store.delete(one, "resp_1"));
    }

    #[tokio::test]
    async fn answers_in_a_file_outlive_the_store_within_its_limits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers");
        let open = |limits| ResponseStore::open(limits, &path).unwrap();
        let store = open(StoreLimits::default());
        for id in ["a", "b", "c"] {
            store.put(
                anyone(),
                id.into(),
                Kept { input: format!("[{id}]"), response: "x".repeat(4) },
            );
        }
        let [one, other] = callers();
        store.put(one, "1".into(), kept(1));
        assert!(store.delete(anyone(), "b"));
        assert!(ResponseStore::open(StoreLimits::default(), &path).is_err(), "it is open already");
        drop(store);
        let store = open(StoreLimits::default());
        assert_eq!(store.get(anyone(), "a").unwrap().input, "[a]");
        assert!(store.get(one, "1").is_some() && store.get(other, "1").is_none());
        assert!(store.get(anyone(), "b").is_none() && store.get(anyone(), "c").is_some());
        drop(store);
        let store = open(StoreLimits { max_bytes: 7, ..StoreLimits::default() });
        assert!(
            store.get(anyone(), "a").is_none() && store.get(anyone(), "c").is_some(),
            "the oldest goes"
        );
        drop(store);
        let store = open(StoreLimits { max_age: Duration::ZERO, ..StoreLimits::default() });
        assert!(store.get(anyone(), "c").is_none());
        drop(store);
        assert!(
            open(StoreLimits::default()).get(anyone(), "c").is_none(),
            "gone from the file too"
        );
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(
                &std::fs::metadata(&path).unwrap().permissions(),
            );
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers");
        std::fs::write(&path, "not a database ".repeat(1000)).unwrap();
        assert!(ResponseStore::open(StoreLimits::default(), &path).is_err());
    }
}
