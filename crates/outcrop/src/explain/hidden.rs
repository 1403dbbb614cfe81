//! What the operator wrote into the changes to requests, and is not shown: a text under a name that secrets have,
//! and the value of a variable, which may be one under any name.
//!
//! A text is looked for in what AWS would get, since nothing tells where it went. A short one may be any word there
//! (`text`, `user`): it is hidden only where it is all of a value under the name that it was set by.

use std::cell::RefCell;
use std::path::Path;

use outcrop_config::{Config, EditText, Lookup, each_text};
use serde_json::Value;

use crate::sources::Machine;

/// Stands for what is hidden, however long it is.
pub const SHOWN_INSTEAD: &str = "***";
/// A text of so many bytes is hidden wherever it stands.
const LONG: usize = 8;

/// The machine, with a memory of the variables that were asked for.
#[derive(Default)]
pub struct Noting(RefCell<Vec<String>>);

/// See the module.
#[derive(Debug, Default)]
pub struct Hidden(Vec<One>);

#[derive(Debug)]
struct One {
    /// Of the header or the member that was set.
    name: String,
    text: String,
    instead: String,
}

// === impl Noting ===

impl Lookup for Noting {
    fn variable(&self, name: &str) -> Option<String> {
        let value = Machine.variable(name);
        self.0.borrow_mut().extend(value.clone());
        value
    }

    fn file(&self, path: &Path) -> Result<String, String> {
        Machine.file(path)
    }
}

// === impl Hidden ===

impl Hidden {
    /// What is secret in the changes of `config` by its name.
    pub fn of(config: &Config) -> Self {
        let mut hidden = Vec::new();
        each_text(&mut config.clone(), &mut |EditText { name, is_secret, text }| {
            if is_secret {
                hidden.push(One::all_of(name, text));
            }
        });
        Self::from(hidden)
    }

    /// With the values of variables that are in the changes of `config`.
    pub fn with(self, config: &Config, Noting(values): &Noting) -> Self {
        let mut values = values.take();
        values.retain(|value| !value.is_empty());
        longest_first(&mut values, |value| value);
        let Self(mut hidden) = self;
        each_text(&mut config.clone(), &mut |EditText { name, is_secret: _, text }| {
            let mut instead = text.clone();
            for value in values.iter().filter(|value| text.contains(&***value)) {
                hidden.push(One::all_of(name, value));
                instead = instead.replace(value, SHOWN_INSTEAD);
            }
            if instead != *text {
                hidden.push(One { name: name.to_owned(), text: text.clone(), instead });
            }
        });
        Self::from(hidden)
    }

    /// What is within another goes last.
    fn from(mut hidden: Vec<One>) -> Self {
        hidden.retain(|one| !one.text.is_empty());
        longest_first(&mut hidden, |one| &one.text);
        Self(hidden)
    }

    /// `text`, the value of the header or the member `name`, as it may be shown.
    pub fn cover(&self, name: &str, text: &str) -> String {
        let mut covered = text.to_owned();
        for One { name: set, text: hidden, instead } in &self.0 {
            if covered == *hidden && name.eq_ignore_ascii_case(set) {
                return instead.clone();
            }
            if hidden.len() >= LONG {
                covered = covered.replace(hidden, instead);
            }
        }
        covered
    }

    /// A body as it may be shown; one with nothing to hide keeps its bytes.
    pub fn cover_body(&self, body: &[u8]) -> String {
        let plain = String::from_utf8_lossy(body);
        let Ok(mut value) = serde_json::from_slice(body) else { return self.cover("", &plain) };
        match self.cover_json("", &mut value) {
            true => value.to_string(),
            false => plain.into_owned(),
        }
    }

    /// Covers all texts of `value`, which stands under `name`. Whether there was something to hide.
    pub fn cover_json(&self, name: &str, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                let covered = self.cover(name, text);
                let is_other = covered != *text;
                *text = covered;
                is_other
            }
            Value::Array(items) => {
                items.iter_mut().fold(false, |any, item| self.cover_json(name, item) | any)
            }
            Value::Object(members) => members
                .iter_mut()
                .fold(false, |any, (name, member)| self.cover_json(name, member) | any),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

// === impl One ===

impl One {
    fn all_of(name: &str, text: &str) -> Self {
        let [name, text, instead] = [name, text, SHOWN_INSTEAD].map(str::to_owned);
        Self { name, text, instead }
    }
}

/// What is as long stays in its order.
fn longest_first<T>(all: &mut [T], text: impl Fn(&T) -> &str) {
    all.sort_by_key(|one| std::cmp::Reverse(text(one).len()));
}
