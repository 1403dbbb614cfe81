//! How the history lies in its file, and how an older file becomes a newer one.
//!
//! 1. A step that was released is never changed; what is new is a further step.
//! 2. All steps that a file lacks are taken in one transaction, or none is.

use rusqlite::{Connection, TransactionBehavior};

/// The steps, from an empty file on; `user_version` counts those that were taken.
const STEPS: [&str; 2] = [
    // Times are milliseconds since 1970 in UTC, costs pico-dollars; a cost that is not known is NULL. In a
    // conversation are the turns that count, in their order, from the last summary on. `base` is what a
    // session that began as a fork had been told before, `settings` how.
    "CREATE TABLE sessions (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        began INTEGER NOT NULL,
        base TEXT NOT NULL DEFAULT '[]',
        settings TEXT NOT NULL DEFAULT '{}'
    ) STRICT;
    CREATE TABLE turns (
        id INTEGER PRIMARY KEY,
        session INTEGER REFERENCES sessions(id) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        counts INTEGER NOT NULL,
        up_to INTEGER,
        began INTEGER NOT NULL,
        model TEXT NOT NULL,
        target TEXT,
        region TEXT,
        key TEXT NOT NULL,
        settings TEXT NOT NULL,
        prompt TEXT NOT NULL,
        answer TEXT NOT NULL,
        reasoning TEXT NOT NULL,
        messages TEXT NOT NULL,
        requests INTEGER NOT NULL,
        input INTEGER NOT NULL,
        output INTEGER NOT NULL,
        cache_read INTEGER NOT NULL,
        cache_write INTEGER NOT NULL,
        thought INTEGER NOT NULL,
        cost INTEGER,
        latency INTEGER NOT NULL,
        ttft INTEGER,
        finish TEXT,
        error TEXT,
        request_id TEXT
    ) STRICT;
    CREATE INDEX turns_of_session ON turns(session, id);
    CREATE INDEX turns_by_time ON turns(began);
    CREATE VIRTUAL TABLE words USING fts5(
        prompt, answer, content = 'turns', content_rowid = 'id',
        tokenize = 'unicode61 remove_diacritics 2'
    );
    CREATE TRIGGER turn_told AFTER INSERT ON turns BEGIN
        INSERT INTO words(rowid, prompt, answer) VALUES (new.id, new.prompt, new.answer);
    END;
    CREATE TRIGGER turn_gone AFTER DELETE ON turns BEGIN
        INSERT INTO words(words, rowid, prompt, answer)
        VALUES ('delete', old.id, old.prompt, old.answer);
    END;",
    // Which tools were called, by the names that people know: JSON. Whether tokens and cost are an estimate.
    "ALTER TABLE turns ADD COLUMN calls TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE turns ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;",
];

/// Takes the steps that the file lacks.
///
/// # Errors
/// A file of a newer Outcrop, or one that cannot be written.
pub fn migrate(connection: &mut Connection) -> anyhow::Result<()> {
    if version(connection)? == STEPS.len() {
        return Ok(());
    }
    // Another process may be at it: whoever comes second finds it done.
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let taken = version(&change)?;
    let lacking = STEPS.get(taken..).ok_or_else(|| {
        anyhow::anyhow!("it was written by a newer Outcrop (format {taken}, here {})", STEPS.len())
    })?;
    for step in lacking {
        change.execute_batch(step)?;
    }
    change.pragma_update(None, "user_version", i64::try_from(STEPS.len())?)?;
    Ok(change.commit()?)
}

/// Whether the file lacks nothing, and has nothing that is not known here.
pub fn is_current(connection: &Connection) -> bool {
    version(connection).is_ok_and(|version| version == STEPS.len())
}

fn version(connection: &Connection) -> anyhow::Result<usize> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(version)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_every_step_becomes_a_current_one() {
        for taken in 0..STEPS.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            for step in &STEPS[..taken] {
                connection.execute_batch(step).unwrap();
            }
            connection.pragma_update(None, "user_version", i64::try_from(taken).unwrap()).unwrap();
            if taken > 0 {
                let turn = "INSERT INTO turns (kind, counts, began, model, key, settings, prompt, answer,
                    reasoning, messages, requests, input, output, cache_read, cache_write, thought, latency)
                    VALUES ('turn', 1, 0, 'm', 'k', '{}', 'p', 'a', '', '[]', 1, 1, 1, 0, 0, 0, 1)";
                connection.execute(turn, []).unwrap();
            }
            migrate(&mut connection).unwrap();
            assert!(is_current(&connection));
            let mut calls =
                connection.prepare("SELECT calls FROM turns WHERE NOT estimated").unwrap();
            let kept: Vec<String> =
                calls.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
            assert_eq!(kept, vec!["[]"; taken.min(1)]);
        }
    }
}
