//! Images, files and audio as parts of a Chat Completions message.

use outcrop_model::chat::{Media, MediaKind, MediaSource};
use outcrop_model::{At, Ledger};

use crate::write::JsonWriter;

/// Writes one part; what cannot be one is refused, since the model would not see it.
pub(super) fn write_part(w: &mut JsonWriter<'_>, media: &Media<'_>, at: At, ledger: &mut Ledger) {
    let Media { kind, mime, source, name, context, citations } = media;
    if context.is_some() {
        ledger.dropped(at.key("context"), "OpenAI's API has no place beside a file");
    }
    if *citations == Some(true) {
        ledger.dropped(at.key("citations"), "OpenAI's API has no citations");
    }
    match (kind, source) {
        (MediaKind::Image, MediaSource::Base64(data)) => {
            image(w, &["data:", mime, ";base64,", data]);
        }
        (MediaKind::Image, MediaSource::Url(url)) => image(w, &[url]),
        (MediaKind::Audio, MediaSource::Base64(data)) => {
            let format = mime.rsplit('/').next().unwrap_or_default();
            w.open_object();
            w.member_str("type", "input_audio");
            w.key("input_audio");
            w.open_object();
            w.member_str("data", data);
            w.member_str("format", format.strip_prefix("x-").unwrap_or(format));
            w.close_object();
            w.close_object();
        }
        (MediaKind::Document, MediaSource::Base64(data)) => {
            w.open_object();
            w.member_str("type", "file");
            w.key("file");
            w.open_object();
            w.member_str("filename", name.as_deref().unwrap_or("document"));
            w.key("file_data");
            w.str_parts(&["data:", mime, ";base64,", data]);
            w.close_object();
            w.close_object();
        }
        (MediaKind::Document, MediaSource::Text(text)) => text_document(w, &[text], at, ledger),
        (MediaKind::Document, MediaSource::Blocks(texts)) => {
            let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
            text_document(w, &texts, at, ledger);
        }
        (
            MediaKind::Image,
            MediaSource::FileId(_) | MediaSource::Text(_) | MediaSource::Blocks(_),
        )
        | (MediaKind::Document, MediaSource::Url(_) | MediaSource::FileId(_))
        | (
            MediaKind::Audio,
            MediaSource::Url(_)
            | MediaSource::FileId(_)
            | MediaSource::Text(_)
            | MediaSource::Blocks(_),
        )
        | (MediaKind::Video, _) => {
            ledger.refused(at.to_string(), "OpenAI's chat cannot hold it in this form");
        }
    }
}

fn image(w: &mut JsonWriter<'_>, url: &[&str]) {
    w.open_object();
    w.member_str("type", "image_url");
    w.key("image_url");
    w.open_object();
    w.key("url");
    w.str_parts(url);
    w.close_object();
    w.close_object();
}

/// A document that is text already.
fn text_document(w: &mut JsonWriter<'_>, texts: &[&str], at: At, ledger: &mut Ledger) {
    ledger.approximated(at.to_string(), "a document of text was sent as text");
    w.open_object();
    w.member_str("type", "text");
    w.key("text");
    w.str_parts(texts);
    w.close_object();
}
