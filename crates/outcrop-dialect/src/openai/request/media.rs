//! Images, files and sound: from data URLs, bare base64, addresses and file ids.
//!
//! Base64 is checked but never decoded as a whole: every dialect of Bedrock carries it as text.

use std::borrow::Cow;

use outcrop_model::chat::{Media, MediaKind, MediaSource};
use outcrop_model::json::Extra;
use outcrop_model::{At, BlockKind, Fault};

use super::invalid;
use crate::blob::{NOT_BASE64, is_base64};
use crate::openai::wire::{AudioPart, FilePart, UrlPart, lift, text};

/// MIME types by file name ending, for files that come without one.
const ENDINGS: [(&str, &str); 21] = [
    ("pdf", "application/pdf"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("html", "text/html"),
    ("htm", "text/html"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("mp3", "audio/mp3"),
    ("wav", "audio/wav"),
    ("mp4", "video/mp4"),
    ("mov", "video/quicktime"),
    ("mkv", "video/x-matroska"),
    ("webm", "video/webm"),
];

/// `image_url` or `video_url`; the MIME type of a data URL outvotes the part's type.
pub(super) fn from_url<'a>(
    part: UrlPart<'a>,
    declared: MediaKind,
    at: At,
    extra: &mut Extra<'a>,
) -> Result<BlockKind<'a>, Fault> {
    let key = if declared == MediaKind::Video { "video_url" } else { "image_url" };
    let UrlPart { url, extra: mut unknown } = part;
    let path = || at.key(&format!("{key}.url"));
    let url = url.ok_or_else(|| invalid(path(), "is required: a data URL with base64."))?;
    let (mime, source) = source(url, &path)?;
    // `auto` is what happens anyway: no model of Bedrock takes a level of detail.
    unknown.retain(|(key, raw)| !(key == "detail" && raw.get() == "\"auto\""));
    lift(extra, key, unknown);
    Ok(block(kind_of(&mime).unwrap_or(declared), mime, source, None))
}

/// `input_audio`
pub(super) fn from_audio<'a>(
    part: AudioPart<'a>,
    at: At,
    extra: &mut Extra<'a>,
) -> Result<BlockKind<'a>, Fault> {
    let AudioPart { data, format, extra: unknown } = part;
    let path = |key: &str| at.key(&format!("input_audio.{key}"));
    let data = data.ok_or_else(|| invalid(path("data"), "is required: the sound as base64."))?;
    let format = format.ok_or_else(|| invalid(path("format"), "is required, e.g. wav or mp3."))?;
    check_base64(&data, &|| path("data"))?;
    lift(extra, "input_audio", unknown);
    let mime = Cow::Owned(format!("audio/{format}"));
    Ok(block(MediaKind::Audio, mime, MediaSource::Base64(data), None))
}

/// `file`
pub(super) fn from_file<'a>(
    part: FilePart<'a>,
    at: At,
    extra: &mut Extra<'a>,
) -> Result<BlockKind<'a>, Fault> {
    let FilePart { file_data: data, file_id: id, filename, extra: unknown } = part;
    let path = |key: &str| at.key(&format!("file.{key}"));
    lift(extra, "file", unknown);
    let (mime, source) = match (data, id) {
        (Some(data), surplus) => {
            extra.extend(surplus.map(|raw| (Cow::Borrowed("file.file_id"), raw)));
            file_data(data, &|| path("file_data"))?
        }
        (None, Some(raw)) => file_id(text(raw, &path("file_id"))?, &|| path("file_id"))?,
        (None, None) => return Err(invalid(path("file_data"), "is required: a data URL.")),
    };
    let mime = match mime.is_empty() {
        true => Cow::Borrowed(filename.as_deref().map_or("", mime_by_ending)),
        false => mime,
    };
    Ok(block(kind_of(&mime).unwrap_or(MediaKind::Document), mime, source, filename))
}

fn block<'a>(
    kind: MediaKind,
    mime: Cow<'a, str>,
    source: MediaSource<'a>,
    name: Option<Cow<'a, str>>,
) -> BlockKind<'a> {
    BlockKind::Media(Media { kind, mime, source, name, context: None, citations: None })
}

fn is_data_url(text: &str) -> bool {
    text.as_bytes().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"data:"))
}

/// `file_data`: a data URL, an address, or bare base64.
pub(crate) fn file_data<'a>(
    data: Cow<'a, str>,
    path: &dyn Fn() -> String,
) -> Result<(Cow<'a, str>, MediaSource<'a>), Fault> {
    if is_data_url(&data) || data.contains("://") {
        return source(data, path);
    }
    check_base64(&data, path)?;
    Ok((Cow::Borrowed(""), MediaSource::Base64(data)))
}

/// `file_id`: an id, or the address that some clients send in its place.
pub(crate) fn file_id<'a>(
    id: Cow<'a, str>,
    path: &dyn Fn() -> String,
) -> Result<(Cow<'a, str>, MediaSource<'a>), Fault> {
    match id.contains("://") {
        true => source(id, path),
        false => Ok((Cow::Borrowed(""), MediaSource::FileId(id))),
    }
}

/// MIME type and source of an address.
pub(crate) fn source<'a>(
    url: Cow<'a, str>,
    path: &dyn Fn() -> String,
) -> Result<(Cow<'a, str>, MediaSource<'a>), Fault> {
    if !is_data_url(&url) {
        return match url.split_once("://") {
            Some(("http" | "https" | "s3", _)) => {
                Ok((Cow::Borrowed(mime_by_ending(&url)), MediaSource::Url(url)))
            }
            _ => Err(invalid(path(), "must be a data URL with base64, or an http(s) address.")),
        };
    }
    let comma = memchr::memchr(b',', url.as_bytes());
    let head = comma.map(|comma| &url[5..comma]).and_then(|head| head.strip_suffix(";base64"));
    let (Some(comma), Some(head)) = (comma, head) else {
        let what = "is not a base64 data URL; write `data:<mime type>;base64,<data>`.";
        return Err(invalid(path(), what));
    };
    let mime_end = 5 + head.find(';').unwrap_or(head.len());
    check_base64(&url[comma + 1..], path)?;
    let (mime, data) = match url {
        Cow::Borrowed(url) => (Cow::Borrowed(&url[5..mime_end]), Cow::Borrowed(&url[comma + 1..])),
        Cow::Owned(mut url) => {
            let mime = url[5..mime_end].to_owned();
            url.drain(..=comma);
            (Cow::Owned(mime), Cow::Owned(url))
        }
    };
    Ok((mime, MediaSource::Base64(data)))
}

pub(crate) fn check_base64(data: &str, path: &dyn Fn() -> String) -> Result<(), Fault> {
    match is_base64(data) {
        true => Ok(()),
        false => Err(invalid(path(), NOT_BASE64)),
    }
}

pub(crate) fn kind_of(mime: &str) -> Option<MediaKind> {
    match mime.split_once('/')?.0 {
        "image" => Some(MediaKind::Image),
        "audio" => Some(MediaKind::Audio),
        "video" => Some(MediaKind::Video),
        "text" | "application" => Some(MediaKind::Document),
        _ => None,
    }
}

pub(crate) fn mime_by_ending(name: &str) -> &'static str {
    let Some((_, ending)) = name.rsplit_once('.') else { return "" };
    let known = ENDINGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(ending));
    known.map_or("", |(_, mime)| *mime)
}
