//! What a streamed answer consists of, whatever dialect it came in.
//!
//! Readers may emit events in any order their upstream sends them; only the sequencer promises
//! well-formedness (one start, balanced blocks, exactly one end or fault).

use std::borrow::Cow;

use crate::citation::Citation;
use crate::fault::Fault;
use crate::stop::StopReason;
use crate::usage::Usage;

#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// The answer begins. `usage` holds the input side when the upstream tells it first.
    Start {
        id: Option<Cow<'a, str>>,
        usage: Option<Usage>,
    },
    /// A block opens. `index` is the upstream's own, unique among open blocks.
    Open {
        index: u32,
        block: Opening<'a>,
    },
    Delta {
        index: u32,
        delta: Delta<'a>,
    },
    Close {
        index: u32,
    },
    /// The model has stopped.
    Stop(StopReason),
    /// Token counts; a later one replaces an earlier one.
    Usage(Usage),
    /// The upstream said that nothing follows.
    End,
    Fault(Fault),
    /// A frame, block or delta with no meaning here; the word names it. Counted, never fatal.
    Unknown(Cow<'a, str>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Opening<'a> {
    Text,
    Thinking,
    /// Encrypted thinking; base64, empty when it follows as a delta.
    Redacted(Cow<'a, str>),
    ToolUse {
        id: Cow<'a, str>,
        name: Cow<'a, str>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Delta<'a> {
    Text(Cow<'a, str>),
    /// What the text of its block rests on.
    Citation(Box<Citation<'a>>),
    /// A piece of the tool input's JSON text.
    ToolInput(Cow<'a, str>),
    Thinking(Cow<'a, str>),
    Signature(Cow<'a, str>),
    /// Base64.
    Redacted(Cow<'a, str>),
}

impl Delta<'_> {
    /// The block that a delta needs when its upstream never opened one.
    pub fn implied_opening(&self) -> Option<Opening<'static>> {
        match self {
            Delta::Text(_) | Delta::Citation(_) => Some(Opening::Text),
            Delta::Thinking(_) | Delta::Signature(_) => Some(Opening::Thinking),
            Delta::Redacted(_) => Some(Opening::Redacted(Cow::Borrowed(""))),
            Delta::ToolInput(_) => None,
        }
    }
}
