//! The journal on a real disk.

use super::{
    Sqlite,
    file::{OpenError, open},
    migrations::migrate,
};
use crate::{
    events::JobState,
    jobs::{
        Journal, JournalError,
        record::{Course, Record, Ticket},
    },
};
use rusqlite::Connection;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

fn record(number: u64, id: &str) -> Record {
    let ticket = Ticket {
        id: id.to_owned(),
        number,
        kind: "lamp".to_owned(),
        backend: Some("lamp@1".to_owned()),
        operation: "shine".to_owned(),
        payload: json!({"seed": u64::MAX, "text": "grün\u{0}"}),
        files: Vec::new(),
        folder: id.to_owned(),
        created_ms: 1,
    };
    Record { ticket, course: Course::new("attempt".to_owned(), 1) }
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    (folder, path)
}

fn journal(path: &Path) -> Sqlite {
    Sqlite::start(path.to_owned()).unwrap()
}

/// The thread has let go of the file.
async fn end(journal: Sqlite) {
    let mut condition = journal.condition();
    drop(journal);
    while condition.changed().await.is_ok() {}
}

#[tokio::test]
async fn what_was_written_is_there_for_the_next_process() {
    let (_folder, path) = place();
    let first = journal(&path);
    for (number, id) in [(1, "a"), (2, "b"), (3, "c")] {
        first.admit(&record(number, id)).await.unwrap();
    }
    let mut course = record(1, "a").course;
    course.state = JobState::Done;
    first.note("a", &course).await.unwrap();
    first.forget("b").await.unwrap();
    let missing = JournalError::Missing("b".to_owned());
    assert_eq!(first.note("b", &course).await, Err(missing));
    end(first).await;
    let second = journal(&path);
    let expected = vec![Record { course, ..record(1, "a") }, record(3, "c")];
    assert_eq!(second.load().await.unwrap(), expected);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn many_at_once_are_all_written_and_share_their_syncs() {
    let (_folder, path) = place();
    let journal = journal(&path);
    let records: Vec<Record> = (1..=300).map(|number| record(number, &number.to_string())).collect();
    let written = futures_util::future::join_all(records.iter().map(|record| journal.admit(record))).await;
    assert!(written.iter().all(Result::is_ok));
    assert_eq!(journal.load().await.unwrap(), records);
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_is_written() {
    let (_folder, path) = place();
    let journal = journal(&path);
    drop(journal.admit(&record(1, "a")));
    assert_eq!(journal.load().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_whole_and_told_of() {
    for damage in [&b"no database at all, but long enough to be looked at: it has no such header"[..], &[0; 5000]] {
        let (folder, path) = place();
        fs::write(&path, damage).unwrap();
        let journal = journal(&path);
        assert_eq!(journal.load().await.unwrap(), []);
        journal.admit(&record(1, "a")).await.unwrap();
        let aside = journal.condition().borrow().set_aside.clone().unwrap();
        assert_eq!(aside.path.parent(), Some(folder.path()));
        assert_eq!(fs::read(aside.path).unwrap(), damage);
        assert_eq!(journal.condition().borrow().degraded, None);
    }
}

#[tokio::test]
async fn a_page_that_rots_in_the_middle_is_noticed_at_the_start() {
    let (_folder, path) = place();
    let first = journal(&path);
    for number in 1..200 {
        first.admit(&record(number, &number.to_string())).await.unwrap();
    }
    end(first).await;
    let mut bytes = fs::read(&path).unwrap();
    let page = bytes.len() / 2 / 4096 * 4096;
    bytes[page..page + 64].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    let second = journal(&path);
    assert_eq!(second.load().await.unwrap(), []);
    let aside = second.condition().borrow().set_aside.clone().unwrap();
    assert_eq!(fs::read(aside.path).unwrap(), bytes);
}

#[tokio::test]
async fn the_file_of_another_program_is_no_journal() {
    let (_folder, path) = place();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)").unwrap();
    let journal = journal(&path);
    assert_eq!(journal.load().await.unwrap(), []);
    let aside = journal.condition().borrow().set_aside.clone().unwrap();
    let theirs = Connection::open(aside.path).unwrap();
    assert_eq!(theirs.query_row("SELECT x FROM theirs", [], |row| row.get::<_, u32>(0)).unwrap(), 1);
}

#[tokio::test]
async fn the_journal_of_a_newer_version_is_left_alone() {
    let (folder, path) = place();
    end(journal(&path)).await;
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let journal = journal(&path);
    let error = journal.admit(&record(1, "a")).await.unwrap_err();
    assert!(error.to_string().contains("newer mdd-host"), "{error}");
    assert_eq!(journal.condition().borrow().set_aside, None);
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.contains("damaged")));
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_tried_again_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("later");
    let journal = journal(&place.join("journal.db"));
    let error = journal.admit(&record(1, "a")).await.unwrap_err();
    assert!(matches!(error, JournalError::Degraded(_)), "{error}");
    let mut condition = journal.condition();
    assert!(condition.borrow_and_update().degraded.is_some());
    fs::create_dir(&place).unwrap();
    let mended = condition.wait_for(|condition| condition.degraded.is_none());
    drop(tokio::time::timeout(Duration::from_secs(30), mended).await.expect("it is tried again by itself").unwrap());
    assert_eq!(journal.load().await.unwrap(), [], "what was refused is not there");
    journal.admit(&record(1, "a")).await.unwrap();
}

#[test]
fn steps_that_were_taken_are_not_taken_again() {
    let mut file = Connection::open_in_memory().unwrap();
    let steps =
        ["CREATE TABLE a (x); INSERT INTO a VALUES (1)", "ALTER TABLE a ADD COLUMN y", "UPDATE a SET y = x + 1"];
    migrate(&mut file, &steps[..1]).unwrap();
    migrate(&mut file, &steps).unwrap();
    migrate(&mut file, &steps).unwrap();
    let row = file.query_row("SELECT x, y FROM a", [], |row| Ok((row.get(0)?, row.get(1)?)));
    assert_eq!(row.unwrap(), (1, 2));
    let older = migrate(&mut file, &steps[..2]);
    assert!(matches!(older, Err(OpenError::Newer { version: 3, known: 2 })));
}

#[test]
fn a_step_that_fails_is_taken_back() {
    let mut file = Connection::open_in_memory().unwrap();
    assert!(migrate(&mut file, &["CREATE TABLE a (x); CREATE TABLE a (x)"]).is_err());
    migrate(&mut file, &["CREATE TABLE a (x)"]).unwrap();
}

#[test]
fn the_file_is_as_durable_as_it_must_be() {
    let (_folder, path) = place();
    let file = open(&path, true).unwrap().file;
    let pragma =
        |name: &str| file.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
    assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
    assert_eq!(pragma("synchronous"), 2.into(), "FULL");
}
