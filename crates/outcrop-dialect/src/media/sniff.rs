//! What bytes are, by the bytes.
//!
//! A header or a file name only tells kinds of text apart, which bytes do not.
//! Source: the formats' own signatures, as WHATWG's MIME Sniffing collects them (checked 2026-11-26).

use memchr::memmem::find;

use crate::openai::mime_by_ending;

/// Every type that is told, with the ending of its files.
const ENDINGS: [(&str, &str); 28] = [
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
    ("application/pdf", "pdf"),
    (DOCX, "docx"),
    (XLSX, "xlsx"),
    ("application/msword", "doc"),
    ("application/vnd.ms-excel", "xls"),
    ("text/html", "html"),
    ("text/csv", "csv"),
    ("text/markdown", "md"),
    ("text/plain", "txt"),
    ("audio/mp3", "mp3"),
    ("audio/wav", "wav"),
    ("audio/flac", "flac"),
    ("audio/ogg", "ogg"),
    ("audio/opus", "opus"),
    ("audio/aac", "aac"),
    ("audio/m4a", "m4a"),
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/3gpp", "3gp"),
    ("video/webm", "webm"),
    ("video/x-matroska", "mkv"),
    ("video/x-flv", "flv"),
    ("video/mpeg", "mpeg"),
    ("video/x-ms-wmv", "wmv"),
];

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Types that the first bytes tell.
const MAGIC: [(&[u8], &str); 17] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mp3"),
    (b"\xff\xfb", "audio/mp3"),
    (b"\xff\xf3", "audio/mp3"),
    (b"\xff\xf2", "audio/mp3"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    (b"fLaC", "audio/flac"),
    (b"FLV\x01", "video/x-flv"),
    (b"\0\0\x01\xba", "video/mpeg"),
    (b"\0\0\x01\xb3", "video/mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-wmv"),
    (b"\xef\xbb\xbf%PDF-", "application/pdf"),
];

/// Bytes in which a container says what it holds.
const HEAD: usize = 512;

/// The MIME type of `bytes`, if it is one that some model takes.
pub(super) fn mime(
    bytes: &[u8],
    declared: Option<&str>,
    file_name: Option<&str>,
) -> Option<&'static str> {
    let told = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic));
    if let Some((_, mime)) = told {
        return Some(mime);
    }
    let head = &bytes[..bytes.len().min(HEAD)];
    match head {
        [b'R', b'I', b'F', b'F', _, _, _, _, kind @ ..] if kind.starts_with(b"WEBP") => {
            Some("image/webp")
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, kind @ ..] if kind.starts_with(b"WAVE") => {
            Some("audio/wav")
        }
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => iso_media(brand),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => match find(head, b"webm") {
            Some(_) => Some("video/webm"),
            None => find(head, b"matroska").map(|_| "video/x-matroska"),
        },
        [b'O', b'g', b'g', b'S', ..] => match find(head, b"OpusHead") {
            Some(_) => Some("audio/opus"),
            None => Some("audio/ogg"),
        },
        [b'P', b'K', 3, 4, ..] => match find(bytes, b"word/document.xml") {
            Some(_) => Some(DOCX),
            None => find(bytes, b"xl/workbook.").map(|_| XLSX),
        },
        [0xd0, 0xcf, 0x11, 0xe0, ..] => match find(bytes, &utf16("WordDocument")) {
            Some(_) => Some("application/msword"),
            None => find(bytes, &utf16("Workbook")).map(|_| "application/vnd.ms-excel"),
        },
        _ => text(bytes, declared, file_name),
    }
}

/// The ending of files of a type; every type that [`mime`] tells has one.
pub(super) fn ending(mime: &str) -> &'static str {
    ENDINGS.iter().find(|(known, _)| *known == mime).map_or("bin", |(_, ending)| *ending)
}

fn iso_media(brand: &[u8]) -> Option<&'static str> {
    match brand {
        [b'q', b't', b' ', b' ', ..] => Some("video/quicktime"),
        [b'3', b'g', ..] => Some("video/3gpp"),
        [b'M', b'4', b'A', ..] => Some("audio/m4a"),
        // Still pictures that no model takes.
        [b'a', b'v', b'i', ..] | [b'h', b'e', ..] | [b'm', b'i', b'f', b'1', ..] => None,
        _ => Some("video/mp4"),
    }
}

fn text(bytes: &[u8], declared: Option<&str>, file_name: Option<&str>) -> Option<&'static str> {
    const KINDS: [&str; 3] = ["text/html", "text/csv", "text/markdown"];
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
    let start: String = text.trim_start_matches('\u{feff}').trim_start().chars().take(14).collect();
    let start = start.to_ascii_lowercase();
    if start.starts_with("<!doctype html") || start.starts_with("<html") {
        return Some("text/html");
    }
    let essence = declared.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let named = file_name.map_or("", mime_by_ending);
    let told = |by: &str| KINDS.iter().find(|kind| kind.eq_ignore_ascii_case(by)).copied();
    Some(told(essence).or_else(|| told(named)).unwrap_or("text/plain"))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_decide() {
        let zip = |name: &str| [b"PK\x03\x04....", name.as_bytes()].concat();
        let ole = |name: &str| [&[0xd0, 0xcf, 0x11, 0xe0][..], &utf16(name)].concat();
        let cases: &[(&[u8], Option<&str>)] = &[
            (b"\x89PNG\r\n\x1a\nrest", Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a", Some("image/gif")),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"RIFF\x10\0\0\0WAVEfmt ", Some("audio/wav")),
            (b"%PDF-1.7", Some("application/pdf")),
            (&zip("word/document.xml"), Some(DOCX)),
            (&zip("xl/workbook.xml"), Some(XLSX)),
            (&zip("evil.exe"), None),
            (&ole("WordDocument"), Some("application/msword")),
            (&ole("Workbook"), Some("application/vnd.ms-excel")),
            (b"ID3\x04", Some("audio/mp3")),
            (b"OggS....OpusHead", Some("audio/opus")),
            (b"OggS....vorbis", Some("audio/ogg")),
            (b"\0\0\0\x20ftypisom", Some("video/mp4")),
            (b"\0\0\0\x20ftypqt  ", Some("video/quicktime")),
            (b"\0\0\0\x20ftyp3gp5", Some("video/3gpp")),
            (b"\0\0\0\x20ftypM4A ", Some("audio/m4a")),
            (b"\0\0\0\x20ftypavif", None),
            (b"\x1a\x45\xdf\xa3..webm", Some("video/webm")),
            (b"\x1a\x45\xdf\xa3..matroska", Some("video/x-matroska")),
            (b"  <!DOCTYPE html><p>", Some("text/html")),
            (b"<svg xmlns=''/>", Some("text/plain")),
            (b"hello", Some("text/plain")),
            (b"\x7fELF\0\0", None),
            (b"BM\0\0", None),
            (b"\xff\xfeh\0i\0", None),
        ];
        for (bytes, expected) in cases {
            for lie in [None, Some("image/png"), Some("application/pdf")] {
                assert_eq!(mime(bytes, lie, Some("x.gif")), *expected, "{bytes:?}");
            }
        }
    }

    #[test]
    fn kinds_of_text_are_told_by_header_then_name() {
        for (declared, name, expected) in [
            (Some("text/csv; charset=utf-8"), Some("x.md"), "text/csv"),
            (Some("text/plain"), Some("x.md"), "text/markdown"),
            (None, Some("x.csv"), "text/csv"),
            (Some("application/json"), None, "text/plain"),
        ] {
            assert_eq!(mime(b"a,b", declared, name), Some(expected));
        }
    }

    #[test]
    fn every_type_that_is_told_has_an_ending() {
        for (_, mime) in MAGIC {
            assert_ne!(ending(mime), "bin", "{mime}");
        }
    }
}
