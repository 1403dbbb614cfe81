//! Top-level members of a request, taken one by one; what nobody takes is left to be accounted for.

use std::borrow::Cow;

use outcrop_model::json::{Members, Str, parse_body, parse_raw};
use outcrop_model::{At, Extra, Fault, Ledger};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Debug)]
pub struct Fields<'a>(Extra<'a>);

// === impl Fields ===

impl<'a> Fields<'a> {
    pub fn read(body: &'a [u8]) -> Result<Self, Fault> {
        parse_body::<Members<'a>>(body).map(|members| Self(members.0))
    }

    /// A member as written; JSON `null` is absence.
    pub fn take(&mut self, key: &str) -> Option<&'a RawValue> {
        let at = self.0.iter().position(|(k, _)| k == key)?;
        let (_, raw) = self.0.remove(at);
        (raw.get() != "null").then_some(raw)
    }

    pub fn get<T: Deserialize<'a>>(&mut self, key: &str) -> Result<Option<T>, Fault> {
        self.take(key).map(|raw| parse_raw(raw, key)).transpose()
    }

    pub fn text(&mut self, key: &str) -> Result<Option<Cow<'a, str>>, Fault> {
        Ok(self.get::<Str<'a>>(key)?.map(|text| text.0))
    }

    /// A text that must be there and say something.
    pub fn need_text(&mut self, key: &str, mend: &'static str) -> Result<Cow<'a, str>, Fault> {
        match self.text(key)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) => Err(Fault::invalid(key, format!("must not be empty. {mend}"))),
            None => Err(Fault::invalid(key, format!("is required. {mend}"))),
        }
    }

    /// The members of an object found at `path`.
    pub fn of(raw: &'a RawValue, path: &str) -> Result<Self, Fault> {
        parse_raw::<Members<'a>>(raw, path).map(|members| Self(members.0))
    }

    /// Accounts for all that nobody took.
    pub fn drop_rest(self, ledger: &mut Ledger) {
        ledger.extra(At::Root, &self.0);
    }
}

/// `a`, `a or b`, `a, b or c`.
pub fn alternatives<T: ToString>(words: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = words.into_iter().map(|w| w.to_string()).collect();
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}
