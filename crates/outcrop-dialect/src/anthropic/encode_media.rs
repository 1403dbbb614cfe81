//! Images and documents from the IR to Anthropic's JSON.
//!
//! 1. Media that the model would silently not see is refused, never left out.
//! 2. Nothing is fetched: addresses and file ids are refused too.
//! 3. Images are png, jpeg, gif or webp; documents are PDF or text (AWS Claude parameters page,
//!    checked 2026-11-21). Text of any kind is sent as `text/plain`, the only one Anthropic names.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_model::chat::{Media, MediaKind, MediaSource};
use outcrop_model::{Block, Ledger};

use super::cache;
use crate::write::JsonWriter;

/// The source of a media block in the form that it will be written in.
enum Source<'m> {
    Base64 { mime: Cow<'m, str>, data: &'m str },
    Text(Cow<'m, str>),
    Blocks(&'m [Cow<'m, str>]),
}

pub(super) fn write_media(
    w: &mut JsonWriter<'_>,
    media: &Media<'_>,
    block: &Block<'_>,
    ledger: &mut Ledger,
) {
    let Media { kind, mime: _, source: _, name, context, citations } = media;
    let (word, source) = match kind {
        MediaKind::Image => ("image", image(media)),
        MediaKind::Document => ("document", document(media)),
        MediaKind::Audio => ("audio", Err(Cow::Borrowed("Claude takes no audio"))),
        MediaKind::Video => ("video", Err(Cow::Borrowed("Claude takes no video"))),
    };
    let source = match source {
        Ok(source) => source,
        Err(why) => return ledger.refused(block.at.to_string(), why),
    };
    note_plain_text(media, &source, block, ledger);
    w.open_object();
    w.member_str("type", word);
    w.key("source");
    write_source(w, &source);
    if *kind == MediaKind::Document {
        if let Some(name) = name {
            w.member_str("title", name);
        }
        if let Some(context) = context {
            w.member_str("context", context);
        }
        if let Some(citations) = citations {
            w.key("citations");
            w.open_object();
            w.member_bool("enabled", *citations);
            w.close_object();
        }
    } else if context.is_some() || name.is_some() {
        ledger.dropped(block.at.to_string(), "an image carries no name or context");
    }
    cache::write(w, block.cache);
    w.close_object();
}

fn write_source(w: &mut JsonWriter<'_>, source: &Source<'_>) {
    w.open_object();
    match source {
        Source::Base64 { mime, data } => {
            w.member_str("type", "base64");
            w.member_str("media_type", mime);
            w.member_str("data", data);
        }
        Source::Text(text) => {
            w.member_str("type", "text");
            w.member_str("media_type", "text/plain");
            w.member_str("data", text);
        }
        Source::Blocks(texts) => {
            w.member_str("type", "content");
            w.key("content");
            w.open_array();
            for text in *texts {
                w.open_object();
                w.member_str("type", "text");
                w.member_str("text", text);
                w.close_object();
            }
            w.close_array();
        }
    }
    w.close_object();
}

fn image<'m>(media: &'m Media<'_>) -> Result<Source<'m>, Cow<'static, str>> {
    let data = match &media.source {
        MediaSource::Base64(data) => data,
        MediaSource::Url(_) => return Err(Cow::Borrowed(NOT_FETCHED)),
        MediaSource::FileId(_) => return Err(Cow::Borrowed(NO_FILES)),
        MediaSource::Text(_) | MediaSource::Blocks(_) => {
            return Err(Cow::Borrowed("an image cannot be made of text"));
        }
    };
    let named = essence(&media.mime);
    let mime = match named.as_ref() {
        "image/png" | "image/jpeg" | "image/gif" | "image/webp" => named,
        "image/jpg" => Cow::Borrowed("image/jpeg"),
        "" | "image/*" | "application/octet-stream" => match image_type(data) {
            Some(mime) => Cow::Borrowed(mime),
            None => return Err(Cow::Borrowed("the image's media type is not known")),
        },
        other => {
            return Err(Cow::Owned(format!(
                "Claude takes images as png, jpeg, gif or webp, not `{other}`"
            )));
        }
    };
    Ok(Source::Base64 { mime, data })
}

fn document<'m>(media: &'m Media<'_>) -> Result<Source<'m>, Cow<'static, str>> {
    let data = match &media.source {
        MediaSource::Base64(data) => data,
        MediaSource::Text(text) => return Ok(Source::Text(Cow::Borrowed(text))),
        MediaSource::Blocks(texts) => return Ok(Source::Blocks(texts)),
        MediaSource::Url(_) => return Err(Cow::Borrowed(NOT_FETCHED)),
        MediaSource::FileId(_) => return Err(Cow::Borrowed(NO_FILES)),
    };
    let mime = essence(&media.mime);
    let is_pdf = mime == "application/pdf" || (is_unnamed(&mime) && data.starts_with(PDF));
    if is_pdf {
        return Ok(Source::Base64 { mime: Cow::Borrowed("application/pdf"), data });
    }
    if !is_text(&mime) && !is_unnamed(&mime) {
        return Err(Cow::Owned(format!("Claude takes documents as PDF or text, not `{mime}`")));
    }
    let bytes = STANDARD.decode(data.as_bytes()).unwrap_or_default();
    match String::from_utf8(bytes) {
        Ok(text) if !text.is_empty() => Ok(Source::Text(Cow::Owned(text))),
        Ok(_) | Err(_) => {
            Err(Cow::Borrowed("the document is not PDF, and not base64 of UTF-8 text"))
        }
    }
}

const NOT_FETCHED: &str = "this model's side reads no addresses; send the bytes as base64";
const NO_FILES: &str = "files uploaded elsewhere cannot be reached; send the content as base64";

/// Base64 of `%PDF-`.
const PDF: &str = "JVBERi";

/// A MIME type without parameters, in lower case.
fn essence(mime: &str) -> Cow<'_, str> {
    let bare = mime.split(';').next().unwrap_or_default().trim();
    match bare.bytes().any(|b| b.is_ascii_uppercase()) {
        true => Cow::Owned(bare.to_ascii_lowercase()),
        false => Cow::Borrowed(bare),
    }
}

fn is_unnamed(mime: &str) -> bool {
    matches!(mime, "" | "application/octet-stream")
}

fn is_text(mime: &str) -> bool {
    mime.starts_with("text/")
        || mime.ends_with("+json")
        || mime.ends_with("+xml")
        || matches!(
            mime,
            "application/json"
                | "application/xml"
                | "application/yaml"
                | "application/x-yaml"
                | "application/javascript"
                | "application/csv"
                | "application/x-ndjson"
        )
}

/// The image type that the first bytes tell (their base64 is unambiguous).
fn image_type(data: &str) -> Option<&'static str> {
    [
        ("iVBORw0KGgo", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
    ]
    .into_iter()
    .find_map(|(magic, mime)| data.starts_with(magic).then_some(mime))
}

/// Says so when text of a more telling type is sent as plain text.
fn note_plain_text(media: &Media<'_>, source: &Source<'_>, block: &Block<'_>, ledger: &mut Ledger) {
    let mime = essence(&media.mime);
    if matches!(source, Source::Text(_)) && !is_unnamed(&mime) && mime != "text/plain" {
        ledger.approximated(block.at.to_string(), format!("`{mime}` is sent as plain text"));
    }
}
