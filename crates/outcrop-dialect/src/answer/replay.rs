//! A whole answer, told as the stream that the caller asked for.
//!
//! Some models answer with tools only as a whole. The caller gets the events of a stream all the same,
//! by the same sequencer and writer: one delta for each block.

use outcrop_model::chat::ToolUse;
use outcrop_model::{Block, BlockKind, ChatResponse, Delta, Dialect, Event, Fault, Opening, Phase};

use super::whole::decoded;
use super::{AnswerStream, Route, Sink, Step};
use crate::sequencer::truncated;

impl AnswerStream {
    /// Takes the whole answer and writes all of the stream.
    ///
    /// # Errors
    /// When the answer cannot be read, or is none; nothing of it is fit for the caller then.
    pub fn replay(&mut self, from: Dialect, body: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        let response = decoded(from, body)?;
        let Route::Translate { shaper, sequencer, names, writer, .. } = &mut self.route else {
            // Only translated requests are planned so.
            return Err(truncated());
        };
        let (writer, started) = (writer.as_mut(), &mut self.started);
        let mut sink = Sink { names, writer, out, started, fault: None };
        let mut next = |event: Event<'_>| sequencer.push(event, &mut |event| sink.take(event));
        tell(&response, &mut |event| match shaper {
            Some(shaper) => shaper.push(event, &mut next),
            None => next(event),
        });
        let fault = sink.fault.take();
        match self.after_translation(fault) {
            Step::Done => Ok(()),
            Step::Fault(fault) => Err(fault.at_phase(Phase::BeforeCommit)),
            Step::More => Err(truncated().at_phase(Phase::BeforeCommit)),
        }
    }
}

/// The events of a stream that would have brought this answer.
fn tell(response: &ChatResponse<'_>, emit: &mut dyn FnMut(Event<'_>)) {
    let ChatResponse { id, blocks, stop, usage, extra } = response;
    emit(Event::Start { id: id.clone(), usage: None });
    for (index, block) in (0..).zip(blocks) {
        tell_block(index, block, emit);
    }
    extra.iter().for_each(|(key, _)| emit(Event::Unknown(key.clone())));
    emit(Event::Stop(stop.clone()));
    emit(Event::Usage(*usage));
    emit(Event::End);
}

fn tell_block(index: u32, block: &Block<'_>, emit: &mut dyn FnMut(Event<'_>)) {
    let mut tell = |block, deltas: Vec<Delta<'_>>| {
        emit(Event::Open { index, block });
        deltas.into_iter().for_each(|delta| emit(Event::Delta { index, delta }));
        emit(Event::Close { index });
    };
    match &block.kind {
        BlockKind::Text(text) => {
            let cited = block.citations.iter().map(|c| Delta::Citation(Box::new(c.clone())));
            tell(Opening::Text, [Delta::Text(text.clone())].into_iter().chain(cited).collect());
        }
        BlockKind::ToolUse(ToolUse { id, name, input }) => {
            let opening = Opening::ToolUse { id: id.clone(), name: name.clone() };
            tell(opening, vec![Delta::ToolInput(input.get().into())]);
        }
        BlockKind::Thinking { text, signature } => {
            let signature = signature.clone().map(Delta::Signature);
            let deltas = [Delta::Thinking(text.clone())].into_iter().chain(signature);
            tell(Opening::Thinking, deltas.collect());
        }
        BlockKind::Redacted(data) => tell(Opening::Redacted(data.clone()), Vec::new()),
        BlockKind::Foreign { kind, raw: _ } => emit(Event::Unknown(kind.clone())),
        BlockKind::Media(_) => emit(Event::Unknown("media".into())),
        BlockKind::ToolResult(_) => emit(Event::Unknown("toolResult".into())),
    }
}
