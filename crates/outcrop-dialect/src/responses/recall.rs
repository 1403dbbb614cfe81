//! Answers that were kept, to be gone on from.

use std::sync::Arc;

use outcrop_model::json::{Members, parse_raw};
use serde_json::value::RawValue;

/// One kept answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// All items that the model was told, from the beginning of the conversation, as a JSON list.
    pub input: String,
    /// The answer as the client got it.
    pub response: String,
}

/// The kept answers that a request refers to, by id; those that are gone are not in it.
#[derive(Debug, Default)]
pub struct Recalled(pub Vec<(String, Arc<Kept>)>);

/// The id of the answer that an item belongs to, by the item's own id.
pub(super) fn response_of(item_id: &str) -> Option<String> {
    let (_, rest) = item_id.split_once('_')?;
    let (hex, _) = rest.rsplit_once('_')?;
    Some(format!("resp_{hex}"))
}

/// The id of an answer's item, in the order of the output.
pub(super) fn item_id(prefix: &str, answer: &str, position: usize) -> String {
    format!("{prefix}_{answer}_{position}")
}

// === impl Kept ===

impl Kept {
    /// Bytes that it takes to keep.
    pub fn size(&self) -> usize {
        self.input.len() + self.response.len()
    }

    /// Whether an id seems to be that of one of its items.
    pub fn holds(&self, item: &str) -> bool {
        let quoted = format!("\"{item}\"");
        memchr::memmem::find(self.response.as_bytes(), quoted.as_bytes()).is_some()
    }

    /// The output's items. The gateway wrote the answer itself: what does not parse is not there.
    fn output(&self) -> Vec<&RawValue> {
        let response: Members<'_> = serde_json::from_str(&self.response).unwrap_or_default();
        let output = response.get("output").map(|raw| parse_raw(raw, "output"));
        output.and_then(Result::ok).unwrap_or_default()
    }

    /// The conversation so far: what the model was told and what it answered.
    pub(super) fn conversation(&self) -> Vec<&RawValue> {
        let mut items: Vec<&RawValue> = serde_json::from_str(&self.input).unwrap_or_default();
        items.extend(self.output());
        items
    }
}

// === impl Recalled ===

impl Recalled {
    pub(super) fn response(&self, id: &str) -> Option<&Kept> {
        self.0.iter().find(|(known, _)| known == id).map(|(_, kept)| &**kept)
    }

    /// An item of a kept answer, by the item's own id.
    pub(super) fn item(&self, id: &str) -> Option<&RawValue> {
        let is_it = |item: &&RawValue| {
            let members: Members<'_> = serde_json::from_str(item.get()).unwrap_or_default();
            members.get("id").is_some_and(|raw| raw.get().trim_matches('"') == id)
        };
        let mut kept = self.0.iter().map(|(_, kept)| kept).filter(|kept| kept.holds(id));
        kept.find_map(|kept| kept.output().into_iter().find(is_it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_items_id_leads_to_its_answer() {
        assert_eq!(response_of(&item_id("msg", "0af", 3)).as_deref(), Some("resp_0af"));
        assert_eq!(response_of("msg_0af"), None);
    }

    #[test]
    fn items_are_found_by_id() {
        let kept = Kept {
            input: "[1]".into(),
            response: r#"{"id":"resp_ab","output":[{"id":"msg_ab_0"},{"id":"fc_ab_1","x":2}]}"#
                .into(),
        };
        let recalled = Recalled(vec![("resp_ab".into(), Arc::new(kept))]);
        assert_eq!(recalled.item("fc_ab_1").unwrap().get(), r#"{"id":"fc_ab_1","x":2}"#);
        assert!(recalled.item("fc_ab_2").is_none() && recalled.item("fc_cd_1").is_none());
        assert_eq!(recalled.response("resp_ab").unwrap().conversation().len(), 3);
    }
}
