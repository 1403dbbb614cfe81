//! The body with the media in place of their addresses.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_model::json::Extra;

use super::{Form, Media, Place, sniff};
use crate::write::JsonWriter;

/// `body` with each place's media, which `media` gives by the place's number.
pub fn put<'m>(body: &[u8], places: &[Place<'_>], media: impl Fn(usize) -> Media<'m>) -> Vec<u8> {
    let added: usize = (0..places.len()).map(|i| media(i).bytes.len().div_ceil(3) * 4 + 96).sum();
    let mut out = Vec::with_capacity(body.len() + added);
    let mut done = 0;
    for (i, place) in places.iter().enumerate() {
        out.extend_from_slice(body.get(done..place.range.start).unwrap_or_default());
        done = place.range.end;
        match &place.form {
            Form::DataUrl => write_data_url(&mut out, media(i)),
            Form::File { members, address } => {
                let name = place.file_name();
                write_file(&mut out, media(i), members, address, name.as_deref());
            }
            Form::Source(members) => write_source(&mut out, media(i), members),
        }
    }
    out.extend_from_slice(body.get(done..).unwrap_or_default());
    out
}

fn write_data_url(out: &mut Vec<u8>, media: Media<'_>) {
    out.extend_from_slice(format!("\"data:{};base64,", media.mime).as_bytes());
    let start = out.len();
    out.resize(start + media.bytes.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(media.bytes, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
    out.push(b'"');
}

fn write_file(
    out: &mut Vec<u8>,
    media: Media<'_>,
    members: &Extra<'_>,
    address: &str,
    name: Option<&str>,
) {
    let mut data_url = Vec::new();
    write_data_url(&mut data_url, media);
    let mut w = JsonWriter::new(out);
    w.open_object();
    for (key, raw) in members {
        match &**key == address {
            true => {
                w.key("file_data");
                w.raw_bytes(&data_url);
            }
            false => {
                w.key_escaped(key);
                w.raw(raw);
            }
        }
    }
    let is_named = members.iter().any(|(key, raw)| key == "filename" && raw.get() != "null");
    if let Some(name) = name.filter(|_| !is_named) {
        w.member_str("filename", &with_ending(name, media.mime));
    }
    w.close_object();
}

/// A name that tells what the file is: names are cut at their last dot later.
fn with_ending(name: &str, mime: &str) -> String {
    let ending = sniff::ending(mime);
    let has_it = name.rsplit_once('.').is_some_and(|(_, own)| {
        own.eq_ignore_ascii_case(ending) || crate::openai::mime_by_ending(name) == mime
    });
    if has_it { name.to_owned() } else { format!("{name}.{ending}") }
}

/// Text is sent as text: Anthropic takes only PDF as base64.
fn write_source(out: &mut Vec<u8>, media: Media<'_>, members: &Extra<'_>) {
    let text = std::str::from_utf8(media.bytes).ok().filter(|_| media.mime.starts_with("text/"));
    let mut w = JsonWriter::new(out);
    w.open_object();
    match text {
        Some(text) => {
            w.member_str("type", "text");
            w.member_str("media_type", "text/plain");
            w.member_str("data", text.strip_prefix('\u{feff}').unwrap_or(text));
        }
        None => {
            w.member_str("type", "base64");
            w.member_str("media_type", media.mime);
            w.key("data");
            w.base64(media.bytes);
        }
    }
    for (key, raw) in members.iter().filter(|(key, _)| !matches!(&**key, "type" | "url")) {
        w.key_escaped(key);
        w.raw(raw);
    }
    w.close_object();
}
