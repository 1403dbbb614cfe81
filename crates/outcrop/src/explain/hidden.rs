//! What the operator wrote into the changes to requests, and is not shown: a text under a name that secrets have,
//! and the value of a variable, which may be one under any name.

use std::cell::RefCell;
use std::path::Path;

use outcrop_config::{BodyEdit, Config, HeaderEdit, Lookup, is_secret_name};
use serde_json::Value;

use crate::sources::Machine;

/// Stands for what is hidden, however long it is.
pub const SHOWN_INSTEAD: &str = "***";
/// A shorter text is hidden only where it is all of a value: it may be a part of any word.
const SHORT: usize = 4;

/// The machine, with a memory of the variables that were asked for.
#[derive(Default)]
pub struct Noting(RefCell<Vec<String>>);

/// See the module.
#[derive(Debug, Default)]
pub struct Hidden(Vec<String>);

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
        let mut texts = Vec::new();
        let mut note = |text: &str, is_secret| {
            if is_secret {
                texts.push(text.to_owned());
            }
        };
        each_text(config, &mut note);
        Self::from(texts)
    }

    /// With the values of variables that are in the changes of `config`.
    pub fn with(self, config: &Config, Noting(values): &Noting) -> Self {
        let mut values = values.take();
        let Self(mut texts) = self;
        let mut note = |text: &str, _: bool| {
            let is_there = |value: &mut String| text.contains(&**value);
            texts.extend(values.extract_if(.., is_there));
        };
        each_text(config, &mut note);
        Self::from(texts)
    }

    /// What is within another goes last.
    fn from(mut texts: Vec<String>) -> Self {
        texts.retain(|text| !text.is_empty());
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.dedup();
        Self(texts)
    }

    /// `text` as it may be shown.
    pub fn cover(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for hidden in &self.0 {
            if text == *hidden {
                return SHOWN_INSTEAD.to_owned();
            }
            if hidden.len() >= SHORT {
                text = text.replace(hidden, SHOWN_INSTEAD);
            }
        }
        text
    }

    /// A body as it may be shown; one with nothing to hide keeps its bytes.
    pub fn cover_body(&self, body: &[u8]) -> String {
        let plain = String::from_utf8_lossy(body);
        let Ok(mut value) = serde_json::from_slice(body) else { return self.cover(&plain) };
        match self.cover_json(&mut value) {
            true => value.to_string(),
            false => plain.into_owned(),
        }
    }

    /// Covers all texts of `value`. Whether there was something to hide.
    pub fn cover_json(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                let covered = self.cover(text);
                let is_other = covered != *text;
                *text = covered;
                is_other
            }
            Value::Array(items) => {
                items.iter_mut().fold(false, |any, item| self.cover_json(item) | any)
            }
            Value::Object(members) => {
                members.values_mut().fold(false, |any, member| self.cover_json(member) | any)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

// === helpers ===

/// Tells each text in the changes of `config`, and whether its name is one of a secret.
fn each_text(config: &Config, note: &mut dyn FnMut(&str, bool)) {
    let policies = config.routes.iter().map(|route| &route.policy).chain([&config.defaults]);
    let of_policies = policies.map(|policy| (&policy.headers, &policy.body));
    let targets = config.routes.iter().flat_map(|route| &route.targets);
    let of_targets = targets.map(|target| (&target.headers, &target.body));
    for (headers, body) in of_policies.chain(of_targets) {
        for edit in headers {
            match edit {
                HeaderEdit::Set { name, value } | HeaderEdit::Add { name, value } => {
                    note(value, is_secret_name(name));
                }
                HeaderEdit::Remove { .. } => {}
            }
        }
        for edit in body {
            match edit {
                BodyEdit::Set { path, value, mode: _ } => {
                    let name = path.rsplit('.').next().unwrap_or(path);
                    // That it is JSON was checked with the configuration.
                    let value = serde_json::from_str(value).unwrap_or_default();
                    texts_of(&value, is_secret_name(name), note);
                }
                BodyEdit::Prompt { prepend, append } => {
                    prepend.iter().chain(append).for_each(|message| note(&message.content, false));
                }
                BodyEdit::Remove { .. } => {}
            }
        }
    }
}

/// A number is no secret: `max_tokens` is called as if it were one.
fn texts_of(value: &Value, is_secret: bool, note: &mut dyn FnMut(&str, bool)) {
    match value {
        Value::String(text) => note(text, is_secret),
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, is_secret, note)),
        Value::Object(members) => {
            for (name, member) in members {
                texts_of(member, is_secret || is_secret_name(name), note);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
