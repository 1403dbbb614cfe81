//! The tap's note of one relayed frame: what the gateway must know of bytes that it does not change.

use outcrop_model::{Event, Fault, StopReason, Usage};

use super::{Step, Tally};

#[derive(Debug, Default)]
pub(super) struct Seen {
    usage: Option<Usage>,
    pub(super) stop: Option<StopReason>,
    unknown: usize,
    /// It is the start of an answer: what is unknown in it is a member of that.
    is_start: bool,
    /// Something beyond the mere start of an answer came; a ping is nothing.
    pub(super) spoke: bool,
    pub(super) ended: bool,
    fault: Option<Fault>,
}

impl Seen {
    pub(super) fn note(&mut self, event: Event<'_>) {
        self.spoke |= match event {
            Event::Start { .. } | Event::Fault(_) => false,
            Event::Unknown(_) => !self.is_start,
            Event::Open { .. }
            | Event::Delta { .. }
            | Event::Close { .. }
            | Event::Usage(_)
            | Event::Stop(_)
            | Event::End => true,
        };
        match event {
            Event::Start { usage, .. } => {
                self.usage = usage;
                self.is_start = true;
            }
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Stop(reason) => self.stop = Some(reason),
            Event::End => self.ended = true,
            Event::Fault(fault) => self.fault = Some(fault),
            Event::Unknown(_) => self.unknown += 1,
            Event::Open { .. } | Event::Delta { .. } | Event::Close { .. } => {}
        }
    }

    /// Adds to the tally.
    pub(super) fn settle(self, tally: &mut Tally, done: &mut bool) -> Step {
        tally.usage = self.usage.or(tally.usage);
        tally.unknown += self.unknown;
        if self.stop.is_some() {
            tally.stop = self.stop;
        }
        *done |= self.ended;
        match self.fault {
            Some(fault) => Step::Fault(fault),
            None => Step::More,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anthropic::Reader;

    fn spoke(json: &str) -> bool {
        let mut seen = Seen::default();
        Reader::new().read(json.as_bytes(), &mut |event| seen.note(event));
        seen.spoke
    }

    #[test]
    fn only_content_moves_the_commit_point() {
        assert!(!spoke(r#"{"type":"ping"}"#));
        assert!(!spoke(r#"{"type":"message_start","message":{"id":"m","content":[]}}"#));
        assert!(!spoke(
            r#"{"type":"message_start","new":1,"message":{"id":"m","newer":2,"content":[],"usage":{"newest":3}}}"#
        ));
        assert!(!spoke(r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#));
        assert!(spoke(
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#
        ));
        assert!(spoke(r#"{"type":"something_new"}"#));
    }
}
