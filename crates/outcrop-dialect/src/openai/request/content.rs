//! Content and cache marks.

use outcrop_model::chat::{CacheTtl, MediaKind};
use outcrop_model::json::{Content, Extra};
use outcrop_model::{At, Block, BlockKind, Fault};
use serde_json::value::RawValue;

use super::{invalid, media};
use crate::openai::wire::{Part, Payload, PayloadKind, members, rebuild, take, text};

/// Appends the blocks of message `m`'s content.
pub(super) fn read<'a>(
    content: Content<'a, Part<'a>>,
    m: u32,
    blocks: &mut Vec<Block<'a>>,
) -> Result<(), Fault> {
    match content {
        Content::Absent => {}
        Content::Text(text) => blocks.push(Block::text(text, At::InMessage(m, "content"))),
        Content::Parts(parts) => {
            blocks.reserve(parts.len());
            for (i, part) in (0..).zip(parts) {
                blocks.push(read_part(part, At::Item(m, "content", i))?);
            }
        }
    }
    Ok(())
}

fn read_part<'a>(part: Part<'a>, at: At) -> Result<Block<'a>, Fault> {
    let Part { kind, payload, cache_control, mut extra } = part;
    let Some(word) = kind else {
        return Err(invalid(at.key("type"), "is required, e.g. text or image_url."));
    };
    let payload = match (payload, PayloadKind::parse(&word)) {
        (Some(payload), _) => payload,
        (None, Some(kind)) => {
            let path = at.key(&word);
            let Some(raw) = take(&mut extra, &word) else {
                return Err(invalid(path, format_args!("is required in a part of type {word}.")));
            };
            kind.parse_late(raw, &path)?
        }
        (None, None) => {
            let raw = rebuild(None, &word, &extra)?;
            let mut lost = Extra::new();
            let cache = cache(cache_control, at, &mut lost)?;
            let kind = BlockKind::Foreign { kind: word, raw };
            return Ok(Block { cache, extra: lost, ..Block::new(kind, at) });
        }
    };
    let cache = cache(cache_control, at, &mut extra)?;
    let kind = match payload {
        // What the assistant refused with is what it said; no dialect of Bedrock marks it.
        Payload::Text(text) | Payload::Refusal(text) => BlockKind::Text(text),
        Payload::Image(image) => media::from_url(image, MediaKind::Image, at, &mut extra)?,
        Payload::Video(video) => media::from_url(video, MediaKind::Video, at, &mut extra)?,
        Payload::Audio(audio) => media::from_audio(audio, at, &mut extra)?,
        Payload::File(file) => media::from_file(file, at, &mut extra)?,
    };
    Ok(Block { cache, extra, ..Block::new(kind, at) })
}

/// Reads `cache_control: {type: ephemeral, ttl}`; what it says beyond that goes to `extra`.
pub(super) fn cache<'a>(
    raw: Option<&'a RawValue>,
    at: At,
    extra: &mut Extra<'a>,
) -> Result<Option<CacheTtl>, Fault> {
    let Some(raw) = raw else { return Ok(None) };
    let path = at.key("cache_control");
    let mut control = members(raw, &path)?;
    let kind = take(&mut control, "type");
    if kind.is_none_or(|kind| kind.get() != "\"ephemeral\"") {
        extra.push(("cache_control".into(), raw));
        return Ok(None);
    }
    let ttl = take(&mut control, "ttl");
    let cache = match ttl.map(|ttl| text(ttl, &format!("{path}.ttl"))).transpose()?.as_deref() {
        None => CacheTtl::Default,
        Some("5m") => CacheTtl::FiveMinutes,
        Some("1h") => CacheTtl::OneHour,
        Some(_) => {
            extra.extend(ttl.map(|ttl| ("cache_control.ttl".into(), ttl)));
            CacheTtl::Default
        }
    };
    extra
        .extend(control.into_iter().map(|(key, raw)| (format!("cache_control.{key}").into(), raw)));
    Ok(Some(cache))
}
