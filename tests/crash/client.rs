//! A program that submits jobs, whatever becomes of the host, and remembers which were accepted.

use crate::{chance::Chance, services};
use mdd_core::{
    events::JobView,
    jobs::{Submission, Target},
    rpc::{CallError, Client, JobList, Nothing},
};
use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::sleep;

/// More open jobs make the end longer and prove nothing.
const OPEN: usize = 14;

/// What was submitted.
#[derive(Default)]
pub(crate) struct Submitted {
    /// Ids that a host has accepted.
    pub(crate) acked: Mutex<BTreeSet<String>>,
    /// How many answers were lost, so that the client submitted again.
    pub(crate) again: Mutex<u64>,
    pub(crate) stop: AtomicBool,
}

/// Submits until it is told to stop, and then until the last one is accepted.
pub(crate) async fn submit(state: PathBuf, mut chance: Chance, submitted: Arc<Submitted>) {
    let mut number = 0;
    let mut open = 0;
    let mut client = None;
    let mut next: Option<Submission> = None;
    while next.is_some() || !submitted.stop.load(Ordering::SeqCst) {
        let Some(connected) = &mut client else {
            client = Client::connect(&state, "crash").await.ok();
            if client.is_none() {
                sleep(Duration::from_millis(5)).await;
            }
            continue;
        };
        if next.is_none() && open >= OPEN {
            match count_open(connected).await {
                Ok(now) => open = now,
                Err(_) => client = None,
            }
            sleep(Duration::from_millis(20)).await;
            continue;
        }
        let submission = next.get_or_insert_with(|| {
            number += 1;
            submission(number, &mut chance)
        });
        match connected.call::<_, JobView>("jobs.submit", submission).await {
            Ok(view) => {
                assert_eq!(view.id, submission.id);
                submitted.acked.lock().unwrap().insert(view.id);
                next = None;
                open += 1;
                sleep(chance.up_to(30)).await;
            }
            // Nobody knows whether it was accepted: the same again.
            Err(CallError::Broken(_) | CallError::NoAnswer) => {
                *submitted.again.lock().unwrap() += 1;
                client = None;
            }
            Err(error) => panic!("{}: {error}", submission.id),
        }
    }
}

async fn count_open(client: &mut Client) -> Result<usize, CallError> {
    let list: JobList = client.call("jobs.list", &Nothing {}).await?;
    Ok(list.jobs.iter().filter(|job| !job.state.is_final()).count())
}

fn submission(number: u64, chance: &mut Chance) -> Submission {
    let is_chat = chance.one_in(8);
    let (what, kind, payload) = match is_chat {
        true => ("chat", "litellm", services::chat(chance)),
        false => ("picture", "comfyui", services::picture(number, chance)),
    };
    Submission {
        id: format!("{what}-{number}"),
        target: Target::Kind(kind.to_owned()),
        operation: None,
        payload,
        files: Vec::new(),
    }
}
