//! The dispatcher by itself: what is given away comes back, whoever leaves.

use super::{Cause, Dispatcher, Report};
use crate::jobs::{
    runner::{Downloading, Runner, Running},
    submission::Target,
};
use futures_util::FutureExt as _;
use mdd_driver_api::{
    abi::{HttpRequest, JobPortArc},
    model::Attempt,
};
use std::{fs::File, path::Path, pin::pin, sync::Arc};

/// Nothing is run here.
struct Idle;

impl Runner for Idle {
    fn run(&self, _attempt: &Attempt, _port: JobPortArc) -> Running {
        Box::pin(std::future::pending())
    }

    fn offer(&self, _handle: &str, _path: &Path) {}

    fn withdraw(&self, _handle: &str) {}

    fn download(&self, _request: HttpRequest, _to: File, _max_bytes: u64) -> Downloading {
        Box::pin(std::future::pending())
    }
}

fn connected(instance: u64, slots: u32) -> Report {
    Report {
        runner: Some(Arc::new(Idle)),
        instance,
        answers: true,
        slots: Some(slots),
        boot: None,
        load: 0,
        is_idle: None,
    }
}

fn any() -> Target {
    Target::Kind("lamp".to_owned())
}

#[tokio::test]
async fn whoever_leaves_the_queue_takes_no_slot_along() {
    let dispatcher = Arc::<Dispatcher>::default();
    dispatcher.update("lamp@1", "lamp", connected(1, 1));
    let (any, other) = (any(), Target::Backend("lamp@1".to_owned()));
    let first = dispatcher.slot(1, &any).await;
    {
        let mut second = pin!(dispatcher.slot(2, &any));
        assert!(second.as_mut().now_or_never().is_none());
        // Given to it, and never taken.
        drop(first);
    }
    let third = dispatcher.slot(3, &other).now_or_never().expect("the slot has come back");
    let mut fourth = pin!(dispatcher.slot(4, &other));
    assert!(fourth.as_mut().now_or_never().is_none());
    let mut early = pin!(dispatcher.slot(0, &any));
    assert!(early.as_mut().now_or_never().is_none());
    drop(third);
    assert!(fourth.as_mut().now_or_never().is_none(), "the earlier number comes first, whichever queue it is in");
    assert!(early.as_mut().now_or_never().is_some());
}

#[tokio::test]
async fn what_a_backend_may_have_counts_however_full_it_is() {
    let dispatcher = Arc::<Dispatcher>::default();
    let held = [dispatcher.hold("lamp@1", "lamp"), dispatcher.hold("lamp@1", "lamp")];
    dispatcher.update("lamp@1", "lamp", connected(1, 2));
    assert!(dispatcher.slot(1, &any()).now_or_never().is_none());
    assert_eq!(dispatcher.cause(&any()), Cause::Full("lamp@1".to_owned()));
    drop(held);
    assert!(dispatcher.slot(1, &any()).now_or_never().is_some());
}

#[tokio::test]
async fn a_poisoned_object_gets_nothing_until_another_one_comes() {
    let dispatcher = Arc::<Dispatcher>::default();
    dispatcher.update("lamp@1", "lamp", connected(1, 0));
    assert!(dispatcher.poison("lamp@1", 1));
    assert!(!dispatcher.poison("lamp@1", 1), "it is known");
    dispatcher.update("lamp@1", "lamp", connected(1, 0));
    assert!(dispatcher.slot(1, &any()).now_or_never().is_none());
    assert_eq!(dispatcher.cause(&any()), Cause::Away("lamp@1".to_owned()));
    dispatcher.update("lamp@1", "lamp", connected(2, 0));
    assert!(dispatcher.slot(1, &any()).now_or_never().is_some());
}

#[tokio::test]
async fn the_preferred_one_comes_first_while_it_has_room() {
    let dispatcher = Arc::<Dispatcher>::default();
    let any = any();
    let goes_to = async |number| dispatcher.slot(number, &any).now_or_never().map(|slot| slot.backend.clone());
    dispatcher.prefer("lamp", Some("lamp@2".to_owned()));
    dispatcher.update("lamp@1", "lamp", connected(1, 1));
    assert_eq!(goes_to(1).await.as_deref(), Some("lamp@1"), "the preferred one is away");
    dispatcher.update("lamp@2", "lamp", Report { load: 5, ..connected(2, 1) });
    let taken = dispatcher.slot(2, &any).await;
    assert_eq!(taken.backend, "lamp@2", "whatever it has to do");
    assert_eq!(goes_to(3).await.as_deref(), Some("lamp@1"), "the preferred one is full");
    drop(taken);
    dispatcher.prefer("lamp", None);
    assert_eq!(goes_to(4).await.as_deref(), Some("lamp@1"), "the least to do");
}

#[tokio::test]
async fn whoever_does_not_answer_is_given_nothing() {
    let dispatcher = Arc::<Dispatcher>::default();
    let any = any();
    dispatcher.prefer("lamp", Some("lamp@1".to_owned()));
    dispatcher.update("lamp@1", "lamp", Report { answers: false, ..connected(1, 1) });
    dispatcher.update("lamp@2", "lamp", connected(2, 1));
    let taken = dispatcher.slot(1, &any).await;
    assert_eq!(taken.backend, "lamp@2");
    let waiting = dispatcher.slot(2, &any);
    tokio::pin!(waiting);
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(dispatcher.cause(&any), Cause::Full("lamp@2".to_owned()));
    dispatcher.update("lamp@2", "lamp", Report { runner: None, ..connected(2, 1) });
    assert_eq!(dispatcher.cause(&any), Cause::Silent("lamp@1".to_owned()));
    dispatcher.update("lamp@1", "lamp", connected(1, 1));
    assert_eq!(waiting.await.backend, "lamp@1");
}

#[tokio::test]
async fn a_supervisor_that_ends_takes_only_its_own_connection_away() {
    let dispatcher = Arc::<Dispatcher>::default();
    assert_eq!(dispatcher.cause(&any()), Cause::NoBackend);
    dispatcher.update("lamp@1", "lamp", connected(1, 0));
    dispatcher.update("lamp@1", "lamp", connected(2, 0));
    dispatcher.leave("lamp@1", 1);
    assert!(dispatcher.slot(1, &any()).now_or_never().is_some());
    dispatcher.leave("lamp@1", 2);
    assert!(dispatcher.slot(1, &any()).now_or_never().is_none());
}
