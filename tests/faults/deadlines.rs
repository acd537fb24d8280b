//! However an answer is late, a question ends at its deadline.

use crate::{http, peer};
use mdd_tests::Subject;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// For the head of an answer, and for the whole of it.
const DEADLINE: Duration = Duration::from_secs(5);
/// What a host may need beyond it, on a machine that does nothing else.
const GRACE: Duration = Duration::from_millis(250);

/// Every entry at once, and a driver's question to each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_question_of_the_fault_matrix_ends_in_time() {
    let elsewhere = peer::listen(|_| async {}).await;
    let entries = http::entries(&format!("http://127.0.0.1:{}/", elsewhere.number)).await;
    let mut questions = JoinSet::new();
    for entry in &entries {
        let subject = Subject::of("comfyui", &format!("http://127.0.0.1:{}", entry.port.number));
        let name = entry.name;
        questions.spawn(async move {
            let begun = Instant::now();
            let _whatever = subject.identify().await;
            (begun.elapsed(), name)
        });
    }
    let mut times = questions.join_all().await;
    times.sort();
    for (time, name) in times.iter().rev().take(8) {
        println!("{time:9.3?} {name}");
    }
    let late: Vec<_> = times.iter().filter(|(time, _)| *time > DEADLINE + GRACE).collect();
    assert!(late.is_empty(), "of {}: {late:?}", times.len());
}
