//! `acceptance/faults/matrix.txt`, read.

use super::{Asked, GPT_OSS};

/// One line: a fault, and what becomes of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// For the emulator, or [`super::port`].
    pub fault: String,
    streams_only: bool,
    /// Of a whole answer, and of a stream.
    classes: [String; 2],
    pub sent: Sent,
    pub goes_on: bool,
    /// By dialect: what the client gets.
    errors: [Told; 3],
}

/// How often a request is sent to the one target, of [`super::ATTEMPTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    Again,
    /// As often, but once where there is another target.
    Alone,
    Twice,
    Once,
}

/// How a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Error { status: u16, code: String },
    InStream,
}

// === impl Case ===

impl Case {
    pub fn all() -> Vec<Self> {
        let text = include_str!("../../faults/matrix.txt");
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(Self::read).collect()
    }

    fn read(line: &str) -> Self {
        let cells: Vec<&str> = line.split(" | ").collect();
        let [fault, class, sent, next, errors @ ..] = &cells[..] else { panic!("{line}") };
        let [openai, anthropic, bedrock] = errors else { panic!("{line}") };
        let (whole, streamed) = class.split_once('/').unwrap_or((class, class));
        let rest = fault.strip_prefix("stream ");
        Self {
            fault: rest.unwrap_or(fault).to_string(),
            streams_only: rest.is_some(),
            classes: [whole.to_owned(), streamed.to_owned()],
            sent: match *sent {
                "again" => Sent::Again,
                "alone" => Sent::Alone,
                "twice" => Sent::Twice,
                "once" => Sent::Once,
                other => panic!("{other}: {line}"),
            },
            goes_on: match *next {
                "yes" => true,
                "no" => false,
                other => panic!("{other}: {line}"),
            },
            errors: [openai, anthropic, bedrock].map(|cell| Told::read(cell)),
        }
    }

    /// Whether this can happen to a request. OpenAI's API has no word for a model that is not ready.
    pub fn is_for(&self, asked: Asked) -> bool {
        let has_no_word = asked.model == GPT_OSS && self.fault.contains("ModelNotReady");
        (asked.stream || !self.streams_only) && !has_no_word
    }

    pub fn class(&self, stream: bool) -> &str {
        &self.classes[usize::from(stream)]
    }

    pub fn told(&self, dialect: &str) -> &Told {
        match dialect {
            "openai" | "responses" => &self.errors[0],
            "anthropic" => &self.errors[1],
            "converse" => &self.errors[2],
            other => panic!("no dialect {other}"),
        }
    }

    /// The caller is to come back, whatever befell other targets.
    pub fn is_busy(&self, stream: bool) -> bool {
        ["throttled", "overloaded"].contains(&self.class(stream))
    }
}

impl Told {
    fn read(cell: &str) -> Self {
        if cell == "in stream" {
            return Self::InStream;
        }
        let (status, code) = cell.split_once(' ').unwrap();
        Self::Error { status: status.parse().unwrap(), code: code.to_owned() }
    }
}
