//! What was asked and answered: every turn, in SQLite, on this machine alone.
//!
//! 1. The history never fails an answer. Where it cannot be written, one line on stderr says so.
//! 2. A turn that failed or was interrupted is written as far as it came.
//! 3. What is no longer part of a conversation (undone, summarised) stays in the history.

mod find;
mod record;
mod schema;
mod store;

pub use self::find::{By, Filter, Overview, Sum, Turn, time};
pub use self::record::{Asked, Begun, Record, words};
use self::store::{Alone, fresh_name};
pub use self::store::{Conversation, Session, Store, keep_private};
use crate::cli::KeepArgs;
use crate::exit::{Exit, Failure};

/// Turns the history off, if it is `off`.
const VARIABLE: &str = "OUTCROP_HISTORY";

/// Writes turns down, if they are to be written.
pub struct Recorder {
    store: Option<Store>,
    place: Place,
}

/// Where turns belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In no session.
    Nowhere,
    Session(Session),
    /// In a session that begins with a turn that had none.
    After(Alone),
    /// In a session of this name, which begins with the first of them.
    Named(String),
    /// In a session that begins with the first of them, named after the time.
    Fresh,
}

// === impl Recorder ===

impl Recorder {
    /// Opens the history, unless it is turned off, and what was said in the session that is to be gone on
    /// with.
    ///
    /// # Errors
    /// Where there is nothing to go on with; a history that only cannot be written is no error.
    pub fn open(args: &KeepArgs) -> anyhow::Result<(Self, Conversation)> {
        let is_written = !args.no_save && !is_off();
        let goes_on = args.r#continue || args.session.is_some();
        let mut recorder = Self { store: None, place: Place::Nowhere };
        if !is_written && !goes_on {
            return Ok((recorder, Conversation::default()));
        }
        let store = match Store::open() {
            Ok(store) => store,
            Err(error) if goes_on => return Err(error),
            Err(error) => {
                warn(&error);
                return Ok((recorder, Conversation::default()));
            }
        };
        recorder.place = match (&args.session, args.r#continue) {
            (Some(name), _) => match store.session(name)? {
                Some(session) => Place::Session(session),
                None => Place::Named(name.clone()),
            },
            (None, true) => match store.last()? {
                (_, Some(session)) => Place::Session(session),
                (turn, None) => Place::After(turn),
            },
            (None, false) => Place::Nowhere,
        };
        let told = match &recorder.place {
            Place::Session(session) => store.conversation(session.id)?,
            Place::After(turn) => store.conversation_of(turn)?,
            Place::Nowhere | Place::Named(_) | Place::Fresh => Conversation::default(),
        };
        recorder.store = is_written.then_some(store);
        Ok((recorder, told))
    }

    /// Writes a turn down; its number, if it was.
    pub fn record(&mut self, record: Record) -> Option<i64> {
        match self.write(record) {
            Ok(turn) => turn,
            Err(error) => {
                warn(&error);
                self.store = None;
                None
            }
        }
    }

    /// Turns that belong nowhere belong to a session of their own.
    pub fn begin_session(&mut self) {
        match (&self.place, &mut self.store) {
            (Place::Nowhere, _) => self.place = Place::Fresh,
            (Place::After(turn), Some(store)) => match store.begin_with(turn, &turn.name()) {
                Ok(session) => self.place = Place::Session(session),
                Err(error) => {
                    warn(&error);
                    self.store = None;
                }
            },
            (Place::After(_) | Place::Session(_) | Place::Named(_) | Place::Fresh, _) => {}
        }
    }

    /// The next turns belong to another session.
    pub fn begin_another(&mut self) {
        self.place = Place::Fresh;
    }

    /// The session's name, once it has begun.
    pub fn session(&self) -> Option<&str> {
        match &self.place {
            Place::Session(session) => Some(&session.name),
            Place::Named(name) => Some(name),
            Place::Nowhere | Place::After(_) | Place::Fresh => None,
        }
    }

    /// Gives the session another name.
    ///
    /// # Errors
    /// Where it is taken, or nothing is kept.
    pub fn rename(&mut self, name: &str) -> anyhow::Result<()> {
        let Some(store) = &mut self.store else {
            let what = "This conversation is not kept, so it has no name.";
            return Err(Failure::new(Exit::Usage, what)
                .mend("/export writes it to a file.")
                .into());
        };
        match &mut self.place {
            Place::Session(session) => {
                store.rename(session.id, name)?;
                name.clone_into(&mut session.name);
            }
            Place::Nowhere | Place::After(_) | Place::Named(_) | Place::Fresh
                if store.session(name)?.is_some() =>
            {
                let what = format!("There is a session `{name}` already.");
                return Err(Failure::new(Exit::InvalidArgument, what)
                    .mend("Choose another name.")
                    .into());
            }
            Place::After(turn) => {
                let session = store.begin_with(turn, name)?;
                self.place = Place::Session(session);
            }
            Place::Nowhere | Place::Named(_) | Place::Fresh => {
                self.place = Place::Named(name.to_owned());
            }
        }
        Ok(())
    }

    /// Takes a turn out of its conversation.
    pub fn undo(&mut self, turn: i64) {
        if let Some(Err(error)) = self.store.as_mut().map(|store| store.undo(turn)) {
            warn(&error);
        }
    }

    fn write(&mut self, record: Record) -> anyhow::Result<Option<i64>> {
        let Some(store) = &mut self.store else { return Ok(None) };
        match &self.place {
            Place::Named(name) => self.place = Place::Session(store.named(name)?),
            Place::Fresh => {
                let session = store.begin(&fresh_name(record.began), &Conversation::default())?;
                self.place = Place::Session(session);
            }
            Place::After(turn) => {
                let session = store.begin_with(turn, &turn.name())?;
                self.place = Place::Session(session);
            }
            Place::Nowhere | Place::Session(_) => {}
        }
        let session = match &self.place {
            Place::Session(session) => Some(session.id),
            Place::Nowhere | Place::After(_) | Place::Named(_) | Place::Fresh => None,
        };
        store.record(&Record { session, ..record }).map(Some)
    }
}

/// Whether nothing is to be written at all.
pub fn is_off() -> bool {
    std::env::var(VARIABLE).is_ok_and(|word| word.eq_ignore_ascii_case("off"))
}

fn warn(error: &anyhow::Error) {
    note!("warning: this is not written to the history: {error:#}");
}
