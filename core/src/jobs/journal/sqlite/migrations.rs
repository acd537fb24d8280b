//! How the file has come to its form, one step after the other. A step that was ever shipped never changes.

use super::file::OpenError;
use rusqlite::{Connection, TransactionBehavior};

/// The steps, each from the version of its index to the next.
pub(super) const STEPS: &[&str] = &[
    // A ticket is written once and may be long; a course is written at every step and is short.
    "CREATE TABLE tickets (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        ticket TEXT NOT NULL
    ) STRICT;
    CREATE TABLE courses (
        number INTEGER PRIMARY KEY,
        state TEXT NOT NULL,
        since_ms INTEGER NOT NULL,
        course TEXT NOT NULL
    ) STRICT;
    -- For people who look inside.
    CREATE VIEW jobs AS
        SELECT number, id, kind, state, datetime(created_ms / 1000, 'unixepoch') AS created,
            datetime(since_ms / 1000, 'unixepoch') AS since, ticket, course
        FROM tickets JOIN courses USING (number) ORDER BY number;
    -- Written when nothing else is to be, to see whether that can be done.
    CREATE TABLE probes (number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT;",
];

/// Takes the steps that the file has not taken.
pub(super) fn migrate(file: &mut Connection, steps: &[&str]) -> Result<(), OpenError> {
    let version: usize = file.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > steps.len() {
        return Err(OpenError::Newer { version, known: steps.len() });
    }
    for (index, step) in steps.iter().enumerate().skip(version) {
        let taking = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
        taking.execute_batch(step)?;
        taking.pragma_update(None, "user_version", index + 1)?;
        taking.commit()?;
    }
    Ok(())
}
