//! The answer on its way to people and programs.
//!
//! Stdout (or the file of `--output`) carries the answer alone; thinking and counts go to stderr.

use std::fs::File;
use std::io::{self, IsTerminal, Write};

use serde_json::{Value, json};

use crate::cli::{OutputFormat, ShowArgs};
use crate::engine::{Chat, Engine, Part, Usage};
use crate::exit::{Exit, Failure};
use crate::print::print_text;

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

    pub fn part(&mut self, part: &Part) -> anyhow::Result<()> {
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

    /// What is left to show when the answer is complete.
    pub fn end(&mut self, chat: &Chat, engine: &Engine) -> anyhow::Result<()> {
        match self.format {
            OutputFormat::Text => {
                self.end_thinking();
                if !self.streams {
                    self.write(&chat.text)?;
                }
                if !self.ends_line {
                    self.write("\n")?;
                }
            }
            OutputFormat::Json => self.write(&format!("{:#}\n", result(chat, engine)))?,
            OutputFormat::StreamJson => {
                let mut end = result(chat, engine);
                end["type"] = "end".into();
                self.write(&format!("{end}\n"))?;
            }
        }
        if self.usage {
            eprintln!("{}", counts(chat, engine));
        }
        Ok(())
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

/// All that is known of an answer.
fn result(chat: &Chat, engine: &Engine) -> Value {
    let receipt = engine.receipt();
    let told = |name: &str| chat.header(name).map(str::to_owned);
    let model = receipt.as_ref().map(|receipt| receipt.model.clone());
    json!({
        "response": chat.text,
        "reasoning": chat.reasoning,
        "tool_calls": chat.tool_calls.iter().map(|call| json!({
            "id": call.id, "name": call.name, "arguments": call.arguments,
        })).collect::<Vec<_>>(),
        "provider": "bedrock",
        "model": model,
        "target": told("x-outcrop-model"),
        "id": chat.id,
        "request_id": told("x-request-id"),
        "stop_reason": chat.finish_reason,
        "usage": chat.usage.map(|usage| json!({
            "input": usage.input, "output": usage.output, "cache_read": usage.cache_read,
            "cache_write": usage.cache_write, "reasoning": usage.reasoning,
        })),
        "cost_usd": receipt.as_ref().and_then(|r| r.cost).map(|cost| cost.to_string()),
        "latency_ms": receipt.as_ref().map(|r| r.duration.as_millis() as u64),
        "ttft_ms": receipt.as_ref().and_then(|r| r.first_byte).map(|d| d.as_millis() as u64),
        "attempts": receipt.as_ref().map(|r| r.attempts),
        "losses": told("x-outcrop-loss"),
    })
}

/// One line for people.
fn counts(chat: &Chat, engine: &Engine) -> String {
    let Usage { input, output, cache_read, cache_write, reasoning: _ } =
        chat.usage.unwrap_or_default();
    let mut line = format!("{input} tokens in, {output} out");
    if cache_read + cache_write > 0 {
        line.push_str(&format!(", {cache_read} from the cache, {cache_write} into it"));
    }
    if let Some(receipt) = engine.receipt() {
        match receipt.cost {
            Some(cost) => line.push_str(&format!(", ${cost}")),
            None => line.push_str(", price unknown"),
        }
        line.push_str(&format!(", {:.1} s", receipt.duration.as_secs_f64()));
    }
    line
}
