//! Citations: those of `citationsContent`, and a stream's `citation` delta.
//!
//! 1. A citation whose location is not known here, or that has none, is kept whole.
//! 2. A location is a union: one member says what it is.

use std::borrow::Cow;

use outcrop_model::citation::{Citation, Place, Span};
use outcrop_model::json::{Extra, Members, Object, next_str};
use outcrop_model::{At, Dialect, Ledger, read_as_object};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::response::keep;
use crate::write::JsonWriter;

const WEB: &str = "web";
const RESULT: &str = "searchResultLocation";
const CHARS: &str = "documentChar";
const PAGES: &str = "documentPage";
const PARTS: &str = "documentChunk";

#[derive(Default)]
struct Wire<'a> {
    title: Option<Cow<'a, str>>,
    source: Option<Cow<'a, str>>,
    texts: Vec<Text<'a>>,
    location: Option<Members<'a>>,
    extra: Extra<'a>,
}

/// A part of `sourceContent`.
#[derive(Default)]
struct Text<'a> {
    text: Option<Cow<'a, str>>,
    extra: Extra<'a>,
}

/// Whichever location it is.
#[derive(Default)]
struct Location<'a> {
    index: Option<u64>,
    start: Option<u64>,
    end: Option<u64>,
    url: Option<Cow<'a, str>>,
    unknown: bool,
}

impl<'de> Object<'de> for Wire<'de> {
    const WHAT: &'static str = "a citation";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "title" => self.title = next_str(map)?,
            "source" => self.source = next_str(map)?,
            "sourceContent" => self.texts = map.next_value::<Option<_>>()?.unwrap_or_default(),
            "location" => self.location = map.next_value()?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for Text<'de> {
    const WHAT: &'static str = "a part of the source";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "text" => self.text = next_str(map)?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for Location<'de> {
    const WHAT: &'static str = "a location";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let mut extra = Extra::new();
        match &*key {
            "documentIndex" | "searchResultIndex" => self.index = map.next_value()?,
            "start" => self.start = map.next_value()?,
            "end" => self.end = map.next_value()?,
            "url" => self.url = next_str(map)?,
            // It is part of the address.
            "domain" => outcrop_model::json::skip(map)?,
            _ => keep(&mut extra, key, map)?,
        }
        self.unknown |= !extra.is_empty();
        Ok(())
    }
}

read_as_object!(Wire<'de>, Text<'de>, Location<'de>);

/// Reads a citation, and the members that are not known.
pub(super) fn read(raw: &RawValue) -> (Citation<'_>, Extra<'_>) {
    let Ok(wire) = serde_json::from_str::<Wire<'_>>(raw.get()) else {
        return (whole(raw, Cow::Borrowed("citation")), Extra::new());
    };
    let Wire { title, source, texts, location, mut extra } = wire;
    let one = location.as_ref().and_then(|union| union.0.iter().find(|(_, v)| v.get() != "null"));
    let Some((kind, inside)) = one else {
        return (whole(raw, Cow::Borrowed("citation")), Extra::new());
    };
    let Some(place) = place(kind, inside) else {
        return (whole(raw, kind.clone()), Extra::new());
    };
    let mut cited = Vec::new();
    for part in texts {
        cited.extend(part.text);
        extra.extend(part.extra);
    }
    let cited = match cited.len() {
        1 => cited.remove(0),
        _ => Cow::Owned(cited.concat()),
    };
    (Citation { cited, title, source, place }, extra)
}

fn place<'a>(kind: &str, raw: &'a RawValue) -> Option<Place<'a>> {
    let found = serde_json::from_str::<Location<'a>>(raw.get()).ok().filter(|l| !l.unknown)?;
    let Location { index, start, end, url, unknown: _ } = found;
    if kind == WEB {
        return url.map(|url| Place::Web { url, token: None });
    }
    let span = Span { index: index?, start: start?, end: end? };
    match kind {
        CHARS => Some(Place::Chars(span)),
        PAGES => Some(Place::Pages(span)),
        PARTS => Some(Place::Parts(span)),
        RESULT => Some(Place::Result(span)),
        _ => None,
    }
}

fn whole<'a>(raw: &'a RawValue, kind: Cow<'a, str>) -> Citation<'a> {
    let json = Cow::Borrowed(raw.get());
    let place = Place::Foreign { dialect: Dialect::Converse, kind, json };
    Citation { cited: Cow::Borrowed(""), title: None, source: None, place }
}

/// Writes `citationsContent` with the text at `at`.
pub(super) fn write_text(
    w: &mut JsonWriter<'_>,
    text: &str,
    citations: &[Citation<'_>],
    at: At,
    ledger: &mut Ledger,
) {
    w.open_object();
    w.key("citationsContent");
    w.open_object();
    w.key("content");
    write_texts(w, text);
    w.key("citations");
    w.open_array();
    for (i, citation) in citations.iter().enumerate() {
        write(w, citation, &|| at.key(&format!("citations[{i}]")), ledger);
    }
    w.close_array();
    w.close_object();
    w.close_object();
}

fn write_texts(w: &mut JsonWriter<'_>, text: &str) {
    w.open_array();
    w.open_object();
    w.member_str("text", text);
    w.close_object();
    w.close_array();
}

fn write(
    w: &mut JsonWriter<'_>,
    citation: &Citation<'_>,
    path: &dyn Fn() -> String,
    ledger: &mut Ledger,
) {
    let Citation { cited, title, source, place } = citation;
    let (kind, span) = match place {
        Place::Chars(span) => (CHARS, Some(span)),
        Place::Pages(span) => (PAGES, Some(span)),
        Place::Parts(span) => (PARTS, Some(span)),
        Place::Result(span) => (RESULT, Some(span)),
        Place::Web { .. } => (WEB, None),
        Place::Foreign { dialect: Dialect::Converse, json, .. } => {
            return w.raw_bytes(json.as_bytes());
        }
        Place::Foreign { kind, .. } => {
            return ledger
                .dropped(path(), format!("a citation of type `{kind}` has no equivalent"));
        }
    };
    w.open_object();
    title.iter().for_each(|title| w.member_str("title", title));
    source.iter().for_each(|source| w.member_str("source", source));
    if !cited.is_empty() {
        w.key("sourceContent");
        write_texts(w, cited);
    }
    w.key("location");
    w.open_object();
    w.key(kind);
    w.open_object();
    if let Place::Web { url, token } = place {
        w.member_str("url", url);
        if token.is_some() {
            let why = "Bedrock's citations of the web hold their address only";
            ledger.dropped(format!("{}.encrypted_index", path()), why);
        }
    }
    if let Some(Span { index, start, end }) = span {
        w.member_u64(if kind == RESULT { "searchResultIndex" } else { "documentIndex" }, *index);
        w.member_u64("start", *start);
        w.member_u64("end", *end);
    }
    w.close_object();
    w.close_object();
    w.close_object();
}
