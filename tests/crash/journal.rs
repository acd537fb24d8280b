//! What the journal on the disk says, read without any host.

use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// A job as it is written down.
pub(crate) struct Row {
    pub(crate) state: String,
    /// The id of its attempt, which is the service's id of it where we choose that.
    pub(crate) attempt: String,
}

/// Every job; none before the first journal was made.
pub(crate) fn read(state: &Path) -> Vec<Row> {
    let path = state.join("journal.db");
    // As the next host will read it: the log is part of it.
    let Ok(file) = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE) else { return Vec::new() };
    let select = "SELECT state, json_extract(course, '$.attempt_id') FROM jobs";
    let Ok(mut select) = file.prepare(select) else { return Vec::new() };
    let rows = select.query_map([], |row| Ok(Row { state: row.get(0)?, attempt: row.get(1)? }));
    rows.unwrap().map(Result::unwrap).collect()
}
