//! What of a relayed Messages body its target takes in another form: settings of another generation of
//! Claude, system turns, automatic caching, tool types.
//!
//! 1. A body that the model takes as it is keeps its bytes; nothing in it is read but a few settings.
//! 2. Whatever changes is in the ledger under its own path.

mod cache;
mod format;
mod settings;
mod system;
mod tools;

use std::borrow::Cow;

use outcrop_model::json::{Json, Members};
use outcrop_model::{Card, Fault, Ledger};
use serde_json::value::RawValue;

pub(crate) use format::sets_format;
pub(super) use system::fit as fit_turns;

/// A body's top-level members, each as it was sent or anew.
pub(super) struct Body<'a>(pub Vec<(Cow<'a, str>, Json<'a>)>);

/// All but the turns, whose order may change: they come last, so that every loss names a place that the
/// caller knows.
pub(super) fn fit<'a>(
    members: &'a Members<'a>,
    card: &Card,
    ledger: &mut Ledger,
) -> Result<Body<'a>, Fault> {
    let whole = |(key, raw): &(Cow<'a, str>, &'a RawValue)| (key.clone(), Cow::Borrowed(*raw));
    let mut body = Body(members.0.iter().map(whole).collect());
    settings::fit(&mut body, members, card, ledger)?;
    format::fit(&mut body, ledger);
    tools::fit(&mut body, card, ledger);
    cache::fit(&mut body, card, ledger);
    Ok(body)
}

// === impl Body ===

impl<'a> Body<'a> {
    pub fn get(&self, key: &str) -> Option<&RawValue> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, raw)| &**raw)
    }

    fn remove(&mut self, key: &str) {
        self.0.retain(|(k, _)| k != key);
    }

    fn set(&mut self, key: &'static str, json: Vec<u8>) {
        // What a writer wrote is JSON; were it not, the member would stay as it was.
        let Some(raw) = raw(json) else { return };
        match self.0.iter_mut().find(|(k, _)| k == key) {
            Some((_, value)) => *value = Cow::Owned(raw),
            None => self.0.push((Cow::Borrowed(key), Cow::Owned(raw))),
        }
    }
}

fn raw(json: Vec<u8>) -> Option<Box<RawValue>> {
    RawValue::from_string(String::from_utf8(json).ok()?).ok()
}

/// A cheap look for a word as it stands in JSON.
fn holds(raw: &RawValue, word: &str) -> bool {
    memchr::memmem::find(raw.get().as_bytes(), word.as_bytes()).is_some()
}

fn members_of(raw: &RawValue) -> Members<'_> {
    // Anything but an object has no members, and is the model's side to refuse.
    serde_json::from_str(raw.get()).unwrap_or_default()
}

fn elements_of(raw: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

/// The string member `key` of an object.
fn word<'m>(members: &Members<'m>, key: &str) -> Option<Cow<'m, str>> {
    crate::anthropic::word_of(members.get(key)?)
}
