//! `--trace FILE`: what was asked and what came, a line of JSON each, added to the file.
//!
//! It is for its owner's eyes: it holds prompts and answers. Headers of requests, and with them keys, are not
//! in it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::exit::{Exit, Failure};
use crate::history::keep_private;

/// A file that requests and answers are written to.
pub struct Trace {
    file: Mutex<File>,
    began: Instant,
    asked: AtomicU64,
    /// Whether it was told that the file cannot be written.
    told: AtomicBool,
}

/// One request of it, whose answer is still to come.
pub struct Traced {
    trace: Arc<Trace>,
    id: u64,
}

// === impl Trace ===

impl Trace {
    /// # Errors
    /// [`Exit::OutputWrite`] where the file cannot be opened.
    pub fn open(path: &Path) -> anyhow::Result<Arc<Self>> {
        let failed = |why: &dyn std::fmt::Display| {
            let what = format!("--trace {}: it cannot be written: {why}.", path.display());
            Failure::new(Exit::OutputWrite, what)
        };
        // What is no plain file, such as /dev/stderr, is nobody's to keep.
        if path.metadata().map_or(true, |about| about.is_file()) {
            keep_private(path).map_err(|error| failed(&format!("{error:#}")))?;
        }
        let file = File::options().create(true).append(true).open(path);
        Ok(Arc::new(Self {
            file: Mutex::new(file.map_err(|error| failed(&error))?),
            began: Instant::now(),
            asked: AtomicU64::new(0),
            told: AtomicBool::new(false),
        }))
    }

    /// A request is about to be sent.
    pub fn request(self: &Arc<Self>, method: &Method, path: &str, body: &[u8]) -> Traced {
        let id = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let traced = Traced { trace: Arc::clone(self), id };
        let body: Value = match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(_not_json) if body.is_empty() => Value::Null,
            Err(_not_json) => String::from_utf8_lossy(body).into(),
        };
        traced.write("request", json!({ "method": method.as_str(), "path": path, "body": body }));
        traced
    }
}

// === impl Traced ===

impl Traced {
    /// The answer's head came.
    pub fn head(&self, status: StatusCode, headers: &HeaderMap) {
        let text =
            |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers: Map<String, Value> =
            headers.iter().map(|(name, value)| (name.to_string(), text(value).into())).collect();
        self.write("answer", json!({ "status": status.as_u16(), "headers": headers }));
    }

    /// Some of its body came.
    pub fn data(&self, bytes: &[u8]) {
        self.write("data", String::from_utf8_lossy(bytes).into());
    }

    /// There is no more of it.
    pub fn failed(&self, error: &str) {
        self.write("error", error.into());
    }

    fn write(&self, what: &str, value: Value) {
        let after = u64::try_from(self.trace.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let line = format!("{}\n", json!({ "id": self.id, "ms": after, what: value }));
        let mut file = self.trace.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(line.as_bytes())
            && !self.trace.told.swap(true, Ordering::Relaxed)
        {
            note!("warning: the trace is not whole: {error}");
        }
    }
}
