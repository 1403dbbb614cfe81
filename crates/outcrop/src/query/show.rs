//! The answer on its way to people and programs.
//!
//! Stdout (or the file of `--output`) carries the answer alone; thinking and counts go to stderr.

use std::fs::File;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::extract::{self, Which};
use super::report::{Event, Report, Run};
use crate::ask::turn::{Call, End, Outcome, Spent, ToolResult, Watch};
use crate::cli::{FormArgs, OutputFormat, Rendering, ShowArgs};
use crate::engine::Part;
use crate::exit::{Exit, Failure};
use crate::print::{empty, has_colour, is_colourful, open_file, print_text, reader_left, tell};
use crate::render::{Ink, Markdown, neutral, terminal_width};
use crate::table::line;

/// Most characters that are told of a tool's call, and of its result.
const TOLD: usize = 160;
/// Begins and ends dim text.
const DIM: (&str, &str) = ("\x1b[2m", "\x1b[0m");

pub struct Show {
    format: OutputFormat,
    /// Parts are shown as they come.
    streams: bool,
    reasoning: bool,
    /// What happens beside the answer is told.
    notes: bool,
    usage: bool,
    dim: (&'static str, &'static str),
    /// Which block of code is shown instead of all.
    extract: Option<Which>,
    look: Look,
    out: Out,
    thinking: bool,
    ends_line: bool,
}

/// How the answer's text is written.
enum Look {
    /// To a program or a file: as it is.
    Raw,
    /// To a terminal: as it is, but with no power over it.
    Plain,
    Rendered(Box<Markdown>),
}

enum Out {
    Stdout,
    /// With what was in it before.
    Kept(File),
    /// With what was written by now.
    Begun(File),
}

// === impl Show ===

impl Show {
    /// # Errors
    /// [`Exit::OutputWrite`] where the file cannot be made.
    pub fn new(args: &ShowArgs) -> anyhow::Result<Self> {
        let format = format_of(args);
        let out = match &args.output {
            None => Out::Stdout,
            Some(path) => Out::Kept(open_file(path)?),
        };
        Ok(Self {
            format,
            streams: !args.look.no_stream && format != OutputFormat::Json,
            reasoning: !args.look.hide_reasoning && !args.quiet && format == OutputFormat::Text,
            notes: !args.quiet && format == OutputFormat::Text,
            usage: args.look.usage,
            dim: if is_colourful(&io::stderr()) { DIM } else { ("", "") },
            extract: None,
            look: Look::new(args, &out),
            out,
            thinking: false,
            ends_line: true,
        })
    }

    /// As `form` wants it: data are no markdown, and a block of code is found at the end.
    pub fn of_form(mut self, form: &FormArgs) -> Self {
        self.extract = match (form.extract, form.extract_last) {
            (true, _) => Some(Which::First),
            (false, true) => Some(Which::Last),
            (false, false) => None,
        };
        self.streams &= self.extract.is_none();
        if self.extract.is_some() || form.schema.is_some() || form.schema_multi.is_some() {
            self.look = Look::unrendered(&self.out);
        }
        self
    }

    /// A run begins.
    pub fn start(&mut self, run: &Run) -> anyhow::Result<()> {
        match self.format {
            OutputFormat::StreamJson => self.event(&Event::start(run)),
            OutputFormat::Json | OutputFormat::Text => Ok(()),
        }
    }

    /// What is left to show of an answer's text when the turn is over, and what is told beside it.
    pub fn end(&mut self, outcome: &Outcome) -> anyhow::Result<()> {
        if outcome.end.error().is_some_and(reader_left) {
            return Ok(());
        }
        if self.format == OutputFormat::Text {
            self.end_thinking();
            self.end_text(outcome)?;
        }
        if matches!(outcome.end, End::Failed(_)) {
            return Ok(());
        }
        if matches!(outcome.end, End::Whole) {
            // An answer may be empty.
            self.out.begin().map_err(unwritten)?;
        }
        self.tell_losses(outcome);
        if self.usage {
            note!("{}", outcome.spent);
        }
        Ok(())
    }

    /// All that is known of a run, where that is wanted.
    pub fn report(&mut self, report: Report<'_>) -> anyhow::Result<()> {
        match self.format {
            OutputFormat::Text => Ok(()),
            OutputFormat::Json => {
                self.data(&format!("{}\n", serde_json::to_string_pretty(&report)?))
            }
            OutputFormat::StreamJson => {
                if let Some(error) = report.error() {
                    self.event(&Event::Error { error: error.clone() })?;
                }
                self.event(&report.into_end())
            }
        }
    }

    /// What a reader would not see in the answer.
    fn tell_losses(&self, outcome: &Outcome) {
        if !self.notes {
            return;
        }
        if outcome.last.finish_reason.as_deref() == Some("length") {
            note!("note: the answer was cut at its most tokens; --max-tokens allows more");
        }
        if let Some(losses) = &outcome.last.losses {
            note!("note: not as it was asked: {losses}");
        }
    }

    fn text(&mut self, text: &str) -> anyhow::Result<()> {
        match &mut self.look {
            Look::Raw => self.write(text),
            Look::Plain => self.write(&neutral(text)),
            Look::Rendered(markdown) => {
                let ready = markdown.push(text);
                self.write(&ready)
            }
        }
    }

    /// JSON, which lets some controls be.
    fn data(&mut self, json: &str) -> anyhow::Result<()> {
        match self.out.is_terminal() {
            true => self.write(&neutral(json)),
            false => self.write(json),
        }
    }

    fn end_text(&mut self, outcome: &Outcome) -> anyhow::Result<()> {
        if !self.streams {
            let code = self.extract.and_then(|which| extract::code(&outcome.text, which));
            self.text(code.as_deref().unwrap_or(&outcome.text))?;
        }
        self.end_paragraph()
    }

    /// What the model says next begins on a line of its own.
    fn end_paragraph(&mut self) -> anyhow::Result<()> {
        if let Look::Rendered(markdown) = &mut self.look {
            let rest = markdown.end();
            self.write(&rest)?;
        }
        if self.ends_line { Ok(()) } else { self.write("\n") }
    }

    fn tell_tool(&self, what: &str) {
        if self.notes {
            let (begin, end) = self.dim;
            tell(&format!("{begin}{}{end}\n", line(&neutral(what), TOLD)));
        }
    }

    fn event(&mut self, event: &impl Serialize) -> anyhow::Result<()> {
        self.data(&format!("{}\n", serde_json::to_string(event)?))
    }

    fn end_thinking(&mut self) {
        if std::mem::take(&mut self.thinking) {
            note!("\n");
        }
    }

    fn write(&mut self, text: &str) -> anyhow::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.ends_line = text.ends_with('\n');
        match self.out.begin().map_err(unwritten)? {
            None => print_text(text),
            Some(file) => Ok(file.write_all(text.as_bytes()).map_err(unwritten)?),
        }
    }
}

// === impl Out ===

impl Out {
    fn is_terminal(&self) -> bool {
        matches!(self, Self::Stdout) && io::stdout().is_terminal()
    }

    /// The file, if it is one, without what was in it before.
    fn begin(&mut self) -> io::Result<Option<&mut File>> {
        if let Self::Kept(file) = self {
            empty(file)?;
            *self = Self::Begun(file.try_clone()?);
        }
        Ok(match self {
            Self::Begun(file) => Some(file),
            Self::Kept(_) | Self::Stdout => None,
        })
    }
}

// === impl Look ===

impl Look {
    fn new(args: &ShowArgs, out: &Out) -> Self {
        let renders = match args.look.render {
            Rendering::Always => true,
            Rendering::Never => false,
            Rendering::Auto => out.is_terminal() && is_colourful(&io::stdout()),
        };
        if !renders {
            return Self::unrendered(out);
        }
        let ink = if has_colour() { Ink::Colour } else { Ink::Plain };
        Self::Rendered(Box::new(Markdown::new(terminal_width(), ink)))
    }

    fn unrendered(out: &Out) -> Self {
        if out.is_terminal() { Self::Plain } else { Self::Raw }
    }
}

// === impl Watch ===

impl Watch for Show {
    fn part(&mut self, part: &Part) -> anyhow::Result<()> {
        match (self.format, part) {
            (OutputFormat::StreamJson, Part::Text(text)) => self.event(&Event::Text { text }),
            (OutputFormat::StreamJson, Part::Reasoning(text)) => {
                self.event(&Event::Reasoning { text })
            }
            (OutputFormat::Text, Part::Reasoning(text)) if self.reasoning => {
                self.thinking = true;
                let (begin, end) = self.dim;
                tell(&format!("{begin}{}{end}", neutral(text)));
                Ok(())
            }
            (OutputFormat::Text, Part::Text(text)) if self.streams => {
                self.end_thinking();
                self.text(text)
            }
            (OutputFormat::Text | OutputFormat::Json, Part::Text(_) | Part::Reasoning(_)) => Ok(()),
        }
    }

    fn call(&mut self, call: &Call) -> anyhow::Result<()> {
        match self.format {
            OutputFormat::StreamJson => self.event(&Event::call(call)),
            OutputFormat::Text => {
                self.end_thinking();
                self.end_paragraph()?;
                self.tell_tool(&format!("tool {call} {}", call.arguments));
                Ok(())
            }
            OutputFormat::Json => Ok(()),
        }
    }

    fn result(&mut self, call: &Call, result: &ToolResult) -> anyhow::Result<()> {
        match self.format {
            OutputFormat::StreamJson => self.event(&Event::result(call, result)),
            OutputFormat::Text => {
                let mark = if result.success { '=' } else { '!' };
                self.tell_tool(&format!("{mark} {}", result.in_short()));
                Ok(())
            }
            OutputFormat::Json => Ok(()),
        }
    }

    fn answered(&mut self, step: &Spent) -> anyhow::Result<()> {
        match self.format {
            OutputFormat::StreamJson => self.event(&Event::usage(step)),
            OutputFormat::Json | OutputFormat::Text => Ok(()),
        }
    }
}

/// The format that the flags ask for.
pub fn format_of(args: &ShowArgs) -> OutputFormat {
    if args.json { OutputFormat::Json } else { args.output_format }
}

fn unwritten(error: io::Error) -> Failure {
    Failure::new(Exit::OutputWrite, format!("Cannot write the answer: {error}."))
}
