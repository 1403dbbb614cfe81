//! Bytes inside JSON: base64 members and data URLs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::reader::{Node, Parsed};
use crate::words::Part;

/// The decoded bytes of a base64 text, at least one.
pub(crate) fn decoded(node: &Node<'_>) -> Parsed<Vec<u8>> {
    decode(node, node.text()?)
}

fn decode(node: &Node<'_>, text: &str) -> Parsed<Vec<u8>> {
    let bytes = STANDARD.decode(text).map_err(|_| node.fail("not a valid base64 string"))?;
    if bytes.is_empty() {
        return Err(node.fail("expected minLength: 1, actual: 0"));
    }
    Ok(bytes)
}

/// The bytes of a base64 data URL.
pub(crate) fn decoded_url(node: &Node<'_>) -> Parsed<Vec<u8>> {
    let url = node.text()?.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    let Some((_, data)) = url else {
        return Err(node.fail("only base64 data URLs are supported"));
    };
    decode(node, data)
}

/// Media from a `data:image/png;base64,…` URL; other URLs are refused, nothing is fetched here.
pub(crate) fn from_data_url(kind: &'static str, node: &Node<'_>) -> Parsed<Part> {
    let url = node.text()?.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    let Some((media_type, data)) = url else {
        return Err(node.fail("only base64 data URLs are supported"));
    };
    let format = media_type.rsplit('/').next().unwrap_or(media_type).to_owned();
    Ok(Part::Media { kind, format, name: String::new(), bytes: decode(node, data)?.len() })
}

/// The format that an image's first bytes tell.
pub(crate) fn image_format(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "png",
        [0xff, 0xd8, 0xff, ..] => "jpeg",
        [b'G', b'I', b'F', b'8', ..] => "gif",
        [b'R', b'I', b'F', b'F', ..] => "webp",
        _ => "unknown",
    }
}
