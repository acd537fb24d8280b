//! What the watchdog does, without drivers: their futures are ordinary ones here.

use super::{DriverRuntime, Misdeed};
use crate::plugins::inside::Tag;
use mdd_driver_api::{
    DriverError, ErrorKind,
    abi::{Fut, FutureExt as _},
};
use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, time::timeout};

const PATIENCE: Duration = Duration::from_secs(30);

fn future<T: Send + 'static>(work: impl Future<Output = Result<T, DriverError>> + Send + 'static) -> Fut<T> {
    async move { work.await.into() }.into_ffi()
}

/// Blocks threads until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn pass(&self) {
        let (open, changed) = &*self.0;
        let _open = changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap();
    }

    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

struct Scene {
    runtime: DriverRuntime,
    misdeeds: mpsc::UnboundedReceiver<Misdeed>,
}

impl Scene {
    fn new() -> Self {
        let (sender, misdeeds) = mpsc::unbounded_channel();
        Self { runtime: DriverRuntime::start_telling(sender).unwrap(), misdeeds }
    }

    async fn misdeed(&mut self) -> Misdeed {
        timeout(PATIENCE, self.misdeeds.recv()).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_stuck_poll_costs_its_driver_its_answer_and_nobody_else_anything() {
    let mut scene = Scene::new();
    let (bad, good) = (Tag::leaked("bad", "1"), Tag::leaked("good", "2"));
    let gate = Gate::default();
    let (wake, mut woken) = mpsc::channel::<u32>(1);
    // As many that block as there are threads, and one that waits in the middle of something.
    let waiting = scene.runtime.run(good, "watch", future(async move { Ok(woken.recv().await) }));
    let blocking = |gate: Gate| {
        future(async move {
            gate.pass();
            Ok(())
        })
    };
    let stuck = [0, 1].map(|_| scene.runtime.run(bad, "check", blocking(gate.clone())));
    for stuck in stuck {
        let error = timeout(PATIENCE, stuck).await.unwrap().unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::PANIC, "driver-stuck"));
        assert!(error.message.contains("blocks in check"), "{error}");
    }
    let misdeed = scene.misdeed().await;
    assert_eq!((misdeed.tag.kind.as_str(), misdeed.is_final), ("bad", false));
    // New ones go on, and so does the one that was under way.
    let fresh = scene.runtime.run(good, "check", future(async { Ok(7) }));
    assert_eq!(timeout(PATIENCE, fresh).await.unwrap().unwrap(), 7);
    wake.send(5).await.unwrap();
    assert_eq!(timeout(PATIENCE, waiting).await.unwrap().unwrap(), Some(5));
    gate.open();
}

#[tokio::test]
async fn who_drops_the_answer_drops_the_future() {
    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let scene = Scene::new();
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = Flag(dropped.clone());
    let running = scene.runtime.run(
        Tag::leaked("one", "1"),
        "watch",
        future::<()>(async move {
            let _held = flag;
            std::future::pending().await
        }),
    );
    drop(running);
    timeout(PATIENCE, async {
        while !dropped.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn too_much_memory_ends_the_driver_for_good() {
    extern "C" fn much() -> u64 {
        300 << 20
    }
    let mut scene = Scene::new();
    let tag = Tag::leaked("hungry", "1");
    tag.counts_memory_by(much);
    for _ in 0..2 {
        let error =
            timeout(PATIENCE, scene.runtime.run(tag, "run", future(async { Ok(1) }))).await.unwrap().unwrap_err();
        assert_eq!(error.code.as_str(), "driver-memory");
        assert!(error.message.contains("300 MiB"), "{error}");
    }
    let misdeed = scene.misdeed().await;
    assert!(misdeed.is_final && misdeed.what.contains("256 are allowed"), "{misdeed:?}");
    assert!(scene.misdeeds.try_recv().is_err(), "it is told once");
}

#[tokio::test]
async fn a_panic_is_told_and_what_follows_it_is_not() {
    let mut scene = Scene::new();
    let tag = Tag::leaked("clumsy", "1");
    for text in ["panicked at src/lib.rs:1: oh", "poisoned by an earlier panic: oh"] {
        let failing = future::<()>(async move { Err(DriverError::new(ErrorKind::PANIC, text)) });
        timeout(PATIENCE, scene.runtime.run(tag, "check", failing)).await.unwrap().unwrap_err();
    }
    assert_eq!(scene.misdeed().await.what, "in check it panicked at src/lib.rs:1: oh");
    assert!(scene.misdeeds.try_recv().is_err());
}
