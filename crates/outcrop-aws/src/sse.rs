//! Server-sent events: bytes in any chunks → whole events.
//!
//! 1. The chunking of the input never changes the events: any split, also inside a line end, is the
//!    same stream.
//! 2. An event is handed out once its blank line has come; comments, ids and retry times are passed over.
//! 3. Memory is bounded by the event limit plus one chunk.
//! 4. An unfinished event at the end of the stream is an error, never a silent end.
//!
//! Lines end with LF or CRLF; a lone CR, which the standard allows and no server writes, ends none.

use std::fmt;

use outcrop_model::{ErrorClass, Fault, Frame, FrameKind, Phase};

use crate::eventstream::DEFAULT_MAX_FRAME;

/// Below this many consumed bytes the buffer is not compacted: moving so little costs more than it frees.
const COMPACT_FROM: usize = 16 * 1024;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Turns received bytes into events that borrow from it.
pub struct SseDecoder {
    buffer: Vec<u8>,
    /// Where the event in the making begins.
    start: usize,
    /// Where the line in the making begins.
    line: usize,
    /// Bytes that hold no line end are not looked at twice.
    seen: usize,
    name: String,
    /// The event's data; `None` until its first line.
    data: Option<Vec<u8>>,
    /// The event was handed out: the next line begins another.
    handed_out: bool,
    at_beginning: bool,
    phase: Phase,
}

// === impl SseDecoder ===

impl Default for SseDecoder {
    fn default() -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            line: 0,
            seen: 0,
            name: String::new(),
            data: None,
            handed_out: false,
            at_beginning: true,
            phase: Phase::BeforeCommit,
        }
    }
}

impl SseDecoder {
    /// Faults from now on carry `phase`; at first it is [`Phase::BeforeCommit`].
    pub fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
    }

    /// Adds received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start >= COMPACT_FROM {
            self.buffer.drain(..self.start);
            self.line -= self.start;
            self.seen -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole event, `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`ErrorClass::Garbled`] for an event above the limit.
    #[expect(
        clippy::should_implement_trait,
        reason = "the event borrows from the decoder: no Iterator can do that"
    )]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, Fault> {
        self.begin();
        while let Some(end) = self.line_end() {
            let is_blank = self.take_line(end);
            if is_blank && self.data.is_some() {
                self.handed_out = true;
                return Ok(Some(Frame {
                    kind: FrameKind::Sent(&self.name),
                    payload: self.data.as_deref().unwrap_or_default(),
                    raw: &self.buffer[self.start..self.line],
                }));
            }
            if is_blank {
                self.start = self.line;
                self.name.clear();
            }
        }
        if self.buffer.len() - self.start > DEFAULT_MAX_FRAME {
            let fault =
                Fault::new(ErrorClass::Garbled, self.phase, "the model's answer arrived damaged");
            return Err(
                fault.with_detail(format!("a server-sent event exceeds {DEFAULT_MAX_FRAME} bytes"))
            );
        }
        Ok(None)
    }

    /// Says that no more bytes will come.
    ///
    /// # Errors
    /// [`ErrorClass::Truncated`] if part of an event is left.
    pub fn finish(&mut self) -> Result<(), Fault> {
        self.begin();
        let left = &self.buffer[self.start..];
        if left.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let fault = Fault::new(
            ErrorClass::Truncated,
            self.phase,
            "the model's answer ended in the middle of an event",
        );
        Err(fault.with_detail(format!("{} bytes of an unfinished server-sent event", left.len())))
    }

    /// Forgets the event that was handed out.
    fn begin(&mut self) {
        if std::mem::take(&mut self.handed_out) {
            self.start = self.line;
            self.name.clear();
            self.data = None;
        }
    }

    /// Where the line's LF is, once it has come.
    fn line_end(&mut self) -> Option<usize> {
        let found = memchr::memchr(b'\n', &self.buffer[self.seen..]).map(|at| self.seen + at);
        self.seen = found.map_or(self.buffer.len(), |end| end + 1);
        found
    }

    /// Takes the line that ends before `end`; says whether it is blank.
    fn take_line(&mut self, end: usize) -> bool {
        let mut line = &self.buffer[self.line..end];
        self.line = end + 1;
        if std::mem::take(&mut self.at_beginning) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (field, value) = match memchr::memchr(b':', line) {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.data = Some(value.to_vec()),
            },
            b"event" => self.name = String::from_utf8_lossy(value).into_owned(),
            _ => {}
        }
        line.is_empty()
    }
}

/// Shows sizes only: what has been received is an answer.
impl fmt::Debug for SseDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SseDecoder({} bytes waiting)", self.buffer.len() - self.start)
    }
}
