//! Faults on demand: what can go wrong at Amazon, as one typed list with a text form.
//!
//! The text form is `name=value;parameter=value;…`, several faults separated by `|`; values are
//! percent-decoded. It is what the header `x-outcrop-emulator-fault` and the admin call take:
//!
//! | text | effect |
//! |---|---|
//! | `error=ThrottlingException` | HTTP error of the service model; `message=`, `status=`, `retry-after=` (seconds), `x-amz-retry-after=` (milliseconds), `original-status=`, `named-in=body` (as `__type` instead of the header) |
//! | `stream-error=throttlingException;after=3` | exception message after 3 events, then the end; `message=`, `original-status=` |
//! | `error-frame=InternalFailure;after=3` | `:message-type: error` after 3 events, then the end; `message=` |
//! | `truncate=7;after=3` | after 3 events 7 bytes of the next, then a clean end |
//! | `cut=200` | a clean end after 200 bytes of body |
//! | `corrupt;after=3` | the event after 3 others has a wrong message CRC |
//! | `stall=500;after=3` | 500 ms of silence after 3 events (`after=0`: after the head) |
//! | `slow=500` | 500 ms before the head |
//! | `drop;after=3` | the connection breaks after 3 events |
//! | `end;after=3` | a clean end after 3 events; without `after` just before the stop event |
//! | `unknown-event;after=3` | an event of a type no model knows |
//! | `unknown-delta;after=3` | a delta of a kind no model knows |
//! | `future-fields` | an unknown member in every object with more than one member |
//! | `padding=off` | no `p` member (`on` is the default) |
//! | `skew=-600` | a `Date` that many seconds off |
//! | `html=502` | that status with an HTML body |
//! | `empty` | 200 with no body |
//! | `rechunk=7` | the body arrives in pieces of 7 bytes |
//!
//! Faults are applied after authentication and before anything else of the request is judged when
//! they are HTTP answers, else to the answer the request would have got.

mod apply;
mod pending;
mod text;

use crate::refusal::Exception;

pub(crate) use apply::{Plan, instead, on_events, on_frames};
pub(crate) use pending::Pending;

/// One thing to go wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// An HTTP error instead of the answer.
    Error(ErrorFault),
    /// An exception message in the stream, which then ends.
    StreamError {
        /// As on the wire: `throttlingException`.
        name: String,
        message: String,
        original_status: Option<u16>,
        after: usize,
    },
    /// A message of type `error` in the stream, which then ends.
    ErrorFrame {
        code: String,
        message: String,
        after: usize,
    },
    /// `bytes` bytes of the event after `after` others, then a clean end.
    Truncate {
        bytes: usize,
        after: usize,
    },
    /// A clean end after so many bytes of body.
    Cut {
        bytes: usize,
    },
    /// A wrong message CRC on the event after `after` others.
    Corrupt {
        after: usize,
    },
    /// Silence in the body.
    Stall {
        ms: u64,
        after: usize,
    },
    /// Silence before the head.
    Slow {
        ms: u64,
    },
    /// The connection breaks.
    Drop {
        after: usize,
    },
    /// A clean end; before the stop event when `after` is `None`.
    End {
        after: Option<usize>,
    },
    UnknownEvent {
        after: usize,
    },
    UnknownDelta {
        after: usize,
    },
    FutureFields,
    Padding {
        on: bool,
    },
    /// Seconds added to the truthful `Date`.
    Skew {
        seconds: i64,
    },
    Html {
        status: u16,
    },
    Empty,
    Rechunk {
        bytes: usize,
    },
}

/// The HTTP error of [`Fault::Error`].
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorFault {
    pub name: String,
    pub status: u16,
    pub message: String,
    /// Seconds, sent as `retry-after`.
    pub retry_after: Option<String>,
    /// Milliseconds, sent as `x-amz-retry-after`.
    pub amz_retry_after: Option<String>,
    /// `originalStatusCode` in the body.
    pub original_status: Option<u16>,
    pub named_in: NamedIn,
}

/// Where a response says which error it is; clients must read both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NamedIn {
    /// `x-amzn-ErrorType`.
    #[default]
    Header,
    /// `__type` in the body.
    Body,
}

/// Faults to be applied to the next requests that match.
#[derive(Debug, Clone, Default)]
pub struct Injection {
    pub faults: Vec<Fault>,
    /// How many requests it is applied to; 0 counts as 1.
    pub times: u32,
    /// Only to this operation, by its name in the service model.
    pub operation: Option<String>,
    /// Only when the id in the path contains this.
    pub model: Option<String>,
}

impl Fault {
    /// The modelled error with its own status and text.
    pub fn error(exception: Exception) -> Self {
        Self::Error(ErrorFault {
            name: exception.name().to_owned(),
            status: exception.status(),
            message: exception.message().to_owned(),
            retry_after: None,
            amz_retry_after: None,
            original_status: None,
            named_in: NamedIn::Header,
        })
    }

    /// Reads a list of faults in the text form above.
    ///
    /// # Errors
    /// When a name is unknown or a value is missing or malformed; the message says which.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        text.split('|').map(str::trim).filter(|one| !one.is_empty()).map(text::parse).collect()
    }
}
