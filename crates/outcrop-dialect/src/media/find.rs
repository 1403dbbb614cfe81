//! Where a body holds addresses of media.
//!
//! A body without any costs a search or two. One that cannot be read is left to its decoder,
//! which says what is wrong.

use std::borrow::Cow;
use std::ops::Range;

use outcrop_model::json::{Members, Str};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Form, Place, Takes, Wanted};

/// Members that can hold an address of media, with their closing quote.
const KEYS: [&[u8]; 5] =
    [b"\"url\"", b"\"image_url\"", b"\"file_url\"", b"\"file_data\"", b"\"file_id\""];
/// Content within content: a tool result holds a document, which holds images.
const DEEPEST: u32 = 3;

/// What the body of any chat dialect wants fetched; `None` when that is nothing.
pub fn wanted(body: &[u8]) -> Option<Wanted<'_>> {
    if !hints(body) {
        return None;
    }
    let members: Members<'_> = serde_json::from_slice(body).ok()?;
    let model = members.get("model").and_then(read::<Str<'_>>).unwrap_or_default().0;
    let mut finder = Finder { body, places: Vec::new() };
    for list in ["messages", "input"] {
        let raw = members.get(list);
        for (i, turn) in raw.and_then(read::<Vec<&RawValue>>).unwrap_or_default().iter().enumerate()
        {
            finder.turn(turn, &format!("{list}[{i}]"));
        }
    }
    let mut places = finder.places;
    places.sort_by_key(|place| place.range.start);
    (!places.is_empty()).then_some(Wanted { model, places })
}

/// Whether one of [`KEYS`] has a value that begins with `http`.
///
/// Tools are called with a `url` all the time, so that one counts only beside the word that makes it
/// an address of media.
fn hints(json: &[u8]) -> bool {
    let mut urls_are_media = None;
    memchr::memmem::find_iter(json, b"\"http").any(|at| match key_before(&json[..at]) {
        Some(b"\"url\"") => *urls_are_media.get_or_insert_with(|| has_media_urls(json)),
        Some(_) => true,
        None => false,
    })
}

/// The one of [`KEYS`] whose value begins after `before`.
fn key_before(before: &[u8]) -> Option<&'static [u8]> {
    let key = before.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
    KEYS.into_iter().find(|known| key.ends_with(known))
}

/// Whether there is `"image_url"`, `"video_url"`, or `"url"` as a value: the type of a source.
fn has_media_urls(json: &[u8]) -> bool {
    let has = |word: &[u8]| memchr::memmem::find(json, word).is_some();
    has(b"\"image_url\"")
        || has(b"\"video_url\"")
        || memchr::memmem::find_iter(json, b"\"url\"")
            .any(|at| json[..at].trim_ascii_end().ends_with(b":"))
}

/// Reads what must be as it should; what is not, its decoder complains about.
fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

fn word<'a>(members: &Members<'a>, key: &str) -> Option<Cow<'a, str>> {
    Some(read::<Str<'a>>(members.get(key)?)?.0)
}

/// A word that is an address to fetch.
fn address<'a>(members: &Members<'a>, key: &str) -> Option<Cow<'a, str>> {
    word(members, key).filter(|url| url.starts_with("https://") || url.starts_with("http://"))
}

struct Finder<'a> {
    body: &'a [u8],
    places: Vec<Place<'a>>,
}

// === impl Finder ===

impl<'a> Finder<'a> {
    /// A message, or an item of the Responses API.
    fn turn(&mut self, raw: &'a RawValue, path: &str) {
        if !hints(raw.get().as_bytes()) {
            return;
        }
        let Some(turn) = read::<Members<'a>>(raw) else { return };
        for list in ["content", "output"] {
            self.parts(turn.get(list), &format!("{path}.{list}"), 0);
        }
    }

    fn parts(&mut self, raw: Option<&'a RawValue>, path: &str, depth: u32) {
        let Some(raw) = raw.filter(|raw| hints(raw.get().as_bytes())) else { return };
        for (i, part) in read::<Vec<&'a RawValue>>(raw).unwrap_or_default().into_iter().enumerate()
        {
            if hints(part.get().as_bytes()) {
                self.part(part, &format!("{path}[{i}]"), depth);
            }
        }
    }

    fn part(&mut self, raw: &'a RawValue, path: &str, depth: u32) {
        let Some(part) = read::<Members<'a>>(raw) else { return };
        let Some(kind) = word(&part, "type") else { return };
        match &*kind {
            "image_url" => {
                self.url(part.get("image_url"), Takes::ImageOrPdf, &format!("{path}.image_url"))
            }
            "video_url" => {
                self.url(part.get("video_url"), Takes::Video, &format!("{path}.video_url"))
            }
            "input_image" => self.data_url(&part, "image_url", Takes::ImageOrPdf, path),
            "file" => {
                if let Some(file) = part.get("file") {
                    self.file(file, &format!("{path}.file"));
                }
            }
            "input_file" => self.file(raw, path),
            "image" => {
                self.source(part.get("source"), Takes::Image, &format!("{path}.source"), depth)
            }
            "document" => {
                self.source(part.get("source"), Takes::Document, &format!("{path}.source"), depth);
            }
            "tool_result" if depth < DEEPEST => {
                self.parts(part.get("content"), &format!("{path}.content"), depth + 1);
            }
            _ => {}
        }
    }

    /// `{"url": …}`
    fn url(&mut self, raw: Option<&'a RawValue>, takes: Takes, path: &str) {
        if let Some(members) = raw.and_then(read::<Members<'a>>) {
            self.data_url(&members, "url", takes, path);
        }
    }

    fn data_url(&mut self, members: &Members<'a>, key: &str, takes: Takes, path: &str) {
        if let (Some(url), Some(raw)) = (address(members, key), members.get(key)) {
            self.push(url, format!("{path}.{key}"), takes, raw, Form::DataUrl);
        }
    }

    /// Data outvotes an address, an address an id; each of them is used to hold addresses.
    fn file(&mut self, raw: &'a RawValue, path: &str) {
        let Some(members) = read::<Members<'a>>(raw) else { return };
        let present = |key: &&&str| members.get(key).is_some_and(|raw| raw.get() != "null");
        let Some(key) = ["file_data", "file_url", "file_id"].iter().find(present) else { return };
        if let Some(url) = address(&members, key) {
            let form = Form::File { members: members.0, address: key };
            self.push(url, format!("{path}.{key}"), Takes::Any, raw, form);
        }
    }

    fn source(&mut self, raw: Option<&'a RawValue>, takes: Takes, path: &str, depth: u32) {
        let Some(raw) = raw else { return };
        let Some(source) = read::<Members<'a>>(raw) else { return };
        match word(&source, "type").as_deref() {
            Some("url") => {
                if let Some(url) = address(&source, "url") {
                    self.push(url, format!("{path}.url"), takes, raw, Form::Source(source.0));
                }
            }
            Some("content") if depth < DEEPEST => {
                self.parts(source.get("content"), &format!("{path}.content"), depth + 1);
            }
            Some(_) | None => {}
        }
    }

    fn push(
        &mut self,
        url: Cow<'a, str>,
        path: String,
        takes: Takes,
        replaced: &'a RawValue,
        form: Form<'a>,
    ) {
        if let Some(range) = self.range(replaced) {
            self.places.push(Place { url, path, takes, range, form });
        }
    }

    /// A raw value is a part of the body: its place is the distance between the two.
    fn range(&self, raw: &RawValue) -> Option<Range<usize>> {
        let start = raw.get().as_ptr().addr().checked_sub(self.body.as_ptr().addr())?;
        let end = start + raw.get().len();
        (end <= self.body.len()).then_some(start..end)
    }
}
