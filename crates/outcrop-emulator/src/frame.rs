//! `application/vnd.amazon.eventstream`: one message to bytes, with both CRCs.

use bytes::{BufMut, Bytes, BytesMut};

/// Prelude (12 bytes) and the message CRC (4 bytes).
const OVERHEAD: usize = 16;
/// The header value type of a string.
const STRING: u8 = 7;

/// Encodes one message whose headers are all strings.
///
/// Header names must be shorter than 256 bytes and values shorter than 64 KiB; longer ones are cut.
pub(crate) fn encode(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let mut head = BytesMut::new();
    for (name, value) in headers {
        put_header(&mut head, name, value);
    }
    let total = OVERHEAD + head.len() + payload.len();
    let mut message = BytesMut::with_capacity(total);
    message.put_u32(size(total));
    message.put_u32(size(head.len()));
    message.put_u32(crc32fast::hash(&message));
    message.put_slice(&head);
    message.put_slice(payload);
    message.put_u32(crc32fast::hash(&message));
    message.freeze()
}

/// The same message with its last CRC byte flipped.
pub(crate) fn corrupted(message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::from(message);
    // Line ends are passed over: without them a server-sent event would only become a longer one.
    if let Some(last) = bytes.iter_mut().rev().find(|byte| **byte != b'\n') {
        *last ^= 0xff;
    }
    bytes.freeze()
}

fn put_header(head: &mut BytesMut, name: &str, value: &str) {
    let name = &name.as_bytes()[..name.len().min(usize::from(u8::MAX))];
    let value = &value.as_bytes()[..value.len().min(usize::from(u16::MAX))];
    head.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
    head.put_slice(name);
    head.put_u8(STRING);
    head.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
    head.put_slice(value);
}

/// Messages stay far below 4 GiB: a payload is at most one answer.
fn size(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_checksums_are_those_of_the_format() {
        let message = encode(&[(":event-type", "x")], b"{}");
        let word = |at: usize| u32::from_be_bytes(message[at..at + 4].try_into().unwrap());
        assert_eq!(word(0) as usize, message.len());
        assert_eq!(word(4), 1 + 11 + 1 + 2 + 1);
        assert_eq!(word(8), crc32fast::hash(&message[..8]));
        let end = message.len() - 4;
        assert_eq!(word(end), crc32fast::hash(&message[..end]));
    }
}
