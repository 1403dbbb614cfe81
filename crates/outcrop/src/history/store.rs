//! The file of the history: SQLite, for several processes at once.
//!
//! 1. Nobody but its owner can read it: it holds questions and answers as they were.
//! 2. Writers wait for each other, readers for nobody.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use serde_json::{Map, Value};

use super::record::{Kind, Record};
use super::schema;
use crate::exit::{Exit, Failure};
use crate::home::Home;

/// The file in the user's data folder.
const FILE: &str = "history.db";
const SESSION: &str = "SELECT id, name FROM sessions WHERE name = ?1";
/// How long a writer waits for others: their transactions take milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The history, open.
pub struct Store {
    pub(super) connection: Connection,
}

/// A session by its number and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: i64,
    pub name: String,
}

/// A turn that is in no session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alone {
    turn: i64,
    began: i64,
}

/// What was said in a session, as far as it counts, and how the model was asked last.
#[derive(Debug, Default)]
pub struct Conversation {
    pub settings: Map<String, Value>,
    pub messages: Vec<Value>,
    /// Its turns, each with its place among the messages.
    pub turns: Vec<(i64, usize)>,
}

// === impl Store ===

impl Store {
    /// Opens the user's history, and makes it if there is none. Where nothing can be written, what is there can
    /// be read.
    ///
    /// # Errors
    /// Where the file cannot be used; what to do is said.
    pub fn open() -> anyhow::Result<Self> {
        let path = Home::find()?.data.join(FILE);
        Self::at(&path).or_else(|error| Self::only_read(&path).ok_or(error)).map_err(|error| {
            let what = format!("The history {} cannot be used: {error:#}.", path.display());
            Failure::new(Exit::Other, what).mend("Move the file away to begin a new one.").into()
        })
    }

    fn at(path: &Path) -> anyhow::Result<Self> {
        keep_private(path)?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        if mode != "wal" {
            // File systems without shared memory, and the moment in which another process does the same,
            // leave the mode as it is: it works as well, only slower.
            let _mode_stays = connection.pragma_update(None, "journal_mode", "wal");
        }
        connection.pragma_update(None, "synchronous", "normal")?;
        schema::migrate(&mut connection)?;
        Ok(Self { connection })
    }

    /// What is in the file, if it is there and whole. With what another process writes it is not kept up to date.
    fn only_read(path: &Path) -> Option<Self> {
        let beside = path.with_extension("db-wal");
        if fs::metadata(beside).is_ok_and(|about| about.len() > 0) {
            // Part of it is still in there, and cannot be had without writing.
            return None;
        }
        let name: String = form_urlencoded::byte_serialize(path.to_str()?.as_bytes()).collect();
        let uri = format!("file:{}?immutable=1", name.replace('+', "%20"));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(uri, flags).ok()?;
        schema::is_current(&connection).then_some(Self { connection })
    }

    /// Writes a turn down; its number.
    pub fn record(&mut self, record: &Record) -> anyhow::Result<i64> {
        let Record {
            session,
            kind,
            counts,
            up_to,
            began,
            model,
            target,
            region,
            key,
            settings,
            prompt,
            answer,
            reasoning,
            messages,
            calls,
            requests,
            usage,
            is_estimated,
            cost,
            latency,
            ttft,
            finish,
            error,
            request_id,
        } = record;
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let millis = |d: Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
        self.connection.prepare(
            "INSERT INTO turns (session, kind, counts, up_to, began, model, target, region, key,
                settings, prompt, answer, reasoning, messages, requests, input, output, cache_read,
                cache_write, thought, cost, latency, ttft, finish, error, request_id, calls, estimated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
                ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28)",
        )?.execute(params![
            session, kind.word(), counts, up_to, began, model, target, region, key,
            Value::Object(settings.clone()).to_string(), prompt, answer, reasoning,
            serde_json::to_string(messages)?, requests, number(usage.input), number(usage.output),
            number(usage.cache_read), number(usage.cache_write), number(usage.reasoning),
            cost.map(|cost| i64::try_from(cost.get()).unwrap_or(i64::MAX)), millis(*latency),
            ttft.map(millis), finish, error, request_id, serde_json::to_string(calls)?, is_estimated,
        ])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// The session of this name.
    pub fn session(&self, name: &str) -> anyhow::Result<Option<Session>> {
        let found = self.connection.query_row(SESSION, [name], Session::of);
        Ok(found.optional()?)
    }

    /// The session of this name, which begins now unless another process was first.
    pub fn named(&mut self, name: &str) -> anyhow::Result<Session> {
        let now = jiff::Timestamp::now().as_millisecond();
        self.connection.execute(
            "INSERT OR IGNORE INTO sessions (name, began) VALUES (?1, ?2)",
            params![name, now],
        )?;
        let session = self.connection.query_row(SESSION, [name], Session::of)?;
        Ok(session)
    }

    /// A new session; `name` is lengthened by a number if it is taken.
    pub fn begin(&mut self, name: &str, told: &Conversation) -> anyhow::Result<Session> {
        let base = serde_json::to_string(&told.messages)?;
        let settings = serde_json::to_string(&told.settings)?;
        let now = jiff::Timestamp::now().as_millisecond();
        let mut candidate = name.to_owned();
        for further in 2.. {
            let made = self.connection.execute(
                "INSERT OR IGNORE INTO sessions (name, began, base, settings)
                 VALUES (?1, ?2, ?3, ?4)",
                params![candidate, now, base, settings],
            )?;
            if made == 1 {
                break;
            }
            candidate = format!("{name}-{further}");
        }
        Ok(Session { id: self.connection.last_insert_rowid(), name: candidate })
    }

    /// The last turn that was answered, and its session if it has one.
    ///
    /// # Errors
    /// Where nothing was ever asked.
    pub fn last(&self) -> anyhow::Result<(Alone, Option<Session>)> {
        let last = self.connection.query_row(
            "SELECT t.id, t.began, s.id, s.name FROM turns t LEFT JOIN sessions s ON s.id = t.session
             WHERE t.kind = ?1 AND t.counts ORDER BY t.id DESC LIMIT 1",
            [Kind::Turn.word()],
            |row| {
                let session = match row.get(2)? {
                    Some(id) => Some(Session { id, name: row.get(3)? }),
                    None => None,
                };
                Ok((Alone { turn: row.get(0)?, began: row.get(1)? }, session))
            },
        );
        last.optional()?.ok_or_else(|| {
            Failure::new(Exit::Usage, "There is nothing to continue.")
                .mend("Ask something first; `outcrop logs` lists what was asked.")
                .into()
        })
    }

    /// A session that begins with a turn that had none.
    pub fn begin_with(&mut self, turn: &Alone, name: &str) -> anyhow::Result<Session> {
        let session = self.begin(name, &Conversation::default())?;
        self.connection.execute(
            "UPDATE turns SET session = ?1 WHERE id = ?2",
            params![session.id, turn.turn],
        )?;
        Ok(session)
    }

    /// What was said in a turn without a session.
    pub fn conversation_of(&self, turn: &Alone) -> anyhow::Result<Conversation> {
        let (settings, messages): (String, String) = self.connection.query_row(
            "SELECT settings, messages FROM turns WHERE id = ?1",
            [turn.turn],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(Conversation {
            settings: serde_json::from_str(&settings)?,
            messages: serde_json::from_str(&messages)?,
            turns: vec![(turn.turn, 0)],
        })
    }

    /// What was said in the session, as far as it counts.
    pub fn conversation(&self, session: i64) -> anyhow::Result<Conversation> {
        let db = &self.connection;
        let settings: String = db.query_row(
            "SELECT coalesce(
                (SELECT settings FROM turns WHERE session = s.id AND kind = ?2 AND counts
                 ORDER BY id DESC LIMIT 1), s.settings)
             FROM sessions s WHERE s.id = ?1",
            params![session, Kind::Turn.word()],
            |row| row.get(0),
        )?;
        let summary: Option<(i64, String)> = db
            .query_row(
                "SELECT up_to, messages FROM turns WHERE session = ?1 AND kind = ?2 AND counts
                 ORDER BY id DESC LIMIT 1",
                params![session, Kind::Summary.word()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let (from, mut messages) = match summary {
            Some((from, told)) => (from, serde_json::from_str(&told)?),
            None => (0, self.base(session)?),
        };
        let mut turns = db.prepare(
            "SELECT id, messages FROM turns WHERE session = ?1 AND kind = ?2 AND counts AND id > ?3
             ORDER BY id",
        )?;
        let mut begins = Vec::new();
        let mut rows = turns.query(params![session, Kind::Turn.word(), from])?;
        while let Some(row) = rows.next()? {
            let said: Vec<Value> = serde_json::from_str(&row.get::<_, String>(1)?)?;
            begins.push((row.get(0)?, messages.len()));
            messages.extend(said);
        }
        Ok(Conversation { settings: serde_json::from_str(&settings)?, messages, turns: begins })
    }
}

// === impl Store: sessions ===

impl Store {
    /// The session of this name.
    ///
    /// # Errors
    /// Where there is none.
    pub fn existing(&self, name: &str) -> anyhow::Result<Session> {
        self.session(name)?.ok_or_else(|| {
            let what = format!("There is no session `{name}`.");
            Failure::new(Exit::InvalidArgument, what)
                .mend("`outcrop sessions` lists those there are.")
                .into()
        })
    }

    /// What a session had been told before its first turn.
    pub fn base(&self, session: i64) -> anyhow::Result<Vec<Value>> {
        let base: String = self.connection.query_row(
            "SELECT base FROM sessions WHERE id = ?1",
            [session],
            |row| row.get(0),
        )?;
        Ok(serde_json::from_str(&base)?)
    }

    /// Takes a turn out of its conversation; the history keeps it.
    pub fn undo(&mut self, turn: i64) -> anyhow::Result<()> {
        self.connection.execute("UPDATE turns SET counts = 0 WHERE id = ?1", [turn])?;
        Ok(())
    }

    /// # Errors
    /// Where another session has the name.
    pub fn rename(&mut self, session: i64, name: &str) -> anyhow::Result<()> {
        let renamed = self.connection.execute(
            "UPDATE OR IGNORE sessions SET name = ?1 WHERE id = ?2",
            params![name, session],
        )?;
        match renamed {
            0 => {
                let what = format!("There is a session `{name}` already.");
                Err(Failure::new(Exit::InvalidArgument, what).mend("Choose another name.").into())
            }
            _ => Ok(()),
        }
    }

    /// Forgets a session and all its turns.
    pub fn remove(&mut self, session: i64) -> anyhow::Result<()> {
        self.connection.execute("DELETE FROM sessions WHERE id = ?1", [session])?;
        Ok(())
    }
}

impl Session {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(0)?, name: row.get(1)? })
    }
}

// === impl Alone ===

impl Alone {
    /// What its session is called where nobody names it.
    pub fn name(&self) -> String {
        fresh_name(self.began)
    }
}

/// The name of a session that nobody named: when it began.
pub fn fresh_name(began: i64) -> String {
    let began = jiff::Timestamp::from_millisecond(began).unwrap_or_default();
    began.strftime("%Y%m%d-%H%M%S").to_string()
}

/// Makes the file, if there is none, and keeps others from reading it.
pub fn keep_private(path: &Path) -> anyhow::Result<()> {
    let folder: PathBuf = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    let mut maker = fs::DirBuilder::new();
    maker.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        options.mode(0o600);
        maker.mode(0o700);
    }
    maker.create(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
    }
    drop(file);
    Ok(())
}
