//! Thinking in `encrypted_content`: what a model must get back word for word.
//!
//! Neither secret nor signed by the gateway: the model's side signs its thinking and refuses what was
//! changed. The mark in front tells it from what other servers put there.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_model::json::{Object, next_str, skip};
use outcrop_model::{BlockKind, read_as_object};
use serde::de::MapAccess;

use crate::write::JsonWriter;

pub(super) const MARK: &str = "outcrop1.";

/// One block of thinking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Thought {
    Plain {
        text: String,
        /// Empty when there is none.
        signature: String,
    },
    /// Base64.
    Redacted(String),
}

#[derive(Default)]
struct Opened {
    thinking: Option<String>,
    signature: Option<String>,
    redacted: Option<String>,
}

// === impl Thought ===

impl Thought {
    /// What people may read of it.
    pub fn text(&self) -> &str {
        match self {
            Thought::Plain { text, signature: _ } => text,
            Thought::Redacted(_) => "",
        }
    }

    pub fn seal(&self) -> String {
        let mut json = Vec::new();
        let mut w = JsonWriter::new(&mut json);
        w.open_object();
        match self {
            Thought::Plain { text, signature } => {
                w.member_str("thinking", text);
                if !signature.is_empty() {
                    w.member_str("signature", signature);
                }
            }
            Thought::Redacted(data) => w.member_str("redacted", data),
        }
        w.close_object();
        let mut sealed = MARK.to_owned();
        STANDARD.encode_string(&json, &mut sealed);
        sealed
    }
}

/// The block inside `sealed`; `None` if this gateway did not write it.
pub(super) fn open(sealed: &str) -> Option<BlockKind<'static>> {
    let json = STANDARD.decode(sealed.strip_prefix(MARK)?).ok()?;
    let Opened { thinking, signature, redacted } = serde_json::from_slice(&json).ok()?;
    match (thinking, redacted) {
        (Some(text), None) => Some(BlockKind::Thinking {
            text: Cow::Owned(text),
            signature: signature.map(Cow::Owned),
        }),
        (None, Some(data)) => Some(BlockKind::Redacted(Cow::Owned(data))),
        (Some(_), Some(_)) | (None, None) => None,
    }
}

impl<'de> Object<'de> for Opened {
    const WHAT: &'static str = "sealed thinking";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let slot = match &*key {
            "thinking" => &mut self.thinking,
            "signature" => &mut self.signature,
            "redacted" => &mut self.redacted,
            _ => return skip(map),
        };
        *slot = next_str(map)?.map(Cow::into_owned);
        Ok(())
    }
}

read_as_object!(Opened);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens() {
        let thought = Thought::Plain { text: "a \"b\"\n".into(), signature: "sig==".into() };
        let opened = open(&thought.seal()).unwrap();
        assert!(matches!(opened, BlockKind::Thinking { text, signature: Some(s) }
            if text == "a \"b\"\n" && s == "sig=="));
        let opened = open(&Thought::Redacted("QUJD".into()).seal()).unwrap();
        assert!(matches!(opened, BlockKind::Redacted(data) if data == "QUJD"));
    }

    #[test]
    fn what_others_wrote_stays_shut() {
        for foreign in ["", "gAAAAABo", "outcrop1.", "outcrop1.e30=", "outcrop1.%%%"] {
            assert!(open(foreign).is_none(), "{foreign}");
        }
    }
}
