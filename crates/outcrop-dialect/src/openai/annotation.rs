//! Citations as OpenAI's annotations.
//!
//! 1. What is on the web becomes a `url_citation`; a document a `file_citation`, which only the
//!    Responses API has. Anything else has no place.
//! 2. An annotation holds neither the cited words nor where they stand: it points at the source.

use std::borrow::Cow;

use outcrop_model::Citation;
use outcrop_model::citation::{Place, Span};
use outcrop_model::json::{Extra, Members, Str};
use serde_json::value::RawValue;

use crate::write::JsonWriter;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Annotation {
    Url { url: String, title: String },
    File { name: String, index: u64 },
}

/// Why a citation that is annotated is not all there.
pub(crate) const POINTS_ONLY: &str = "an annotation points at the source without the cited words";
/// Why a citation is not there.
pub(crate) const NO_PLACE: &str = "no annotation here has a place for it";

// === impl Annotation ===

impl Annotation {
    pub(crate) fn of(citation: &Citation<'_>) -> Option<Self> {
        let title = || citation.title.as_deref().unwrap_or_default().to_owned();
        let url = |url: &str| Some(Self::Url { url: url.to_owned(), title: title() });
        match &citation.place {
            Place::Web { url: address, .. } => url(address),
            Place::Result(_) => citation.source.as_deref().filter(|s| is_address(s)).and_then(url),
            Place::Chars(Span { index, .. })
            | Place::Pages(Span { index, .. })
            | Place::Parts(Span { index, .. }) => Some(Self::File { name: title(), index: *index }),
            Place::Foreign { .. } => None,
        }
    }

    /// One that a chat has a word for.
    pub(crate) fn in_chat(citation: &Citation<'_>) -> Option<Self> {
        Self::of(citation).filter(|found| matches!(found, Self::Url { .. }))
    }

    /// As the Responses API writes it, on a text of so many characters.
    pub(crate) fn write(&self, length: u64, w: &mut JsonWriter<'_>) {
        w.open_object();
        match self {
            Self::Url { url, title } => {
                w.member_str("type", "url_citation");
                members(url, title, (0, length), w);
            }
            Self::File { name, index } => {
                w.member_str("type", "file_citation");
                // Documents are in the request: they were never uploaded, and so have no id.
                w.member_str("file_id", "");
                w.member_str("filename", name);
                w.member_u64("index", *index);
            }
        }
        w.close_object();
    }

    /// As a chat writes it, on the characters from `span.0` to `span.1` of the message.
    pub(super) fn write_in_chat(&self, span: (u64, u64), w: &mut JsonWriter<'_>) {
        let Self::Url { url, title } = self else { return };
        w.open_object();
        w.member_str("type", "url_citation");
        w.key("url_citation");
        w.open_object();
        members(url, title, span, w);
        w.close_object();
        w.close_object();
    }
}

/// Reads the `annotations` of a text that comes back; what is none of the web goes to `extra`.
pub(crate) fn read<'a>(raw: &'a RawValue, extra: &mut Extra<'a>) -> Vec<Citation<'a>> {
    let Ok(list) = serde_json::from_str::<Vec<&'a RawValue>>(raw.get()) else {
        extra.push((Cow::Borrowed("annotations"), raw));
        return Vec::new();
    };
    let mut found = Vec::new();
    for (i, raw) in list.into_iter().enumerate() {
        match web(raw) {
            Some(citation) => found.push(citation),
            None => extra.push((Cow::Owned(format!("annotations[{i}]")), raw)),
        }
    }
    found
}

fn web(raw: &RawValue) -> Option<Citation<'_>> {
    let members: Members<'_> = serde_json::from_str(raw.get()).ok()?;
    let word = |key| serde_json::from_str::<Str<'_>>(members.get(key)?.get()).ok().map(|s| s.0);
    if word("type")? != "url_citation" {
        return None;
    }
    let place = Place::Web { url: word("url")?, token: None };
    let title = word("title").filter(|title| !title.is_empty());
    Some(Citation { cited: Cow::Borrowed(""), title, source: None, place })
}

fn members(url: &str, title: &str, (start, end): (u64, u64), w: &mut JsonWriter<'_>) {
    w.member_u64("start_index", start);
    w.member_u64("end_index", end);
    w.member_str("title", title);
    w.member_str("url", url);
}

fn is_address(source: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| source.starts_with(scheme))
}

/// Characters, as OpenAI counts places in a text.
pub(crate) fn length(text: &str) -> u64 {
    text.chars().count() as u64
}
