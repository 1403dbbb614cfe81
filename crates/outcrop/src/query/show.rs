//! The answer on its way to people and programs.
//!
//! Stdout (or the file of `--output`) carries the answer alone; thinking and counts go to stderr.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::ask::turn::{End, Outcome, ToolResult, Watch};
use crate::cli::{OutputFormat, ShowArgs};
use crate::engine::{Part, ToolCall, Usage};
use crate::exit::{Exit, Failure};
use crate::print::{print_text, reader_left};

/// Begins and ends dim text.
const DIM: (&str, &str) = ("\x1b[2m", "\x1b[0m");

pub struct Show {
    format: OutputFormat,
    /// Parts are shown as they come.
    streams: bool,
    reasoning: bool,
    usage: bool,
    dim: (&'static str, &'static str),
    out: Out,
    thinking: bool,
    ends_line: bool,
}

enum Out {
    Stdout,
    File(File),
}

// === impl Show ===

impl Show {
    /// # Errors
    /// [`Exit::OutputWrite`] where the file cannot be made.
    pub fn new(args: &ShowArgs) -> anyhow::Result<Self> {
        let format = if args.json { OutputFormat::Json } else { args.output_format };
        let out = match &args.output {
            None => Out::Stdout,
            Some(path) => Out::File(File::create(path).map_err(|error| {
                let what = format!("Cannot write {}: {error}.", path.display());
                Failure::new(Exit::OutputWrite, what)
            })?),
        };
        let colour = io::stderr().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Ok(Self {
            format,
            streams: !args.no_stream && format != OutputFormat::Json,
            reasoning: !args.hide_reasoning && !args.quiet && format == OutputFormat::Text,
            usage: args.usage,
            dim: if colour { DIM } else { ("", "") },
            out,
            thinking: false,
            ends_line: true,
        })
    }

    /// What is left to show when the turn is over.
    pub fn end(&mut self, outcome: &Outcome) -> anyhow::Result<()> {
        if let End::Failed(error) = &outcome.end {
            return self.end_early(outcome, error);
        }
        match self.format {
            OutputFormat::Text => {
                self.end_thinking();
                if !self.streams {
                    self.write(&outcome.text)?;
                }
                if !self.ends_line {
                    self.write("\n")?;
                }
            }
            OutputFormat::Json => self.write(&format!("{:#}\n", result(outcome)))?,
            OutputFormat::StreamJson => {
                let mut end = result(outcome);
                end["type"] = "end".into();
                self.write(&format!("{end}\n"))?;
            }
        }
        if self.usage {
            eprintln!("{}", outcome.spent);
        }
        Ok(())
    }

    /// Keeps what had come apart from the error that follows on stderr.
    fn end_early(&mut self, outcome: &Outcome, error: &anyhow::Error) -> anyhow::Result<()> {
        if reader_left(error) {
            return Ok(());
        }
        match self.format {
            OutputFormat::Text => {
                self.end_thinking();
                if !self.streams {
                    self.write(&outcome.text)?;
                }
                if !self.ends_line { self.write("\n") } else { Ok(()) }
            }
            OutputFormat::StreamJson => {
                let message = format!("{error:#}");
                self.write(&format!("{}\n", json!({ "type": "error", "message": message })))
            }
            OutputFormat::Json => Ok(()),
        }
    }

    fn event(&mut self, kind: &str, text: &str) -> anyhow::Result<()> {
        self.write(&format!("{}\n", json!({ "type": kind, "text": text })))
    }

    fn end_thinking(&mut self) {
        if std::mem::take(&mut self.thinking) {
            eprintln!("\n");
        }
    }

    fn write(&mut self, text: &str) -> anyhow::Result<()> {
        if !text.is_empty() {
            self.ends_line = text.ends_with('\n');
        }
        match &mut self.out {
            Out::Stdout => print_text(text),
            Out::File(file) => file.write_all(text.as_bytes()).map_err(|error| {
                Failure::new(Exit::OutputWrite, format!("Cannot write the answer: {error}.")).into()
            }),
        }
    }
}

// === impl Watch ===

impl Watch for Show {
    fn part(&mut self, part: &Part) -> anyhow::Result<()> {
        match (self.format, part) {
            (OutputFormat::StreamJson, Part::Text(text)) => self.event("text", text),
            (OutputFormat::StreamJson, Part::Reasoning(text)) => self.event("reasoning", text),
            (OutputFormat::Text, Part::Reasoning(text)) if self.reasoning => {
                self.thinking = true;
                let (begin, end) = self.dim;
                eprint!("{begin}{text}{end}");
                Ok(())
            }
            (OutputFormat::Text, Part::Text(text)) if self.streams => {
                self.end_thinking();
                self.write(text)
            }
            (OutputFormat::Text | OutputFormat::Json, Part::Text(_) | Part::Reasoning(_)) => Ok(()),
        }
    }

    fn call(&mut self, call: &ToolCall) -> anyhow::Result<()> {
        match self.format {
            OutputFormat::StreamJson => {
                let event = json!({
                    "type": "tool_call", "id": call.id, "name": call.name,
                    "arguments": arguments(call),
                });
                self.write(&format!("{event}\n"))
            }
            OutputFormat::Text | OutputFormat::Json => Ok(()),
        }
    }

    fn result(&mut self, call: &ToolCall, result: &ToolResult) -> anyhow::Result<()> {
        match self.format {
            OutputFormat::StreamJson => {
                let event = json!({
                    "type": "tool_result", "id": call.id, "name": call.name,
                    "result": result.content, "success": result.success,
                });
                self.write(&format!("{event}\n"))
            }
            OutputFormat::Text | OutputFormat::Json => Ok(()),
        }
    }
}

/// A call's arguments as JSON, or as the text that they are if they are none.
fn arguments(call: &ToolCall) -> Value {
    serde_json::from_str(&call.arguments).unwrap_or_else(|_| call.arguments.clone().into())
}

/// All that is known of a turn.
fn result(outcome: &Outcome) -> Value {
    let Outcome { text, reasoning, calls, spent, last, end: _ } = outcome;
    let Usage { input, output, cache_read, cache_write, reasoning: thought } = spent.usage;
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    // Only an engine of this process knows what its calls took.
    let is_known = spent.attempts > 0;
    json!({
        "response": text,
        "reasoning": reasoning,
        "tool_calls": calls.iter().map(|(call, result)| json!({
            "id": call.id, "name": call.name, "arguments": arguments(call),
            "result": result.content, "success": result.success,
        })).collect::<Vec<_>>(),
        "provider": "bedrock",
        "model": last.model,
        "target": last.target,
        "id": last.id,
        "request_id": last.request_id,
        "stop_reason": last.finish_reason,
        "usage": {
            "input": input, "output": output, "cache_read": cache_read,
            "cache_write": cache_write, "reasoning": thought,
        },
        "cost_usd": spent.cost.map(|cost| cost.to_string()),
        "latency_ms": is_known.then(|| millis(spent.duration)),
        "ttft_ms": spent.first_byte.map(millis),
        "attempts": is_known.then_some(spent.attempts),
        "losses": last.losses,
    })
}
