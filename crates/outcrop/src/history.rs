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
pub use self::store::{Conversation, Session, Store};
use crate::cli::KeepArgs;

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
    /// In a session of this name, which begins with the first of them.
    Named(String),
}

// === impl Recorder ===

impl Recorder {
    /// Opens the history, unless it is turned off, and what was said in the session that is to be gone on
    /// with.
    ///
    /// # Errors
    /// Where there is nothing to go on with; a history that only cannot be written is no error.
    pub fn open(args: &KeepArgs) -> anyhow::Result<(Self, Conversation)> {
        let is_off = std::env::var(VARIABLE).is_ok_and(|word| word.eq_ignore_ascii_case("off"));
        let is_written = !args.no_save && !is_off;
        let goes_on = args.r#continue || args.session.is_some();
        let mut recorder = Self { store: None, place: Place::Nowhere };
        if !is_written && !goes_on {
            return Ok((recorder, Conversation::default()));
        }
        let mut store = match Store::open() {
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
            (None, true) => Place::Session(store.last()?),
            (None, false) => Place::Nowhere,
        };
        let told = match &recorder.place {
            Place::Session(session) => store.conversation(session.id)?,
            Place::Nowhere | Place::Named(_) => Conversation::default(),
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

    fn write(&mut self, record: Record) -> anyhow::Result<Option<i64>> {
        let Some(store) = &mut self.store else { return Ok(None) };
        if let Place::Named(name) = &self.place {
            self.place = Place::Session(store.named(name)?);
        }
        let session = match &self.place {
            Place::Session(session) => Some(session.id),
            Place::Nowhere | Place::Named(_) => None,
        };
        store.record(&Record { session, ..record }).map(Some)
    }
}

fn warn(error: &anyhow::Error) {
    eprintln!("warning: this is not written to the history: {error:#}");
}
