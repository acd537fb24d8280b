//! What a host shows of its journal when that is damaged, and when the disk takes nothing more.

use crate::soon;
use mdd_core::{
    events::{Snapshot, StoreState},
    rpc::{CallError, Client, Nothing},
};
use mdd_tests::{ServedHome, chat, provoked};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::{ffi::OsStr, fs};

const KIND: &str = "litellm";

/// Whoever writes beyond its limit gets an error and is not ended by the signal; says who it is.
const UNDER_A_LIMIT: &str = r#"trap '' XFSZ; echo $$ > "$0"; exec "$@""#;

async fn snapshot(client: &mut Client) -> Snapshot {
    let snapshot = soon("a snapshot", client.call("snapshot", &Nothing {})).await.unwrap();
    provoked::snapshot(&snapshot);
    snapshot
}

async fn submit(client: &mut Client, id: &str) -> Result<(), CallError> {
    let accepted: Result<serde_json::Value, _> = soon("an answer", client.call("jobs.submit", &chat(id))).await;
    accepted.map(drop)
}

#[tokio::test]
async fn a_damaged_journal_is_kept_beside_and_told() {
    let home = ServedHome::new(&[KIND], &[]);
    fs::create_dir_all(home.state()).unwrap();
    let damaged = b"this is no database".repeat(1_000);
    fs::write(home.state().join("journal.db"), &damaged).unwrap();
    let host = home.serve();
    let (mut client, _) = host.answers(&home.state()).await;
    // The first submission waits for the journal.
    submit(&mut client, "a").await.unwrap();
    let store = snapshot(&mut client).await.store;
    assert_eq!(store.state, StoreState::Ok);
    assert_eq!(store.reason.unwrap().code, "journal-set-aside");
    let files = fs::read_dir(home.state()).unwrap().flatten();
    assert!(files.filter_map(|file| fs::read(file.path()).ok()).any(|bytes| bytes == damaged), "it is still there");
}

#[tokio::test]
async fn a_disk_that_takes_nothing_more_is_told_and_forgiven() {
    let home = ServedHome::new(&[KIND], &[]);
    let pid = home.file("pid");
    let wrapper: [&OsStr; 4] = ["sh".as_ref(), "-c".as_ref(), UNDER_A_LIMIT.as_ref(), pid.as_ref()];
    let host = home.serve_under(&wrapper, &[]);
    let (mut client, _) = host.answers(&home.state()).await;
    submit(&mut client, "before").await.unwrap();
    let pid = Pid::from_raw(fs::read_to_string(&pid).unwrap().trim().parse().unwrap()).unwrap();
    let limit = |current| prlimit(Some(pid), Resource::Fsize, Rlimit { current, maximum: None }).unwrap();
    limit(Some(0));
    let Err(CallError::Refused(error)) = submit(&mut client, "meanwhile").await else { panic!("it was accepted") };
    assert_eq!(error.data.unwrap()["code"], "store-degraded");
    let store = snapshot(&mut client).await.store;
    assert_eq!((store.state, store.reason.unwrap().code.as_str()), (StoreState::Degraded, "store-degraded"));
    limit(None);
    submit(&mut client, "meanwhile").await.unwrap();
    let after = snapshot(&mut client).await;
    assert_eq!((after.store.state, after.jobs.len()), (StoreState::Ok, 2), "{:?}", after.store);
}
