//! The framing `application/vnd.amazon.eventstream`: bytes in any chunks → whole frames.
//!
//! 1. The chunking of the input never changes the frames: any split, also inside a prelude, is the
//!    same stream.
//! 2. A frame is handed out only after both its checksums agree; a single wrong byte is found.
//! 3. Memory is bounded by the frame limit plus one chunk: an announced length above the limit is
//!    refused as soon as its prelude is there.
//! 4. Bytes that are not a whole frame at the end of the stream are an error, never a silent end.
//! 5. After an error the decoder stays in error: what follows a bad frame has no meaning.
//!
//! Layout, all big-endian: `total u32 · headers u32 · crc32 of these 8 · headers · payload · crc32
//! of all before`. Limits follow botocore's parser (checked 2026-11-21).

mod encode;
mod header;

use std::borrow::Cow;
use std::fmt;

use outcrop_model::{ErrorClass, Fault, Frame, FrameKind, Phase};

pub use encode::{encode, encode_event, encode_exception};
pub use header::Value;
use header::{HeaderIter, Names};

/// Bytes before the headers: two lengths and their checksum.
const PRELUDE: usize = 12;
/// Bytes of the checksum after the payload.
const TRAILER: usize = 4;
/// Largest header section: botocore's limit.
pub const MAX_HEADERS: usize = 128 * 1024;
/// Largest frame taken by default. A `chunk` event holds at most 1 000 000 bytes of model output
/// (service model), 4/3 of that in base64; media deltas of Converse are larger. 16 MiB leaves ample
/// room while it bounds what one stream can make the gateway hold.
pub const DEFAULT_MAX_FRAME: usize = 16 * 1024 * 1024;
/// No limit above this is honoured: botocore refuses payloads over 24 MiB.
pub const LARGEST_MAX_FRAME: usize = 24 * 1024 * 1024 + MAX_HEADERS + PRELUDE + TRAILER;
/// Below this many consumed bytes the buffer is not compacted: moving so little costs more than it frees.
const COMPACT_FROM: usize = 16 * 1024;

/// Turns received bytes into frames that borrow from its buffer.
pub struct Decoder {
    buffer: Vec<u8>,
    /// Bytes at the front of `buffer` that were handed out already.
    consumed: usize,
    max_frame: usize,
    phase: Phase,
    broken: bool,
}

/// The three numbers of a prelude, in host order.
struct Prelude {
    total: usize,
    headers: usize,
}

// === impl Decoder ===

impl Default for Decoder {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_FRAME)
    }
}

impl Decoder {
    /// A decoder that refuses frames larger than `max_frame` bytes in all.
    pub fn new(max_frame: usize) -> Self {
        Self {
            buffer: Vec::new(),
            consumed: 0,
            max_frame: max_frame.min(LARGEST_MAX_FRAME),
            phase: Phase::BeforeCommit,
            broken: false,
        }
    }

    /// Faults from now on carry `phase`; at first it is [`Phase::BeforeCommit`].
    pub fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
    }

    /// Adds received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.compact();
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`ErrorClass::Garbled`] for a checksum, length or header that breaks the protocol.
    #[expect(
        clippy::should_implement_trait,
        reason = "the frame borrows from the decoder: no Iterator can do that"
    )]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, Fault> {
        if self.broken {
            return Err(self.garbled("the stream was already found to be damaged"));
        }
        let total = match self.whole_frame() {
            Ok(Some(total)) => total,
            Ok(None) => return Ok(None),
            Err(reason) => return Err(self.fail(reason)),
        };
        let start = self.consumed;
        self.consumed += total;
        match parse(&self.buffer[start..start + total]) {
            Ok(frame) => Ok(Some(frame)),
            Err(reason) => {
                self.broken = true;
                Err(garbled(reason, self.phase))
            }
        }
    }

    /// Says that no more bytes will come.
    ///
    /// # Errors
    /// [`ErrorClass::Truncated`] if bytes of an unfinished frame are left.
    pub fn finish(&self) -> Result<(), Fault> {
        let left = self.buffer.len() - self.consumed;
        if left == 0 {
            return Ok(());
        }
        let fault = Fault::new(
            ErrorClass::Truncated,
            self.phase,
            "the model's answer ended in the middle of an event",
        );
        Err(fault.with_detail(format!(
            "{left} bytes of an unfinished event-stream frame at the end of the stream"
        )))
    }

    /// The length of the frame at the front, once all of it is there.
    fn whole_frame(&self) -> Result<Option<usize>, Cow<'static, str>> {
        let waiting = &self.buffer[self.consumed..];
        let Some(prelude) = waiting.first_chunk::<PRELUDE>() else {
            return Ok(None);
        };
        let prelude = Prelude::read(prelude)?;
        if prelude.total > self.max_frame {
            return Err(format!(
                "a frame of {} bytes exceeds the limit of {}",
                prelude.total, self.max_frame
            )
            .into());
        }
        Ok((waiting.len() >= prelude.total).then_some(prelude.total))
    }

    /// Drops what was handed out, at a cost that stays linear in the bytes received.
    fn compact(&mut self) {
        if self.consumed == self.buffer.len() {
            self.buffer.clear();
            self.consumed = 0;
        } else if self.consumed >= COMPACT_FROM && self.consumed >= self.buffer.len() / 2 {
            self.buffer.drain(..self.consumed);
            self.consumed = 0;
        }
    }

    fn fail(&mut self, reason: Cow<'static, str>) -> Fault {
        self.broken = true;
        garbled(reason, self.phase)
    }

    fn garbled(&self, reason: &'static str) -> Fault {
        garbled(reason.into(), self.phase)
    }
}

/// Shows sizes only: the buffer holds what people write.
impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.buffer.len() - self.consumed;
        f.debug_struct("Decoder")
            .field("waiting", &waiting)
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}

// === impl Prelude ===

impl Prelude {
    fn read(bytes: &[u8; PRELUDE]) -> Result<Self, Cow<'static, str>> {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *bytes;
        let crc = u32::from_be_bytes([i, j, k, l]);
        if crc32fast::hash(&bytes[..8]) != crc {
            return Err("the prelude's checksum is wrong".into());
        }
        let total = u32::from_be_bytes([a, b, c, d]) as usize;
        let headers = u32::from_be_bytes([e, f, g, h]) as usize;
        if headers > MAX_HEADERS {
            return Err(
                format!("{headers} bytes of headers exceed the limit of {MAX_HEADERS}").into()
            );
        }
        if total < PRELUDE + headers + TRAILER {
            return Err(
                format!("a frame of {total} bytes cannot hold {headers} bytes of headers").into()
            );
        }
        Ok(Self { total, headers })
    }
}

// === helpers ===

/// Splits one whole frame; its prelude has been checked, its length is right.
fn parse(raw: &[u8]) -> Result<Frame<'_>, Cow<'static, str>> {
    let Some((checked, trailer)) = raw.split_last_chunk::<TRAILER>() else {
        return Err("a frame is too short".into());
    };
    if crc32fast::hash(checked) != u32::from_be_bytes(*trailer) {
        return Err("a frame's checksum is wrong".into());
    }
    let Some((prelude, rest)) = checked.split_first_chunk::<PRELUDE>() else {
        return Err("a frame is too short".into());
    };
    let (headers, payload) = rest.split_at(Prelude::read(prelude)?.headers);
    Ok(Frame { kind: kind(headers)?, payload, raw })
}

/// Reads the headers that name the frame's kind; walks all of them to find damage.
fn kind(section: &[u8]) -> Result<FrameKind<'_>, Cow<'static, str>> {
    let mut names = Names::new(section);
    let (mut message, mut event, mut exception, mut code, mut text) =
        (None, None, None, None, None);
    for header in HeaderIter::new(section) {
        let (name, value) = header?;
        names.check(name)?;
        let slot = match name {
            ":message-type" => &mut message,
            ":event-type" => &mut event,
            ":exception-type" => &mut exception,
            ":error-code" => &mut code,
            ":error-message" => &mut text,
            _ => continue, // `:content-type` and headers of the future carry nothing that a reader needs
        };
        let Value::String(value) = value else {
            return Err(format!("the header {name} is not a string").into());
        };
        *slot = Some(value);
    }
    match message {
        Some("event") => {
            event.map(FrameKind::Event).ok_or_else(|| "an event without :event-type".into())
        }
        Some("exception") => exception
            .map(FrameKind::Exception)
            .ok_or_else(|| "an exception without :exception-type".into()),
        Some("error") => Ok(FrameKind::Error {
            code: code.unwrap_or_default(),
            message: text.unwrap_or_default(),
        }),
        Some(other) => Ok(FrameKind::Unknown(other)),
        None => Err("a frame without :message-type".into()),
    }
}

fn garbled(reason: Cow<'static, str>, phase: Phase) -> Fault {
    Fault::new(ErrorClass::Garbled, phase, "the model's answer arrived damaged")
        .with_detail(format!("event stream: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chunks that never end on a frame's border: the buffer is never empty, so only compaction frees it.
    #[test]
    fn invariant_3_a_long_stream_does_not_grow_the_buffer() {
        let mut one = Vec::new();
        encode_event("chunk", &[b'x'; 300], &mut one).unwrap();
        let mut decoder = Decoder::default();
        let mut seen = 0;
        for chunk in one.repeat(10_000).chunks(one.len() + 1) {
            decoder.push(chunk);
            while decoder.next().unwrap().is_some() {
                seen += 1;
            }
        }
        assert_eq!(seen, 10_000);
        assert!(decoder.buffer.capacity() < 4 * COMPACT_FROM, "the buffer kept what was consumed");
    }
}
