//! Prompt caching, simulated: what was marked once is read the next time.
//!
//! A request's bytes are walked in the order tools, system, messages; each `cachePoint` (Converse,
//! Nova) or `cache_control` (Anthropic) marks all that came before. A mark seen before is a cache
//! read; what lies between it and the last mark is written. Marks before the model's minimum are
//! silently ignored. Entries never expire.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::Value;

use crate::models::Model;
use crate::words::Usage;

/// The members that hold a prompt, in the order caching sees them.
const ORDER: [&str; 4] = ["toolConfig", "tools", "system", "messages"];

/// The members that mark the end of what is cached: Converse and Nova, Anthropic.
const MARKS: [&str; 2] = ["cachePoint", "cache_control"];

#[derive(Debug, Default)]
pub(crate) struct CacheStore {
    seen: Mutex<HashSet<Vec<u8>>>,
}

/// One cache point: everything before it.
struct Mark {
    digest: Vec<u8>,
    weight: u64,
    is_long: bool,
}

struct Walk {
    context: Context,
    weight: u64,
    marks: Vec<Mark>,
}

impl CacheStore {
    /// Divides `input` tokens into read, written and plain ones, and remembers the marks.
    pub(crate) fn divide(&self, model: &Model, body: &Value, input: u64) -> Usage {
        let plain = Usage { input, ..Usage::default() };
        if !model.cache_points || !ORDER.iter().any(|name| has_mark(&body[*name])) {
            return plain;
        }
        let mut walk = Walk::new(&model.id);
        for name in ORDER {
            walk.value(&body[name]);
        }
        let whole = walk.weight.max(1);
        let tokens = |weight: u64| input * weight / whole;
        walk.marks.retain(|mark| tokens(mark.weight) >= model.min_cache_tokens.max(1));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let hit = walk.marks.iter().rposition(|mark| seen.contains(&mark.digest));
        let mut usage = plain;
        usage.cache_read = hit.map_or(0, |at| tokens(walk.marks[at].weight));
        let mut reached = usage.cache_read;
        for mark in walk.marks.iter().skip(hit.map_or(0, |at| at + 1)) {
            let written = tokens(mark.weight) - reached;
            reached += written;
            if mark.is_long {
                usage.cache_write_1h += written;
            } else {
                usage.cache_write_5m += written;
            }
        }
        seen.extend(walk.marks.into_iter().map(|mark| mark.digest));
        usage.input = input - reached;
        usage
    }
}

/// Whether there is any cache point below; most requests have none, and need no hashing.
fn has_mark(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_mark),
        Value::Object(members) => {
            MARKS.iter().any(|name| members.contains_key(*name)) || members.values().any(has_mark)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

// === impl Walk ===

impl Walk {
    fn new(model: &str) -> Self {
        let mut walk = Self { context: Context::new(&SHA256), weight: 0, marks: Vec::new() };
        walk.context.update(model.as_bytes());
        walk
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Array(items) => {
                for item in items {
                    self.value(item);
                }
            }
            Value::Object(members) => self.object(members),
            scalar => self.text(&scalar.to_string()),
        }
    }

    fn object(&mut self, members: &serde_json::Map<String, Value>) {
        for (name, member) in members {
            if !MARKS.contains(&name.as_str()) {
                self.text(name);
                self.value(member);
            }
        }
        let point = MARKS.iter().find_map(|name| members.get(*name));
        if let Some(point) = point.filter(|point| point.is_object()) {
            self.marks.push(Mark {
                digest: self.context.clone().finish().as_ref().to_vec(),
                weight: self.weight,
                is_long: point["ttl"] == "1h",
            });
        }
    }

    fn text(&mut self, text: &str) {
        self.context.update(text.as_bytes());
        self.context.update(b"\0");
        self.weight += text.len() as u64;
    }
}
