//! Many jobs on backends that come and go, on several threads: nothing is lost, nothing is sent twice.

use super::{
    bench::{Bench, submission},
    lamp::{Lamp, Run},
};
use crate::{
    events::JobState,
    jobs::{Submission, Target},
};
use mdd_driver_api::{
    DriverError, ErrorKind, Stage,
    abi::Segment,
    model::{Outcome, OutcomeStatus},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

const JOBS: usize = 200;
const BACKENDS: usize = 3;
/// What was sent has arrived by then.
const SETTLE: Duration = Duration::from_millis(100);

/// What the services have seen.
#[derive(Default)]
struct Ledger {
    /// The backend that each attempt was sent to.
    sent: Mutex<BTreeMap<String, String>>,
    done: Mutex<BTreeSet<String>>,
}

/// Plays a driver that keeps the laws; a run that is let go ends wherever it is.
async fn play(run: Run, backend: String, ledger: Arc<Ledger>) {
    let attempt = run.attempt.attempt.clone();
    if run.attempt.checkpoint.as_ref().is_none_or(|checkpoint| checkpoint.stage < Stage::SENT.0) {
        if run.checkpoint(Stage::SENT, "sent").await.is_err() {
            return;
        }
        let before = ledger.sent.lock().unwrap().insert(attempt.clone(), backend);
        assert_eq!(before, None, "an attempt is sent once");
    } else if ledger.sent.lock().unwrap().get(&attempt) != Some(&backend) {
        // The run before was let go between its checkpoint and its request, or has not made it yet.
        tokio::time::sleep(SETTLE).await;
        if ledger.sent.lock().unwrap().get(&attempt) != Some(&backend) {
            let absent = DriverError::new(ErrorKind::TRANSPORT, "it never arrived").without_effect();
            run.try_end(Err(absent));
            return;
        }
    }
    tokio::task::yield_now().await;
    if run.checkpoint(Stage::ACKED, "acked").await.is_err() || run.append("x").await.is_err() {
        return;
    }
    run.progress(1.0);
    let Ok(saved) = run.put("a.txt", vec![Segment::bytes(run.attempt.job.clone())]).await else { return };
    if run.is_over() {
        return;
    }
    let mut outcome = Outcome::new(OutcomeStatus::Done);
    outcome.results = vec![saved];
    ledger.done.lock().unwrap().insert(run.attempt.job.clone());
    run.try_end(Ok(outcome));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_of_jobs_survives_backends_that_come_and_go() {
    let bench = Arc::new(Bench::new());
    let ledger = Arc::<Ledger>::default();
    let mut services = tokio::task::JoinSet::new();
    for number in 0..BACKENDS {
        let (bench, ledger) = (bench.clone(), ledger.clone());
        services.spawn(async move {
            let backend = format!("lamp@{number}");
            for life in 0_u64.. {
                let lamp: Lamp = bench.connect(&backend, if number == 0 { 0 } else { 2 });
                // Each life is longer than the one before, so that there is an end.
                let end = tokio::time::Instant::now() + Duration::from_millis(1 + life * 3);
                while let Ok(run) = tokio::time::timeout_at(end, lamp.next_run()).await {
                    tokio::spawn(play(run, backend.clone(), ledger.clone()));
                }
                bench.disconnect(&lamp);
                tokio::task::yield_now().await;
            }
        });
    }
    for number in 0..JOBS {
        let mut wanted = submission(&number.to_string());
        if number % 3 == 0 && bench.jobs.0.dispatcher.kind_of("lamp@1").is_some() {
            wanted = Submission { target: Target::Backend("lamp@1".to_owned()), ..wanted };
        }
        bench.jobs.submit(wanted).await.unwrap();
    }
    for number in 0..JOBS {
        let over = tokio::time::timeout(Duration::from_secs(60), bench.jobs.wait(&number.to_string())).await;
        let view = over.expect("it comes to its end").unwrap();
        assert_eq!((view.state, view.results.len()), (JobState::Done, 1), "{view:?}");
        assert_eq!(std::fs::read_to_string(&view.results[0].path).unwrap(), number.to_string());
    }
    services.abort_all();
    assert_eq!(ledger.sent.lock().unwrap().len(), JOBS, "none was sent twice");
    assert_eq!(ledger.done.lock().unwrap().len(), JOBS);
    assert_eq!(bench.jobs.open_count(), 0);
}
