//! Room for a long conversation: its oldest turns, in the model's own words.
//!
//! 1. It happens openly: what is summarised is said, and so is what the summary says.
//! 2. The history keeps the original, and the summary as what it is.
//! 3. Where it fails, the conversation stays as it was.

use serde_json::{Value, json};

use super::talking::{Talking, Turn, estimate, note};
use crate::ask::turn::{Bounds, Call, End, Talk, ToolResult, Tools, Watch, turn};
use crate::engine::{Part, ToolCall};
use crate::history::Begun;

/// Shares of the window, as percent: from where on turns are summarised, and how much the newest turns that
/// stay may take.
const FULL: u64 = 80;
const KEPT: u64 = 30;
/// What the model is asked for.
const REQUEST: &str = "Summarise our conversation up to here, for yourself to go on from: facts, decisions, \
    names, numbers, open questions, and what I asked you to keep to. Write in the language of the \
    conversation, as briefly as that allows.";

/// Sees nothing and has no tools.
struct Blind;

impl Talking {
    /// Summarises the oldest turns if the next question might find no room.
    pub(super) async fn compact_if_needed(&mut self) {
        let Some(window) = self.window.filter(|window| *window > 0) else { return };
        if self.used < window / 100 * FULL || self.turns.is_empty() {
            return;
        }
        let cut = self.cut(window / 100 * KEPT);
        let (from, up_to) = match cut {
            0 => return,
            cut => (
                self.turns.get(cut).map_or(self.talk.messages.len(), |turn| turn.from),
                self.turns[cut - 1].id,
            ),
        };
        note(&format!(
            "— The conversation takes {} of the model's {window} tokens: the oldest {cut} of {} turns are \
             summarised. The history keeps them. —",
            self.used,
            self.turns.len()
        ));
        if let Err(error) = self.summarise((cut, from), up_to).await {
            note(&format!("— There is no summary ({error:#}); the conversation stays as it is. —"));
        }
    }

    /// How many of the oldest turns go, so that the others take at most `most` tokens.
    fn cut(&self, most: u64) -> usize {
        let fits = |turn: &Turn| estimate(&self.talk.messages[turn.from..]) <= most;
        self.turns.iter().position(fits).unwrap_or(self.turns.len())
    }

    async fn summarise(
        &mut self,
        (cut, from): (usize, usize),
        up_to: Option<i64>,
    ) -> anyhow::Result<()> {
        let mut talk = Talk {
            settings: self.talk.settings.clone(),
            messages: self.talk.messages[..from].to_vec(),
        };
        // Settings that form answers are not for this one.
        talk.settings.retain(|name, _| name == "model");
        let begun = Begun::now(&talk);
        let before = talk.messages.len();
        talk.messages.push(json!({ "role": "user", "content": REQUEST }));
        let bounds = Bounds { requests: 1, budget: self.budget.as_mut() };
        let outcome = turn(&self.engine, &mut talk, (&mut Blind, bounds), &mut Blind).await;
        let record = begun.end(&talk, &outcome, &self.asked).into_summary(up_to);
        self.count(&outcome.spent);
        match outcome.end {
            End::Whole => {}
            End::Failed(error) | End::OutOfBudget(error) => return Err(error),
            End::Interrupted | End::OutOfTurns => anyhow::bail!("it was interrupted"),
        }
        self.recorder.record(record);
        note(&outcome.text);
        let summary: Vec<Value> = talk.messages.split_off(before);
        let is_system = |message: &&Value| message["role"] == "system";
        let system: Vec<Value> = self.talk.messages.iter().filter(is_system).cloned().collect();
        let rest = self.talk.messages.split_off(from);
        let begin = system.len() + summary.len();
        self.talk.messages = system.into_iter().chain(summary).chain(rest).collect();
        self.turns.drain(..cut);
        for turn in &mut self.turns {
            turn.from = turn.from - from + begin;
        }
        self.used = estimate(&self.talk.messages);
        Ok(())
    }
}

// === impl Blind ===

impl Tools for Blind {
    fn offered(&self) -> Vec<Value> {
        Vec::new()
    }

    async fn run(&mut self, _calls: &[ToolCall]) -> anyhow::Result<Vec<ToolResult>> {
        anyhow::bail!("the model called a tool, which it was not offered")
    }
}

impl Watch for Blind {
    fn part(&mut self, _part: &Part) -> anyhow::Result<()> {
        Ok(())
    }

    fn call(&mut self, _call: &Call) -> anyhow::Result<()> {
        Ok(())
    }

    fn result(&mut self, _call: &Call, _result: &ToolResult) -> anyhow::Result<()> {
        Ok(())
    }
}
