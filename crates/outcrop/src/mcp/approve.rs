//! Whether the model may use a tool.
//!
//! 1. Nobody is ever waited for who cannot answer: without a terminal the answer is no.
//! 2. The question goes to stderr and the answer comes from the terminal: stdout and what is piped in have
//!    no part in it.
//! 3. "Always" holds for a tool of one definition: as it is written, at the place where it is written.
//! 4. Nothing of the arguments is hidden: what the question leaves out can be seen before it is answered.
//! 5. A question that is given up leaves the terminal as it found it.

mod screen;

use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use inquire::{InquireError, Select};

use self::screen::Screen;
use super::definition::Definition;
use super::names::{Pattern, for_people};
use super::{note, printable};
use crate::cli::{Approve, ToolArgs};
use crate::exit::{Exit, Failure};
use crate::home::Home;

/// Longest arguments that stand in the question itself, in characters.
const SHORT: usize = 200;
/// Longest arguments that are shown without being asked for.
const SHOWN: usize = 4000;
/// What is shown of longer ones: so much of the begin, and of the end.
const ENDS: (usize, usize) = (2500, 1000);

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
    /// Of the server.
    pub definition: &'w Definition,
    pub tool: &'w str,
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
        let is_allowed = self.allowed.iter().any(|p| p.matches(&wish.definition.name, wish.tool))
            || self.session.contains(&key)
            || self.always.contains(&key);
        if is_allowed {
            return Ok(Verdict::Yes);
        }
        let name = wish.name();
        match self.policy {
            Approve::Auto => Ok(Verdict::Yes),
            Approve::Deny => Ok(Verdict::No("The user allows no use of this tool.".to_owned())),
            Approve::Ask if !somebody_is_there() => {
                note(&format!(
                    "the model may not use {name}: nobody can be asked; --allow '{name}' or -y lets it"
                ));
                Ok(Verdict::No(
                    "The user is not there to allow the use of this tool. Go on without it."
                        .to_owned(),
                ))
            }
            Approve::Ask => self.ask(wish, key).await,
        }
    }

    async fn ask(&mut self, wish: Wish<'_>, key: String) -> anyhow::Result<Verdict> {
        match question(wish).await? {
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
    fn name(self) -> String {
        for_people(&self.definition.name, self.tool)
    }

    /// A line of the file of what is always allowed.
    fn key(self) -> String {
        let source = &self.definition.source;
        let source = std::path::absolute(source).unwrap_or_else(|_| source.clone());
        let source = printable(&source.to_string_lossy());
        format!("{}\t{source}\t{}", self.name(), self.definition.digest())
    }
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Once,
    Session,
    Always,
    No,
}

/// Whoever only presses Enter has not read the question, so the first is no. The last is no answer yet: it wants
/// to see all of the arguments first.
const ANSWERS: [(&str, Option<Answer>); 5] = [
    ("no", Some(Answer::No)),
    ("yes, this once", Some(Answer::Once)),
    ("yes, until I leave", Some(Answer::Session)),
    ("yes, always", Some(Answer::Always)),
    ("show all of it", None),
];
const BUT_LAST: &[(&str, Option<Answer>)] = ANSWERS.split_at(4).0;

/// Asks until there is an answer.
async fn question(wish: Wish<'_>) -> anyhow::Result<Answer> {
    let name = wish.name();
    let arguments = printable(wish.arguments);
    let length = arguments.chars().count();
    if length <= SHORT {
        let question = format!("May the model use {name} with {arguments}?");
        return Ok(answer(question, BUT_LAST).await?.unwrap_or(Answer::No));
    }
    let question = format!("May the model use {name} with these {length} characters?");
    if let Some(shown) = left_out(&arguments, length) {
        note!("{name} is to get: {shown}");
        if let Some(answer) = answer(question.clone(), &ANSWERS).await? {
            return Ok(answer);
        }
    }
    note!("{name} is to get: {arguments}");
    Ok(answer(question, BUT_LAST).await?.unwrap_or(Answer::No))
}

/// The ends of a text that is too long to be shown as a whole.
fn left_out(text: &str, length: usize) -> Option<String> {
    if length <= SHOWN {
        return None;
    }
    let (begin, end) = ENDS;
    let head: String = text.chars().take(begin).collect();
    let tail: String = text.chars().skip(length - end).collect();
    Some(format!("{head}\n… {} characters are left out here …\n{tail}", length - begin - end))
}

/// Waits on a thread of its own, which nothing waits for at the end.
async fn answer(
    question: String,
    answers: &'static [(&str, Option<Answer>)],
) -> anyhow::Result<Option<Answer>> {
    let mut screen = Screen::save();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let words = answers.iter().map(|(words, _)| *words).collect();
        let asked = Select::new(&question, words).without_filtering().without_help_message();
        // Whoever asked may have given up.
        let _gave_up = sender.send(asked.raw_prompt().map(|chosen| chosen.index));
    });
    let answered = receiver.await?;
    screen.is_as_it_was();
    match answered {
        Ok(index) => Ok(answers.get(index).map_or(Some(Answer::No), |(_, answer)| *answer)),
        Err(InquireError::OperationCanceled) => Ok(Some(Answer::No)),
        Err(InquireError::OperationInterrupted) => {
            Err(Failure::new(Exit::Interrupted, "Interrupted.").into())
        }
        Err(error) => {
            note(&format!("nobody could be asked: {error}"));
            Ok(Some(Answer::No))
        }
    }
}

/// Whether there is somebody who sees the question and can answer it.
pub fn somebody_is_there() -> bool {
    std::io::stderr().is_terminal()
        && (std::io::stdin().is_terminal() || std::fs::File::open("/dev/tty").is_ok())
}
