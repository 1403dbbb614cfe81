//! Images, documents, audio and video as Converse wants them.

use outcrop_model::chat::{Media, MediaKind, MediaSource};
use outcrop_model::{At, Ledger};

use crate::write::JsonWriter;

/// Converse wants document names unique within a request and of a narrow charset.
#[derive(Debug, Default)]
pub(super) struct DocumentNames(Vec<String>);

impl DocumentNames {
    /// A legal, unused name made from what the caller called the document.
    fn claim(&mut self, wanted: Option<&str>) -> String {
        let stem =
            wanted.map_or("document", |name| name.rsplit_once('.').map_or(name, |(stem, _)| stem));
        let legal: String =
            stem.chars().map(|c| if is_name_char(c) { c } else { '-' }).take(180).collect();
        let base = match legal.split_whitespace().collect::<Vec<_>>().join(" ") {
            name if name.is_empty() => "document".to_owned(),
            name => name,
        };
        let mut name = base.clone();
        let mut copy = 2;
        while self.0.contains(&name) {
            name = format!("{base} ({copy})");
            copy += 1;
        }
        self.0.push(name.clone());
        name
    }
}

/// Converse: alphanumeric, white space, hyphens, parentheses and square brackets.
fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '(' | ')' | '[' | ']')
}

/// Format words by MIME type (Converse enums, service model checked 2026-11-21).
const FORMATS: [(&str, MediaKind, &str); 37] = [
    ("image/png", MediaKind::Image, "png"),
    ("image/jpeg", MediaKind::Image, "jpeg"),
    ("image/jpg", MediaKind::Image, "jpeg"),
    ("image/gif", MediaKind::Image, "gif"),
    ("image/webp", MediaKind::Image, "webp"),
    ("application/pdf", MediaKind::Document, "pdf"),
    ("text/csv", MediaKind::Document, "csv"),
    ("application/msword", MediaKind::Document, "doc"),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        MediaKind::Document,
        "docx",
    ),
    ("application/vnd.ms-excel", MediaKind::Document, "xls"),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        MediaKind::Document,
        "xlsx",
    ),
    ("text/html", MediaKind::Document, "html"),
    ("text/plain", MediaKind::Document, "txt"),
    ("text/markdown", MediaKind::Document, "md"),
    ("text/x-markdown", MediaKind::Document, "md"),
    ("audio/mp3", MediaKind::Audio, "mp3"),
    ("audio/mpeg", MediaKind::Audio, "mp3"),
    ("audio/wav", MediaKind::Audio, "wav"),
    ("audio/x-wav", MediaKind::Audio, "wav"),
    ("audio/opus", MediaKind::Audio, "opus"),
    ("audio/aac", MediaKind::Audio, "aac"),
    ("audio/flac", MediaKind::Audio, "flac"),
    ("audio/mp4", MediaKind::Audio, "mp4"),
    ("audio/ogg", MediaKind::Audio, "ogg"),
    ("audio/m4a", MediaKind::Audio, "m4a"),
    ("audio/pcm", MediaKind::Audio, "pcm"),
    ("audio/pcm16", MediaKind::Audio, "pcm"),
    ("audio/webm", MediaKind::Audio, "webm"),
    ("video/x-matroska", MediaKind::Video, "mkv"),
    ("video/quicktime", MediaKind::Video, "mov"),
    ("video/mp4", MediaKind::Video, "mp4"),
    ("video/webm", MediaKind::Video, "webm"),
    ("video/x-flv", MediaKind::Video, "flv"),
    ("video/mpeg", MediaKind::Video, "mpeg"),
    ("video/mpg", MediaKind::Video, "mpg"),
    ("video/x-ms-wmv", MediaKind::Video, "wmv"),
    ("video/3gpp", MediaKind::Video, "three_gp"),
];

/// The format word for a media block: by MIME type, else by the ending of its name or address.
fn format_of(media: &Media<'_>) -> Option<&'static str> {
    let mime = media.mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let by_mime = FORMATS.iter().find(|(m, kind, _)| *m == mime && *kind == media.kind);
    let address = match &media.source {
        MediaSource::Url(url) => Some(url),
        MediaSource::Base64(_)
        | MediaSource::FileId(_)
        | MediaSource::Text(_)
        | MediaSource::Blocks(_) => None,
    };
    let name = media.name.as_ref().or(address);
    let ending = || name?.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    by_mime.map(|(_, _, format)| *format).or_else(|| {
        let ending = ending()?;
        FORMATS
            .iter()
            .find(|(_, kind, f)| *kind == media.kind && *f == ending)
            .map(|(_, _, format)| *format)
    })
}

pub(super) fn write_media(
    w: &mut JsonWriter<'_>,
    media: &Media<'_>,
    at: At,
    names: &mut DocumentNames,
    ledger: &mut Ledger,
) {
    let Media { kind, mime, source, name, context, citations } = media;
    let text_source = matches!(source, MediaSource::Text(_) | MediaSource::Blocks(_));
    let Some(format) = format_of(media).or(text_source.then_some("txt")) else {
        let why = match mime.is_empty() {
            true => "its media type is not known".to_owned(),
            false => format!("`{mime}` is not a format that Bedrock takes"),
        };
        return ledger.refused(at.to_string(), why);
    };
    w.open_object();
    w.key(match kind {
        MediaKind::Image => "image",
        MediaKind::Document => "document",
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    });
    w.open_object();
    w.member_str("format", format);
    if *kind == MediaKind::Document {
        w.member_str("name", &names.claim(name.as_deref()));
        context.iter().for_each(|c| w.member_str("context", c));
        if *citations == Some(true) {
            w.key("citations");
            w.open_object();
            w.member_bool("enabled", true);
            w.close_object();
        }
    }
    w.key("source");
    w.open_object();
    write_source(w, source, *citations == Some(true), at, ledger);
    w.close_object();
    w.close_object();
    w.close_object();
}

fn write_source(
    w: &mut JsonWriter<'_>,
    source: &MediaSource<'_>,
    is_cited: bool,
    at: At,
    ledger: &mut Ledger,
) {
    match source {
        MediaSource::Base64(data) => w.member_str("bytes", data),
        MediaSource::Text(text) => {
            w.key("bytes");
            w.base64(text.as_bytes());
        }
        // Citations count the parts.
        MediaSource::Blocks(texts) if is_cited => {
            w.key("content");
            w.open_array();
            for text in texts {
                w.open_object();
                w.member_str("text", text);
                w.close_object();
            }
            w.close_array();
        }
        MediaSource::Blocks(texts) => {
            w.key("bytes");
            w.base64(texts.join("\n").as_bytes());
        }
        MediaSource::Url(url) if url.starts_with("s3://") => {
            w.key("s3Location");
            w.open_object();
            w.member_str("uri", url);
            w.close_object();
        }
        MediaSource::Url(_) | MediaSource::FileId(_) => {
            ledger.refused(at.to_string(), "Bedrock fetches nothing; send the bytes as base64");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_names_are_legal_and_unique() {
        let mut names = DocumentNames::default();
        assert_eq!(names.claim(Some("Q3 report_v2.pdf")), "Q3 report-v2");
        assert_eq!(names.claim(Some("Q3 report/v2.docx")), "Q3 report-v2 (2)");
        assert_eq!(names.claim(None), "document");
        assert_eq!(names.claim(Some("  .pdf")), "document (2)");
    }
}
