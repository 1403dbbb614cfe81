//! Stdout and stderr, which may be pipes that nobody reads any more; and files in the place of stdout.
//!
//! What cannot be written to stdout is an error; what nobody hears on stderr is not.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::Context;

use crate::exit::{Exit, Failure};
use crate::render::neutral;

/// What an error of this module says, and how it is told from others.
#[derive(Debug)]
struct Unwritten;

impl fmt::Display for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot write to stdout")
    }
}

/// Writes a line to stderr, as `eprintln!` does, which panics where nobody reads. It has no power over a
/// terminal, whoever's words are in it.
macro_rules! note {
    ($($said:tt)*) => {
        $crate::print::tell_said(&::std::format!("{}\n", ::std::format_args!($($said)*)))
    };
}

/// As [`tell`], with the words of a model or a server.
pub fn tell_said(said: &str) {
    match io::stderr().is_terminal() {
        true => tell(&neutral(said)),
        false => tell(said),
    }
}

/// Writes to stderr, if anyone reads it.
pub fn tell(said: &str) {
    // Nobody is left to be told why not.
    let _ = io::stderr().lock().write_all(said.as_bytes());
}

/// Writes to stdout at once, also into a pipe.
pub fn print_text(text: &str) -> anyhow::Result<()> {
    print_bytes(text.as_bytes())
}

/// Writes to stdout at once, also what is no text.
pub fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).context(Unwritten)
}

/// Writes a line to stdout at once.
pub fn print_line(line: &str) -> anyhow::Result<()> {
    print_text(&format!("{line}\n"))
}

/// Writes what a model or a user said: as it is, but with no power over a terminal.
pub fn print_said(text: &str) -> anyhow::Result<()> {
    match io::stdout().is_terminal() {
        true => print_text(&neutral(text)),
        false => print_text(text),
    }
}

/// Opens a file for results, so that a path that cannot be written is known before anything is asked. What
/// is in it stays until there is something to write: [`empty`].
///
/// # Errors
/// [`Exit::OutputWrite`].
pub fn open_file(path: &Path) -> anyhow::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    file.map_err(|error| {
        Failure::new(Exit::OutputWrite, format!("Cannot write {}: {error}.", path.display())).into()
    })
}

/// Writes a file that is not there yet: a conversation takes nobody's place. What is no plain file, such as
/// /dev/null, is written to.
///
/// # Errors
/// [`Exit::OutputWrite`], with `mend` where there is such a file.
pub fn write_new(path: &Path, text: &str, mend: &str) -> anyhow::Result<()> {
    let is_plain = path.metadata().map_or(true, |about| about.is_file());
    let made = OpenOptions::new().write(true).create_new(is_plain).open(path);
    made.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        let what = format!("Cannot write {}: {error}.", path.display());
        let failure = Failure::new(Exit::OutputWrite, what);
        match error.kind() {
            io::ErrorKind::AlreadyExists => failure.mend(mend).into(),
            _ => failure.into(),
        }
    })
}

/// Takes away what is in the file. What is no plain file, such as /dev/null, has no length.
pub fn empty(file: &File) -> io::Result<()> {
    if file.metadata().is_ok_and(|about| about.is_file()) { file.set_len(0) } else { Ok(()) }
}

/// Whether this is a terminal whose user wants to see colours.
pub fn is_colourful(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && has_colour()
}

/// Whether the environment lets output have colours (no-color.org).
pub fn has_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether it was stdout that could not be written to.
pub fn is_unwritten(error: &anyhow::Error) -> bool {
    error.is::<Unwritten>()
}

/// Whether the reader of our output has left, as `head` does: it has what it wanted.
pub fn reader_left(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    is_unwritten(error) && io.is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe)
}
