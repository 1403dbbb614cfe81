//! Writes JSON straight to bytes.
//!
//! 1. Commas are placed by the writer; the caller only opens, closes and names.
//! 2. Keys are literals of this crate and are written unescaped; values are always escaped.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

/// A cursor that appends one JSON value to a buffer it borrows.
#[derive(Debug)]
pub struct JsonWriter<'b> {
    buf: &'b mut Vec<u8>,
    comma: bool,
}

impl<'b> JsonWriter<'b> {
    pub fn new(buf: &'b mut Vec<u8>) -> Self {
        Self { buf, comma: false }
    }

    fn separate(&mut self) {
        if self.comma {
            self.buf.push(b',');
        }
    }

    pub fn open_object(&mut self) {
        self.open(b'{');
    }

    pub fn open_array(&mut self) {
        self.open(b'[');
    }

    pub fn close_object(&mut self) {
        self.close(b'}');
    }

    pub fn close_array(&mut self) {
        self.close(b']');
    }

    fn open(&mut self, bracket: u8) {
        self.separate();
        self.buf.push(bracket);
        self.comma = false;
    }

    fn close(&mut self, bracket: u8) {
        self.buf.push(bracket);
        self.comma = true;
    }

    /// Writes a key that needs no escaping.
    pub fn key(&mut self, key: &'static str) {
        self.separate();
        self.buf.push(b'"');
        self.buf.extend_from_slice(key.as_bytes());
        self.buf.extend_from_slice(b"\":");
        self.comma = false;
    }

    /// Writes a key that came from outside.
    pub fn key_escaped(&mut self, key: &str) {
        self.str(key);
        self.buf.push(b':');
        self.comma = false;
    }

    pub fn str(&mut self, value: &str) {
        self.separate();
        write_escaped(self.buf, value);
        self.comma = true;
    }

    /// Writes the characters between the quotes of one string, part by part.
    pub fn str_parts(&mut self, parts: &[&str]) {
        self.separate();
        self.buf.push(b'"');
        for part in parts {
            write_escaped_body(self.buf, part);
        }
        self.buf.push(b'"');
        self.comma = true;
    }

    /// Writes bytes as a base64 string.
    pub fn base64(&mut self, bytes: &[u8]) {
        self.separate();
        self.buf.push(b'"');
        let start = self.buf.len();
        self.buf.resize(start + bytes.len().div_ceil(3) * 4, 0);
        let written = STANDARD.encode_slice(bytes, &mut self.buf[start..]).unwrap_or(0);
        self.buf.truncate(start + written);
        self.buf.push(b'"');
        self.comma = true;
    }

    pub fn u64(&mut self, value: u64) {
        self.separate();
        self.buf.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.comma = true;
    }

    /// Writes a number in its shortest exact form; a non-finite one, which JSON lacks, as `null`.
    pub fn f64(&mut self, value: f64) {
        self.separate();
        match serde_json::Number::from_f64(value) {
            Some(number) => self.buf.extend_from_slice(number.to_string().as_bytes()),
            None => self.buf.extend_from_slice(b"null"),
        }
        self.comma = true;
    }

    pub fn bool(&mut self, value: bool) {
        self.raw_bytes(if value { b"true" } else { b"false" });
    }

    pub fn null(&mut self) {
        self.raw_bytes(b"null");
    }

    pub fn raw(&mut self, value: &RawValue) {
        self.raw_bytes(value.get().as_bytes());
    }

    /// Writes bytes that are one JSON value already.
    pub fn raw_bytes(&mut self, json: &[u8]) {
        self.separate();
        self.buf.extend_from_slice(json);
        self.comma = true;
    }

    // Shorthands for `key` + value.

    pub fn member_str(&mut self, key: &'static str, value: &str) {
        self.key(key);
        self.str(value);
    }

    pub fn member_u64(&mut self, key: &'static str, value: u64) {
        self.key(key);
        self.u64(value);
    }

    pub fn member_bool(&mut self, key: &'static str, value: bool) {
        self.key(key);
        self.bool(value);
    }

    pub fn member_raw(&mut self, key: &'static str, value: &RawValue) {
        self.key(key);
        self.raw(value);
    }

    pub fn member_null(&mut self, key: &'static str) {
        self.key(key);
        self.null();
    }
}

fn write_escaped(buf: &mut Vec<u8>, value: &str) {
    buf.push(b'"');
    write_escaped_body(buf, value);
    buf.push(b'"');
}

/// Bytes that are looked at together; the compiler makes one vector comparison of them.
const LANES: usize = 16;

fn write_escaped_body(buf: &mut Vec<u8>, value: &str) {
    let mut rest = value.as_bytes();
    loop {
        let (plain, tail) = rest.split_at(plain_prefix(rest));
        buf.extend_from_slice(plain);
        let Some((byte, after)) = tail.split_first() else { return };
        push_escape(buf, *byte);
        rest = after;
    }
}

/// How many bytes from the front need no escape.
fn plain_prefix(bytes: &[u8]) -> usize {
    let mut checked = 0;
    for chunk in bytes.as_chunks::<LANES>().0 {
        if chunk.iter().fold(false, |any, byte| any | is_special(*byte)) {
            break;
        }
        checked += LANES;
    }
    for word in bytes[checked..].as_chunks().0 {
        if let Some(at) = first_special(u64::from_le_bytes(*word)) {
            return checked + at;
        }
        checked += size_of::<u64>();
    }
    let found = bytes[checked..].iter().position(|byte| is_special(*byte));
    found.map_or(bytes.len(), |at| checked + at)
}

/// Whether a byte must be escaped inside a JSON string. Without branches, so that it can be vectorised.
fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// The place of the first of eight bytes that must be escaped; the first byte is the lowest.
fn first_special(word: u64) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = ONES << 7;
    // Sets the top bit of each byte below `limit`, and sometimes of bytes above the first such one.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & TOPS;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let found = below(word, 0x20) | equal(b'"') | equal(b'\\');
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

fn push_escape(buf: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => buf.extend_from_slice(b"\\\""),
        b'\\' => buf.extend_from_slice(b"\\\\"),
        b'\n' => buf.extend_from_slice(b"\\n"),
        b'\r' => buf.extend_from_slice(b"\\r"),
        b'\t' => buf.extend_from_slice(b"\\t"),
        _ => {
            buf.extend_from_slice(b"\\u00");
            buf.push(HEX[(byte >> 4) as usize]);
            buf.push(HEX[(byte & 15) as usize]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_serde_json_reads() {
        let mut buf = Vec::new();
        let mut w = JsonWriter::new(&mut buf);
        w.open_object();
        w.member_str("a", "quote \" back \\ line \n bell \u{7} ü");
        w.key("list");
        w.open_array();
        w.u64(1);
        w.f64(0.7);
        w.open_object();
        w.close_object();
        w.null();
        w.close_array();
        w.key("b64");
        w.base64(b"hello");
        w.key_escaped("odd\"key");
        w.str_parts(&["x\n", "y"]);
        w.close_object();
        let value: serde_json::Value = serde_json::from_slice(&buf).unwrap();
        let expected = serde_json::json!({
            "a": "quote \" back \\ line \n bell \u{7} ü",
            "list": [1, 0.7, {}, null],
            "b64": "aGVsbG8=",
            "odd\"key": "x\ny",
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn every_special_byte_is_escaped_wherever_it_stands() {
        for length in 0..3 * LANES {
            for (at, special) in (0..=length).zip(["\"", "\\", "\n", "\0", "\u{1f}"].iter().cycle())
            {
                let text = format!("{}{special}{}", "a".repeat(at), "ü".repeat(length - at));
                let mut buf = Vec::new();
                JsonWriter::new(&mut buf).str(&text);
                assert_eq!(serde_json::from_slice::<String>(&buf).unwrap(), text);
            }
        }
    }
}
