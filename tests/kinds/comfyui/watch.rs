//! The WebSocket: what it tells, how it ends, and when it is noticed to be deaf.

use super::{VERSIONS, post, sim};
use crate::PATIENCE;
use mdd_core::connection::News;
use mdd_driver_api::{
    DriverError, ErrorKind,
    model::{Problem, Queue},
};
use mdd_sim::{Fault, Sim};
use mdd_tests::Subject;
use serde_json::json;
use std::time::Duration;
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout},
};

/// One life of the push channel.
struct Life {
    end: JoinHandle<Result<(), DriverError>>,
    news: mpsc::Receiver<News>,
}

impl Life {
    fn of(subject: &Subject) -> Self {
        let (end, news) = subject.instance.watch();
        Self { end: tokio::spawn(end), news }
    }

    async fn next(&mut self) -> News {
        timeout(PATIENCE, self.news.recv()).await.expect("news come in time").expect("the channel lives")
    }

    /// Passes over news until the queue is as wanted.
    async fn until(&mut self, running: u32, pending: u32) {
        let wanted = Queue { running, pending: Some(pending) };
        while !matches!(self.next().await, News::Status(sample) if sample.queue == Some(wanted)) {}
    }

    /// Passes over news until there is, or is no more, a problem.
    async fn problem(&mut self) -> Option<Problem> {
        loop {
            if let News::Problem(problem) = self.next().await {
                return problem;
            }
        }
    }

    async fn end(self) -> Result<(), DriverError> {
        timeout(PATIENCE, self.end).await.expect("it ends in time").expect("it is no panic")
    }
}

async fn open_sockets(sim: &Sim, count: usize) {
    sim.wait_for(|ledger| ledger.sockets_open() == count, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn it_tells_the_depth_at_once_and_at_every_change() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let mut life = Life::of(&subject);
        let News::Status(first) = life.next().await else { panic!("the first news is no status") };
        assert_eq!(first.queue, Some(Queue { running: 0, pending: Some(0) }), "{version}");
        post::short_job(&sim, 1, 5).await;
        life.until(1, 0).await;
        post::short_job(&sim, 2, 1).await;
        life.until(1, 1).await;
        life.until(0, 0).await;
    }
}

#[tokio::test]
async fn every_socket_has_an_id_of_its_own_and_no_origin() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    for life in 1..=3 {
        let mut watch = Life::of(&subject);
        watch.next().await;
        open_sockets(&sim, 1).await;
        watch.end.abort();
        open_sockets(&sim, 0).await;
        assert_eq!(sim.ledger().sockets.len(), life);
    }
    let ledger = sim.ledger();
    let mut ids: Vec<_> = ledger.sockets.iter().map(|socket| socket.client_id.as_str()).collect();
    assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())), "{ids:?}");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert!(ledger.requests.iter().all(|request| request.origin.is_none()));
}

#[tokio::test]
async fn it_ends_with_the_server() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let mut life = Life::of(&subject);
    life.next().await;
    sim.stop().await;
    let error = life.end().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TRANSPORT, "{error:?}");
    let error = Life::of(&subject).end().await.unwrap_err();
    assert_eq!(error.code, "connection-refused");
    sim.restart().await.unwrap();
    Life::of(&subject).until(0, 0).await;
}

#[tokio::test]
async fn a_blocked_socket_leaves_checks_alone() {
    let sim = sim("0.33.0").await;
    sim.inject(Fault::SocketRefused).await;
    let subject = Subject::backend("comfyui", &sim.url());
    let error = Life::of(&subject).end().await.unwrap_err();
    assert_eq!(error.code, "comfyui.socket-blocked");
    assert_eq!((error.kind, error.http_status), (ErrorKind::REJECTED, 403), "{error:?}");
    subject.check().await.unwrap();
}

#[tokio::test]
async fn a_deaf_socket_is_noticed_and_a_new_one_hears() {
    let sim = sim("0.33.0").await;
    sim.inject(Fault::SocketDeaf).await;
    let subject = Subject::backend("comfyui", &sim.url());
    let mut life = Life::of(&subject);
    life.until(0, 0).await;
    post::slow_job(&sim, 1).await;
    subject.check().await.unwrap();
    let error = life.end().await.unwrap_err();
    assert_eq!(error.code, "comfyui.deaf-socket", "{error:?}");
    assert_eq!(error.message, "its queue holds 1, and its socket has told nothing of it for 3 s");
    sim.clear_faults().await;
    let mut life = Life::of(&subject);
    life.until(1, 0).await;
    post::slow_job(&sim, 2).await;
    life.until(1, 1).await;
}

#[tokio::test]
async fn a_socket_that_hears_is_never_taken_for_deaf() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let mut life = Life::of(&subject);
    life.until(0, 0).await;
    // For longer than a doubt lasts, checks race with jobs that come and go.
    let end = Instant::now() + Duration::from_secs(5);
    let mut seed = 0;
    while Instant::now() < end {
        seed += 1;
        post::short_job(&sim, seed, 1).await;
        subject.check().await.unwrap();
        life.until(0, 0).await;
        assert!(!life.end.is_finished());
    }
}

#[tokio::test]
async fn a_preview_over_the_cap_degrades_until_its_job_is_over() {
    let sim = sim("0.33.0").await;
    let subject = Subject::backend("comfyui", &sim.url());
    let mut life = Life::of(&subject);
    life.until(0, 0).await;
    post::noisy_job(&sim, 2000).await;
    let problem = life.problem().await.unwrap();
    assert_eq!(problem.code, "comfyui.preview-too-large");
    assert!(problem.observation.contains("sent a WebSocket message over "), "{}", problem.observation);
    let error = life.end().await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::LIMIT, "comfyui.preview-too-large"));
    assert_eq!(Life::of(&subject).problem().await, None);
}

#[tokio::test]
async fn previews_under_the_cap_are_passed_over() {
    for version in VERSIONS {
        let sim = sim(version).await;
        let subject = Subject::backend("comfyui", &sim.url());
        let mut life = Life::of(&subject);
        life.until(0, 0).await;
        post::noisy_job(&sim, 1000).await;
        life.until(1, 0).await;
        life.until(0, 0).await;
        assert!(!life.end.is_finished());
    }
}

#[tokio::test]
async fn live_updates_can_be_switched_off() {
    let sim = sim("0.33.0").await;
    let settings = json!({"live_updates": false});
    let subject = Subject::with("comfyui", &sim.url(), settings, None).unwrap().promoted();
    let error = Life::of(&subject).end().await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::UNSUPPORTED, ""));
    subject.check().await.unwrap();
    assert!(sim.ledger().sockets.is_empty());
}
