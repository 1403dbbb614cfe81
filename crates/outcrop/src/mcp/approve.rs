//! Whether the model may use a tool.
//!
//! 1. Nobody is ever waited for who cannot answer: without a terminal the answer is no.
//! 2. The question goes to stderr and the answer comes from the terminal: stdout and what is piped in have
//!    no part in it.
//! 3. "Always" holds for a tool of one definition, at the place where that is written.

use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use inquire::{InquireError, Select};

use super::names::{Pattern, for_people};
use crate::cli::{Approve, ToolArgs};
use crate::exit::{Exit, Failure};
use crate::home::Home;

/// Longest arguments that a question shows.
const SHOWN: usize = 600;

pub struct Approval {
    policy: Approve,
    allowed: Vec<Pattern>,
    /// Tools that were allowed until we end.
    session: HashSet<String>,
    /// Tools that were allowed for good, and where that is written.
    always: HashSet<String>,
    file: PathBuf,
}

/// What a call wants.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'w> {
    pub server: &'w str,
    pub tool: &'w str,
    /// Where the server is defined.
    pub source: &'w std::path::Path,
    pub arguments: &'w str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Yes,
    /// With what the model is told.
    No(String),
}

// === impl Approval ===

impl Approval {
    /// # Errors
    /// A pattern that is none.
    pub fn new(args: &ToolArgs) -> anyhow::Result<Self> {
        let file = Home::find()?.config.join("allowed-tools");
        // Without a file, nothing was ever allowed.
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        Ok(Self {
            policy: if args.yes { Approve::Auto } else { args.approve },
            allowed: Pattern::all(&args.allow)?,
            session: HashSet::new(),
            always: written.lines().map(str::to_owned).collect(),
            file,
        })
    }

    /// # Errors
    /// Where the user interrupts, or an "always" cannot be kept.
    pub async fn of(&mut self, wish: Wish<'_>) -> anyhow::Result<Verdict> {
        let key = wish.key();
        let is_allowed = self.allowed.iter().any(|p| p.matches(wish.server, wish.tool))
            || self.session.contains(&key)
            || self.always.contains(&key);
        if is_allowed {
            return Ok(Verdict::Yes);
        }
        let name = for_people(wish.server, wish.tool);
        match self.policy {
            Approve::Auto => Ok(Verdict::Yes),
            Approve::Deny => Ok(Verdict::No("The user allows no use of this tool.".to_owned())),
            Approve::Ask if !somebody_is_there() => {
                eprintln!(
                    "note: the model may not use {name}: nobody can be asked; --allow '{name}' or -y lets it"
                );
                Ok(Verdict::No(
                    "The user is not there to allow the use of this tool. Go on without it."
                        .to_owned(),
                ))
            }
            Approve::Ask => self.ask(wish, key).await,
        }
    }

    async fn ask(&mut self, wish: Wish<'_>, key: String) -> anyhow::Result<Verdict> {
        match answer(&question(wish)).await? {
            Answer::Once => Ok(Verdict::Yes),
            Answer::Session => {
                self.session.insert(key);
                Ok(Verdict::Yes)
            }
            Answer::Always => {
                self.keep(&key)?;
                self.always.insert(key);
                Ok(Verdict::Yes)
            }
            Answer::No => Ok(Verdict::No("The user did not allow this call.".to_owned())),
        }
    }

    fn keep(&self, key: &str) -> anyhow::Result<()> {
        let written = || {
            if let Some(folder) = self.file.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut file =
                std::fs::OpenOptions::new().create(true).append(true).open(&self.file)?;
            writeln!(file, "{key}")
        };
        written().map_err(|error| {
            let what = format!("Cannot write {}: {error}.", self.file.display());
            Failure::new(Exit::OutputWrite, what).into()
        })
    }
}

// === impl Wish ===

impl Wish<'_> {
    /// A line of the file of what is always allowed.
    fn key(self) -> String {
        let source = std::path::absolute(self.source).unwrap_or_else(|_| self.source.to_owned());
        let name = for_people(self.server, self.tool);
        format!("{name}\t{}", super::printable(&source.to_string_lossy()))
    }
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Once,
    Session,
    Always,
    No,
}

const ANSWERS: [(&str, Answer); 4] = [
    ("yes, this once", Answer::Once),
    ("yes, until I leave", Answer::Session),
    ("yes, always", Answer::Always),
    ("no", Answer::No),
];

fn question(wish: Wish<'_>) -> String {
    let arguments = super::printable(wish.arguments);
    let shown: String = arguments.chars().take(SHOWN).collect();
    let more = arguments.chars().count().saturating_sub(SHOWN);
    let more = if more > 0 { format!("… and {more} characters more") } else { String::new() };
    format!("May the model use {} with {shown}{more}?", for_people(wish.server, wish.tool))
}

/// Waits on a thread of its own, which nothing waits for at the end.
async fn answer(question: &str) -> anyhow::Result<Answer> {
    let question = question.to_owned();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let words = ANSWERS.iter().map(|(words, _)| *words).collect();
        let asked = Select::new(&question, words).without_filtering().without_help_message();
        // Whoever asked may have given up.
        let _gave_up = sender.send(asked.raw_prompt().map(|chosen| chosen.index));
    });
    match receiver.await? {
        Ok(index) => Ok(ANSWERS.get(index).map_or(Answer::No, |(_, answer)| *answer)),
        Err(InquireError::OperationCanceled) => Ok(Answer::No),
        Err(InquireError::OperationInterrupted) => {
            Err(Failure::new(Exit::Interrupted, "Interrupted.").into())
        }
        Err(error) => {
            eprintln!("note: nobody could be asked: {error}");
            Ok(Answer::No)
        }
    }
}

/// Whether there is somebody who sees the question and can answer it.
pub fn somebody_is_there() -> bool {
    std::io::stderr().is_terminal()
        && (std::io::stdin().is_terminal() || std::fs::File::open("/dev/tty").is_ok())
}
