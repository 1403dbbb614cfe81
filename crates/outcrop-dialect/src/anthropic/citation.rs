//! Citations: those of a text block, and a stream's `citations_delta`.
//!
//! 1. A citation of a type that is not known here, or that lacks what its type needs, is kept whole.
//! 2. What a citation holds and Anthropic has no member for is told to the writer's caller.

use std::borrow::Cow;

use outcrop_model::citation::{Citation, Place, Span};
use outcrop_model::json::{Extra, next_str};
use outcrop_model::{At, Dialect, Ledger};
use serde::de::{Deserialize, Deserializer, MapAccess};
use serde_json::value::RawValue;

use super::tagged::{Tagged, keep, read_tagged};
use crate::write::JsonWriter;

/// A type of citation and what its members are called.
#[derive(Debug, Clone, Copy)]
struct Words {
    kind: &'static str,
    index: &'static str,
    start: &'static str,
    end: &'static str,
    title: &'static str,
    place: fn(Span) -> Place<'static>,
}

const SPANS: [Words; 4] = [
    words("char_location", "start_char_index", "end_char_index", Place::Chars),
    words("page_location", "start_page_number", "end_page_number", Place::Pages),
    words("content_block_location", "start_block_index", "end_block_index", Place::Parts),
    Words {
        index: "search_result_index",
        title: "title",
        ..words(RESULT, "start_block_index", "end_block_index", Place::Result)
    },
];
const RESULT: &str = "search_result_location";
const WEB: &str = "web_search_result_location";
/// What a citation is called whose own word is missing.
const UNNAMED: &str = "citation";

const fn words(
    kind: &'static str,
    start: &'static str,
    end: &'static str,
    place: fn(Span) -> Place<'static>,
) -> Words {
    Words { kind, index: "document_index", start, end, title: "document_title", place }
}

/// Members of every known type; which ones are read is decided by the type.
#[derive(Debug, Default)]
struct Wire<'a> {
    kind: Option<Cow<'a, str>>,
    words: Option<Words>,
    cited: Option<Cow<'a, str>>,
    title: Option<Cow<'a, str>>,
    source: Option<Cow<'a, str>>,
    url: Option<Cow<'a, str>>,
    token: Option<Cow<'a, str>>,
    span: [Option<u64>; 3],
    extra: Extra<'a>,
}

impl<'de> Deserialize<'de> for Wire<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_tagged(deserializer)
    }
}

impl<'de> Tagged<'de> for Wire<'de> {
    const WHAT: &'static str = "a citation, which is an object with a `type`";

    fn tag(&mut self, tag: Cow<'de, str>) {
        self.words = SPANS.iter().find(|words| words.kind == tag).copied();
        self.kind = Some(tag);
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let is_web = self.kind.as_deref() == Some(WEB);
        match (self.words, &*key) {
            (_, "cited_text") => self.cited = next_str(map)?,
            (Some(Words { kind: RESULT, .. }), "source") => self.source = next_str(map)?,
            (Some(words), key) if key == words.title => self.title = next_str(map)?,
            (Some(words), key) if key == words.index => self.span[0] = map.next_value()?,
            (Some(words), key) if key == words.start => self.span[1] = map.next_value()?,
            (Some(words), key) if key == words.end => self.span[2] = map.next_value()?,
            (None, "title") if is_web => self.title = next_str(map)?,
            (None, "url") if is_web => self.url = next_str(map)?,
            (None, "encrypted_index") if is_web => self.token = next_str(map)?,
            (Some(_) | None, _) => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

/// Reads a citation, and the members that are not known.
pub(super) fn read(raw: &RawValue) -> (Citation<'_>, Extra<'_>) {
    let mut wire: Wire<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
    let place = match (wire.words, wire.span, wire.url.take()) {
        (Some(words), [Some(index), Some(start), Some(end)], _) => {
            (words.place)(Span { index, start, end })
        }
        // An empty token is this gateway's word for none.
        (None, _, Some(url)) => Place::Web { url, token: wire.token.filter(|t| !t.is_empty()) },
        (Some(_) | None, _, _) => return (whole(raw, wire.kind), Extra::new()),
    };
    let Wire { cited, title, source, extra, .. } = wire;
    (Citation { cited: cited.unwrap_or_default(), title, source, place }, extra)
}

fn whole<'a>(raw: &'a RawValue, kind: Option<Cow<'a, str>>) -> Citation<'a> {
    let place = Place::Foreign {
        dialect: Dialect::Anthropic,
        kind: kind.unwrap_or(Cow::Borrowed(UNNAMED)),
        json: Cow::Borrowed(raw.get()),
    };
    Citation { cited: Cow::Borrowed(""), title: None, source: None, place }
}

/// Reads the `citations` of a text block; what is not known in them, or is no list, goes to `extra`.
pub(super) fn read_all<'a>(raw: &'a RawValue, extra: &mut Extra<'a>) -> Vec<Citation<'a>> {
    let Ok(list) = serde_json::from_str::<Vec<&'a RawValue>>(raw.get()) else {
        extra.push((Cow::Borrowed("citations"), raw));
        return Vec::new();
    };
    let read = |(i, raw): (usize, &'a RawValue)| {
        let (citation, unknown) = read(raw);
        let named = |(key, raw)| (Cow::Owned(format!("citations[{i}].{key}")), raw);
        extra.extend(unknown.into_iter().map(named));
        citation
    };
    list.into_iter().enumerate().map(read).collect()
}

/// Whether Anthropic has a place for it at all.
pub(super) fn can_say(citation: &Citation<'_>) -> bool {
    match &citation.place {
        Place::Foreign { dialect, .. } => *dialect == Dialect::Anthropic,
        Place::Chars(_)
        | Place::Pages(_)
        | Place::Parts(_)
        | Place::Result(_)
        | Place::Web { .. } => true,
    }
}

/// Writes a citation that can be said; whether all of it was.
pub(super) fn write(w: &mut JsonWriter<'_>, citation: &Citation<'_>) -> bool {
    let Citation { cited, title, source, place } = citation;
    let (words, span) = match place {
        Place::Chars(span) => (&SPANS[0], span),
        Place::Pages(span) => (&SPANS[1], span),
        Place::Parts(span) => (&SPANS[2], span),
        Place::Result(span) => (&SPANS[3], span),
        Place::Foreign { json, .. } => {
            w.raw_bytes(json.as_bytes());
            return true;
        }
        Place::Web { url, token } => {
            w.open_object();
            w.member_str("type", WEB);
            w.member_str("cited_text", cited);
            w.member_str("url", url);
            write_title(w, "title", title.as_deref());
            w.member_str("encrypted_index", token.as_deref().unwrap_or_default());
            w.close_object();
            return source.is_none();
        }
    };
    w.open_object();
    w.member_str("type", words.kind);
    w.member_str("cited_text", cited);
    let has_source = words.kind == RESULT;
    if has_source {
        w.member_str("source", source.as_deref().unwrap_or_default());
    }
    w.member_u64(words.index, span.index);
    write_title(w, words.title, title.as_deref());
    w.member_u64(words.start, span.start);
    w.member_u64(words.end, span.end);
    w.close_object();
    has_source || source.is_none()
}

fn write_title(w: &mut JsonWriter<'_>, key: &'static str, title: Option<&str>) {
    match title {
        Some(title) => w.member_str(key, title),
        None => w.member_null(key),
    }
}

/// Writes `citations` of the block at `at`, unless there are none.
pub(super) fn write_all(
    w: &mut JsonWriter<'_>,
    citations: &[Citation<'_>],
    at: At,
    ledger: &mut Ledger,
) {
    if citations.is_empty() {
        return;
    }
    w.key("citations");
    w.open_array();
    for (i, citation) in citations.iter().enumerate() {
        let path = || at.key(&format!("citations[{i}]"));
        if !can_say(citation) {
            ledger.dropped(path(), NO_PLACE);
        } else if !write(w, citation) {
            ledger.dropped(format!("{}.source", path()), "a citation here names no source");
        }
    }
    w.close_array();
}

const NO_PLACE: &str = "a citation of a place that Anthropic has no word for";
