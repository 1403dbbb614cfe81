//! Content blocks from the JSON to the IR.
//!
//! 1. A block that the IR cannot hold, or whose source it cannot hold, becomes foreign, whole.
//! 2. A block that lacks a member it cannot do without is a fault that names the member's path.

use std::borrow::Cow;

use outcrop_model::chat::{Media, MediaKind, MediaSource, ToolResult, ToolUse};
use outcrop_model::json::{Content, Extra, Members};
use outcrop_model::{At, Block, BlockKind, Fault};
use serde_json::value::RawValue;

use super::cache;
use super::citation;
use super::part::{Kind, Part};
use super::source::{Found, Source, write_extra, written};
use crate::blob::{NOT_BASE64, is_base64};
use crate::write::JsonWriter;

/// Turns a content member into blocks: a string at `whole`, the parts of a list at `part(i)`.
pub(super) fn blocks<'a>(
    content: Content<'a, Part<'a>>,
    whole: At,
    part: impl Fn(u32) -> At,
) -> Result<Vec<Block<'a>>, Fault> {
    match content {
        Content::Absent => Ok(Vec::new()),
        Content::Text(text) => Ok(vec![Block::text(text, whole)]),
        Content::Parts(parts) => {
            parts.into_iter().zip(0..).map(|(p, i)| block(p, part(i))).collect()
        }
    }
}

/// Turns one part into a block.
pub(super) fn block<'a>(part: Part<'a>, at: At) -> Result<Block<'a>, Fault> {
    match part.kind {
        Kind::Unknown => foreign(part, at),
        Kind::Text => text(part, at),
        Kind::Image => media(part, at, MediaKind::Image),
        Kind::Document => media(part, at, MediaKind::Document),
        Kind::ToolUse => tool_use(part, at),
        Kind::ToolResult => tool_result(part, at),
        Kind::Thinking => {
            let text = need(part.text, at, "thinking")?;
            // SDKs send back an empty signature where an answer had none.
            let signature = part.signature.filter(|s| !s.is_empty());
            Ok(finish(BlockKind::Thinking { text, signature }, part.cache, part.extra, at))
        }
        Kind::Redacted => {
            let data = need(part.text, at, "data")?;
            Ok(finish(BlockKind::Redacted(data), part.cache, part.extra, at))
        }
    }
}

fn text<'a>(part: Part<'a>, at: At) -> Result<Block<'a>, Fault> {
    let Part { text, citations, cache, mut extra, .. } = part;
    let citations = match citations {
        Some(raw) => citation::read_all(raw, &mut extra),
        None => Vec::new(),
    };
    let block = finish(BlockKind::Text(need(text, at, "text")?), cache, extra, at);
    Ok(Block { citations, ..block })
}

fn tool_use<'a>(part: Part<'a>, at: At) -> Result<Block<'a>, Fault> {
    let Part { id, name, input, cache, extra, .. } = part;
    let input = need(input, at, "input")?;
    if !input.get().starts_with('{') {
        let message = "must be a JSON object: the input with which the tool was called.";
        return Err(Fault::invalid(at.key("input"), message));
    }
    let tool_use = ToolUse {
        id: need(id, at, "id")?,
        name: need(name, at, "name")?,
        input: Cow::Borrowed(input),
    };
    Ok(finish(BlockKind::ToolUse(tool_use), cache, extra, at))
}

fn tool_result<'a>(part: Part<'a>, at: At) -> Result<Block<'a>, Fault> {
    let Part { id, content, is_error, cache, extra, .. } = part;
    let content = blocks(content, at, |j| match at {
        At::Item(m, _, i) => At::Nested(m, i, j),
        At::Root
        | At::Member(_)
        | At::Element(..)
        | At::Message(_)
        | At::InMessage(..)
        | At::Nested(..)
        | At::InInput(..)
        | At::InputPart(..)
        | At::NestedTool(..) => at,
    })?;
    let result = ToolResult { id: need(id, at, "tool_use_id")?, content, is_error };
    Ok(finish(BlockKind::ToolResult(result), cache, extra, at))
}

fn media<'a>(part: Part<'a>, at: At, kind: MediaKind) -> Result<Block<'a>, Fault> {
    let Some(source) = part.source.as_ref() else {
        return Err(missing(at, "source"));
    };
    let found = match source.find() {
        Found::Known(MediaSource::Base64(data)) if !is_base64(&data) => {
            return Err(Fault::invalid(at.key("source.data"), NOT_BASE64));
        }
        Found::Known(found) => found,
        Found::Missing(member) => return Err(missing_at(at.key(&format!("source.{member}")))),
        Found::Foreign => return foreign(part, at),
    };
    let Part { source, title, context, citations, cache, mut extra, .. } = part;
    let Source { mime, extra: source_extra, .. } = source.unwrap_or_default();
    extra.extend(source_extra.into_iter().map(|(k, raw)| (Cow::Owned(format!("source.{k}")), raw)));
    let mime = match (&found, mime) {
        (_, Some(mime)) => mime,
        (MediaSource::Text(_), None) => Cow::Borrowed("text/plain"),
        (
            MediaSource::Base64(_)
            | MediaSource::Url(_)
            | MediaSource::FileId(_)
            | MediaSource::Blocks(_),
            None,
        ) => Cow::Borrowed(""),
    };
    let citations = citations.and_then(|raw| citations_enabled(raw, &mut extra));
    let media = Media { kind, mime, source: found, name: title, context, citations };
    Ok(finish(BlockKind::Media(media), cache, extra, at))
}

/// Reads `citations: {enabled}`; anything else in it goes to `extra`.
fn citations_enabled<'a>(raw: &'a RawValue, extra: &mut Extra<'a>) -> Option<bool> {
    let Ok(members) = serde_json::from_str::<Members<'a>>(raw.get()) else {
        extra.push((Cow::Borrowed("citations"), raw));
        return None;
    };
    let mut enabled = None;
    for (key, value) in members.0 {
        match (key.as_ref(), value.get()) {
            (_, "null") => {}
            ("enabled", "true") => enabled = Some(true),
            ("enabled", "false") => enabled = Some(false),
            _ => extra.push((Cow::Owned(format!("citations.{key}")), value)),
        }
    }
    enabled
}

/// The block as a whole, written down again from what was read of it.
fn foreign<'a>(part: Part<'a>, at: At) -> Result<Block<'a>, Fault> {
    let Part { word, source, title, context, citations, cache, extra, .. } = part;
    let Some(word) = word else {
        return Err(Fault::invalid(at.key("type"), "is missing; every content block needs one."));
    };
    let mut bytes = Vec::new();
    let mut w = JsonWriter::new(&mut bytes);
    w.open_object();
    w.member_str("type", &word);
    if let Some(source) = &source {
        w.key("source");
        source.write(&mut w);
    }
    if let Some(title) = &title {
        w.member_str("title", title);
    }
    if let Some(context) = &context {
        w.member_str("context", context);
    }
    if let Some(citations) = citations {
        w.member_raw("citations", citations);
    }
    if let Some(cache) = cache {
        w.member_raw("cache_control", cache);
    }
    write_extra(&mut w, &extra);
    w.close_object();
    Ok(Block::new(BlockKind::Foreign { kind: word, raw: written(bytes) }, at))
}

fn finish<'a>(
    kind: BlockKind<'a>,
    cache: Option<&'a RawValue>,
    mut extra: Extra<'a>,
    at: At,
) -> Block<'a> {
    let cache = cache::read(cache, &mut extra);
    Block { cache, extra, ..Block::new(kind, at) }
}

fn need<T>(value: Option<T>, at: At, member: &str) -> Result<T, Fault> {
    value.ok_or_else(|| missing(at, member))
}

fn missing(at: At, member: &str) -> Fault {
    missing_at(at.key(member))
}

fn missing_at(path: String) -> Fault {
    Fault::invalid(path, "is missing; a content block of this type needs it.")
}
