//! What every writer of a streamed answer shares.

use outcrop_model::{Event, Fault};

/// Writes a well-formed event sequence (the sequencer's output) in one client dialect.
pub trait StreamWriter: Send {
    /// Appends the bytes for one event.
    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>);

    /// Appends the fault that ends the stream; nothing may follow, above all no success terminator.
    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>);

    /// The whole answer as one JSON value, once, after the end, in dialects whose answers can be asked
    /// for again.
    fn finished(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// How much of what was written had no place in the dialect.
    fn lost(&self) -> usize {
        0
    }

    /// Media type of the stream.
    fn content_type(&self) -> &'static str {
        "text/event-stream"
    }

    /// Bytes that keep a silent connection alive and that every client of the dialect ignores; `None`
    /// where there are none such.
    fn keep_alive(&self) -> Option<&'static [u8]>;
}
