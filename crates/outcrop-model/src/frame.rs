//! One message of a streamed answer, already checked and split, borrowed from the receive buffer.

/// What kind of message a frame is: `:message-type`, or a server-sent event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind<'a> {
    /// `:event-type`, e.g. `contentBlockDelta` or `chunk`.
    Event(&'a str),
    /// `:exception-type` in lowerCamel, e.g. `throttlingException`.
    Exception(&'a str),
    /// `:message-type: error` with `:error-code` and `:error-message`.
    Error { code: &'a str, message: &'a str },
    /// A `:message-type` that the protocol does not name.
    Unknown(&'a str),
    /// A server-sent event with the name that it gives itself, or none; the payload is its data.
    Sent(&'a str),
}

/// A whole frame. `payload` is the message body, `raw` the frame's exact bytes on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub kind: FrameKind<'a>,
    pub payload: &'a [u8],
    pub raw: &'a [u8],
}
