//! Names of limits, under which they keep their counters.

use outcrop_model::hash;
use serde_json::Value;

use crate::limit::Limit;
use crate::words;

/// A name that none of the `others` has: `title` and a hash of what is said of what the limit counts, so that
/// it stays when others come and go. What is said may hold a secret; the hash is too short to find it by.
pub(super) fn name(title: &str, said: &Value, others: &[Limit]) -> String {
    let plain = format!("{title}-{}", hash::short(&said.to_string()));
    words::free(&plain, '-', |name| others.iter().any(|other| other.name == name))
}
