//! What is written and read, as rows.

use crate::jobs::record::{Course, Record, now_ms};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::collections::BTreeSet;

/// Something to write.
#[derive(Debug)]
pub(super) enum Write {
    Admit { id: String, number: u64, kind: String, created_ms: u64, ticket: String, course: CourseRow },
    Note { id: String, course: CourseRow },
    Forget { id: String },
}

/// A course as a row.
#[derive(Debug)]
pub(super) struct CourseRow {
    state: String,
    since_ms: u64,
    course: String,
}

/// What became of a write that the file took, or would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Written,
    /// There is no such job.
    Missing,
}

impl Write {
    pub(super) fn admit(record: &Record) -> Result<Self, serde_json::Error> {
        let Record { ticket, course } = record;
        Ok(Self::Admit {
            id: ticket.id.clone(),
            number: ticket.number,
            kind: ticket.kind.clone(),
            created_ms: ticket.created_ms,
            ticket: serde_json::to_string(ticket)?,
            course: CourseRow::of(course)?,
        })
    }

    pub(super) fn note(id: &str, course: &Course) -> Result<Self, serde_json::Error> {
        Ok(Self::Note { id: id.to_owned(), course: CourseRow::of(course)? })
    }

    pub(super) fn id(&self) -> &str {
        match self {
            Self::Admit { id, .. } | Self::Note { id, .. } | Self::Forget { id } => id,
        }
    }

    fn apply(&self, file: &Transaction<'_>) -> rusqlite::Result<Taken> {
        match self {
            Self::Admit { id, number, kind, created_ms, ticket, course } => {
                // What has the id or the number was never announced.
                file.prepare_cached("INSERT OR REPLACE INTO tickets VALUES (?, ?, ?, ?, ?)")?
                    .execute(params![number, id, kind, created_ms, ticket])?;
                file.prepare_cached("INSERT OR REPLACE INTO courses VALUES (?, ?, ?, ?)")?.execute(params![
                    number,
                    course.state,
                    course.since_ms,
                    course.course
                ])?;
            }
            Self::Note { id, course } => {
                let changed = file
                    .prepare_cached(
                        "UPDATE courses SET state = ?, since_ms = ?, course = ?
                         WHERE number = (SELECT number FROM tickets WHERE id = ?)",
                    )?
                    .execute(params![course.state, course.since_ms, course.course, id])?;
                if changed == 0 {
                    return Ok(Taken::Missing);
                }
            }
            Self::Forget { id } => forget(file, id)?,
        }
        Ok(Taken::Written)
    }
}

impl CourseRow {
    fn of(course: &Course) -> Result<Self, serde_json::Error> {
        let (state, since_ms) = (course.state.to_string(), course.since_ms);
        Ok(Self { state, since_ms, course: serde_json::to_string(course)? })
    }
}

/// Writes all of it, durable when this returns, or none of it.
pub(super) fn write<'w>(
    file: &mut Connection,
    writes: impl Iterator<Item = &'w Write>,
) -> rusqlite::Result<Vec<Taken>> {
    let writing = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let taken = writes.map(|write| write.apply(&writing)).collect::<rusqlite::Result<_>>()?;
    writing.commit()?;
    Ok(taken)
}

/// Sees whether the file can be written again, and takes jobs out that were refused when it could not: they may be there
/// all the same.
pub(super) fn mend(file: &mut Connection, refused: &BTreeSet<String>) -> rusqlite::Result<()> {
    let writing = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for id in refused {
        forget(&writing, id)?;
    }
    writing.execute("INSERT OR REPLACE INTO probes VALUES (1, ?)", [now_ms()])?;
    writing.commit()
}

fn forget(file: &Transaction<'_>, id: &str) -> rusqlite::Result<()> {
    file.prepare_cached("DELETE FROM courses WHERE number = (SELECT number FROM tickets WHERE id = ?)")?
        .execute([id])?;
    file.prepare_cached("DELETE FROM tickets WHERE id = ?")?.execute([id])?;
    Ok(())
}

/// Every job that can be understood.
pub(super) fn load(file: &Connection) -> rusqlite::Result<Vec<Record>> {
    let mut select =
        file.prepare("SELECT id, ticket, course FROM tickets JOIN courses USING (number) ORDER BY number")?;
    let mut rows = select.query([])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, ticket, course) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?);
        let read = || Ok(Record { ticket: serde_json::from_str(ticket)?, course: serde_json::from_str(course)? });
        match read() {
            Ok(record) => records.push(record),
            // It stays in the file, for a version that understands it.
            Err(error) => {
                let error: serde_json::Error = error;
                tracing::error!(job = id, %error, "a job in the journal is not understood");
            }
        }
    }
    Ok(records)
}
