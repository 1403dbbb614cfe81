//! The findings as text and as JSON.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use serde_json::{Value, json};

use crate::exit::Exit;

use super::finding::{Check, Finding, Status};

/// How a status is marked in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// Signs in colour, for a terminal.
    Colour,
    /// Words, for everything else.
    Words,
}

/// All that was found.
#[derive(Debug)]
pub struct Report {
    /// Where the gateway would send requests, as far as it is known.
    pub region: Option<String>,
    /// The backend of a configuration.
    pub backend: Option<String>,
    pub findings: Vec<Finding>,
}

// === impl Marks ===

impl Marks {
    /// Colour on a terminal, unless `NO_COLOR` is set (no-color.org).
    pub fn for_stdout() -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match std::io::stdout().is_terminal() && !no_colour {
            true => Self::Colour,
            false => Self::Words,
        }
    }

    fn of(self, status: Status) -> &'static str {
        match (self, status) {
            (Self::Colour, Status::Fine) => "\u{1b}[32m✓\u{1b}[0m",
            (Self::Colour, Status::Note) => "\u{1b}[2m·\u{1b}[0m",
            (Self::Colour, Status::Warning) => "\u{1b}[33m!\u{1b}[0m",
            (Self::Colour, Status::Failure) => "\u{1b}[31m✗\u{1b}[0m",
            (Self::Words, Status::Fine) => "ok  ",
            (Self::Words, Status::Note) => "-   ",
            (Self::Words, Status::Warning) => "warn",
            (Self::Words, Status::Failure) => "FAIL",
        }
    }

    fn indent(self) -> &'static str {
        match self {
            Self::Colour => "    ",
            Self::Words => "       ",
        }
    }
}

// === impl Report ===

impl Report {
    /// 0, or the code of the first failure: what comes later often follows from it.
    pub fn exit_code(&self) -> u8 {
        let first = self.findings.iter().find(|finding| finding.status == Status::Failure);
        first
            .map_or(0, |finding| finding.ailment.map_or(Exit::Other, |ailment| ailment.exit).code())
    }

    pub fn text(&self, marks: Marks) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text, marks);
        text
    }

    pub fn to_json(&self) -> Value {
        json!({
            "backend": self.backend,
            "region": self.region,
            "healthy": self.exit_code() == 0,
            "exit_code": self.exit_code(),
            "checks": self.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
        })
    }

    fn write(&self, text: &mut String, marks: Marks) -> std::fmt::Result {
        if let Some(backend) = &self.backend {
            writeln!(text, "backend {backend}")?;
        }
        let mut section: Option<Check> = None;
        for finding in &self.findings {
            if section != Some(finding.check) {
                section = Some(finding.check);
                writeln!(text, "{}", finding.check.as_str())?;
            }
            let width = self.width(finding.check);
            let Finding { status, subject, said, ailment, request_id, check: _ } = finding;
            writeln!(text, "  {} {subject:<width$}  {said}", marks.of(*status))?;
            let indent = marks.indent();
            if let Some(ailment) = ailment {
                writeln!(text, "{indent}cause: {} [{}]", ailment.cause, ailment.name)?;
                writeln!(text, "{indent}mend:  {}", ailment.mend)?;
            }
            if let Some(id) = request_id.as_ref().filter(|_| *status == Status::Failure) {
                writeln!(text, "{indent}request id: {id}")?;
            }
        }
        match self.exit_code() {
            0 => writeln!(text, "healthy"),
            code => writeln!(text, "not healthy (exit code {code})"),
        }
    }

    /// The widest subject of a section.
    fn width(&self, check: Check) -> usize {
        let of_section = self.findings.iter().filter(|finding| finding.check == check);
        of_section.map(|finding| finding.subject.chars().count()).max().unwrap_or(0)
    }
}
