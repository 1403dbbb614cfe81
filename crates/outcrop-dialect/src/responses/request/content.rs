//! Content of messages and of tool results.

use std::borrow::Cow;

use outcrop_model::chat::{CacheTtl, Media, MediaKind, MediaSource};
use outcrop_model::json::{Extra, parse_raw};
use outcrop_model::{At, Block, BlockKind, Fault};
use serde_json::value::RawValue;

use super::super::invalid;
use super::super::place::Place;
use crate::openai::{
    check_base64, file_data, file_id, kind_of, members, mime_by_ending, read_annotations, source,
    take, text,
};

/// Reads a string or a list of parts, the member `list` of an item.
pub(super) fn read<'a>(
    raw: &'a RawValue,
    list: &'static str,
    place: Place,
) -> Result<Vec<Block<'a>>, Fault> {
    let at = place.inside(list);
    match raw.get().as_bytes().first() {
        Some(b'"') => Ok(vec![Block::text(text(raw, &at.to_string())?, at)]),
        Some(b'[') => {
            let parts: Vec<&'a RawValue> = parse_raw(raw, &at.to_string())?;
            (0..).zip(parts).map(|(j, raw)| part(raw, place.part(list, j))).collect()
        }
        _ => Err(invalid(at.to_string(), "must be a string or a list of content parts.")),
    }
}

/// The texts of a reasoning item's `summary`.
pub(super) fn summary(raw: Option<&RawValue>, place: Place) -> Result<Cow<'_, str>, Fault> {
    let Some(raw) = raw else { return Ok(Cow::Borrowed("")) };
    let mut all = String::new();
    for block in read(raw, "summary", place)? {
        if let BlockKind::Text(text) = block.kind {
            all.push_str(&text);
        }
    }
    Ok(Cow::Owned(all))
}

fn part<'a>(raw: &'a RawValue, at: At) -> Result<Block<'a>, Fault> {
    let mut part = members(raw, &at.to_string())?;
    let Some(kind) = take(&mut part, "type") else {
        return Err(invalid(at.key("type"), "is required, e.g. input_text or input_image."));
    };
    let word = text(kind, &at.key("type"))?;
    // `auto` is what happens anyway: no model of Bedrock takes a level of detail.
    part.retain(|(key, raw)| !(key == "detail" && raw.get() == "\"auto\""));
    let kind = match &*word {
        "input_text" | "output_text" | "text" | "summary_text" => said(&mut part, "text", at)?,
        // What the assistant refused with is what it said; no dialect of Bedrock marks it.
        "refusal" => said(&mut part, "refusal", at)?,
        "input_image" => image(&mut part, at)?,
        "input_file" => file(&mut part, at)?,
        "input_audio" => audio(&mut part, at)?,
        _ => BlockKind::Foreign { kind: word, raw: Cow::Borrowed(raw) },
    };
    if matches!(kind, BlockKind::Foreign { .. }) {
        part.clear();
    }
    // Furniture of answers that come back: lists that hold nothing are gone already.
    let citations = match take(&mut part, "annotations") {
        Some(raw) => read_annotations(raw, &mut part),
        None => Vec::new(),
    };
    let cache = take(&mut part, "prompt_cache_breakpoint").map(|_| CacheTtl::Default);
    Ok(Block { citations, cache, extra: part, ..Block::new(kind, at) })
}

fn said<'a>(part: &mut Extra<'a>, key: &'static str, at: At) -> Result<BlockKind<'a>, Fault> {
    match take(part, key) {
        Some(raw) => Ok(BlockKind::Text(text(raw, &at.key(key))?)),
        None => Err(invalid(at.key(key), "is required: the text.")),
    }
}

fn word<'a>(
    part: &mut Extra<'a>,
    key: &'static str,
    at: At,
) -> Result<Option<Cow<'a, str>>, Fault> {
    take(part, key).map(|raw| text(raw, &at.key(key))).transpose()
}

/// `input_image`: `image_url` is the address itself.
fn image<'a>(part: &mut Extra<'a>, at: At) -> Result<BlockKind<'a>, Fault> {
    if let Some(url) = word(part, "image_url", at)? {
        let (mime, source) = source(url, &|| at.key("image_url"))?;
        return Ok(media(kind_of(&mime).unwrap_or(MediaKind::Image), mime, source, None));
    }
    match word(part, "file_id", at)? {
        Some(id) => Ok(media(MediaKind::Image, Cow::Borrowed(""), MediaSource::FileId(id), None)),
        None => Err(invalid(at.key("image_url"), "is required: a data URL with base64.")),
    }
}

/// `input_file`: data outvotes an address, an address an id.
fn file<'a>(part: &mut Extra<'a>, at: At) -> Result<BlockKind<'a>, Fault> {
    let name = word(part, "filename", at)?;
    let by_name = || Cow::Borrowed(name.as_deref().map_or("", mime_by_ending));
    let (mime, source) = if let Some(data) = word(part, "file_data", at)? {
        file_data(data, &|| at.key("file_data"))?
    } else if let Some(url) = word(part, "file_url", at)? {
        source(url, &|| at.key("file_url"))?
    } else if let Some(id) = word(part, "file_id", at)? {
        file_id(id, &|| at.key("file_id"))?
    } else {
        return Err(invalid(at.key("file_data"), "is required: a data URL with base64."));
    };
    let mime = if mime.is_empty() { by_name() } else { mime };
    Ok(media(kind_of(&mime).unwrap_or(MediaKind::Document), mime, source, name))
}

/// `input_audio: {data, format}`
fn audio<'a>(part: &mut Extra<'a>, at: At) -> Result<BlockKind<'a>, Fault> {
    let path = |key: &str| at.key(&format!("input_audio.{key}"));
    let Some(raw) = take(part, "input_audio") else {
        return Err(invalid(at.key("input_audio"), "is required: `data` and `format`."));
    };
    let mut audio = members(raw, &at.key("input_audio"))?;
    let mut word = |key: &str| take(&mut audio, key).map(|raw| text(raw, &path(key))).transpose();
    let (Some(data), Some(format)) = (word("data")?, word("format")?) else {
        return Err(invalid(at.key("input_audio"), "needs both `data` (base64) and `format`."));
    };
    check_base64(&data, &|| path("data"))?;
    crate::openai::lift(part, "input_audio", audio);
    let mime = Cow::Owned(format!("audio/{format}"));
    Ok(media(MediaKind::Audio, mime, MediaSource::Base64(data), None))
}

fn media<'a>(
    kind: MediaKind,
    mime: Cow<'a, str>,
    source: MediaSource<'a>,
    name: Option<Cow<'a, str>>,
) -> BlockKind<'a> {
    BlockKind::Media(Media { kind, mime, source, name, context: None, citations: None })
}
