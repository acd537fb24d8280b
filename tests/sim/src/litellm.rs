//! LiteLLM 1.106.2 and 1.75.8 as recorded: no database, two models with mocked answers, one whose upstream is dead.
//!
//! Models that the recordings used with a scripted upstream answer too, but are not listed: `auth`, `ratelimit`,
//! `five`, `ctx`, `hang`, `midfail`, `slow`.

mod auth;
mod chat;
mod errors;
mod facts;
mod models;
mod routes;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::Method;
use tokio::{sync::Mutex, time::sleep};

use crate::{
    registry::{Kind, Setup},
    service::{Handling, Request, Service, Transport},
};

/// This kind of service.
pub(crate) const KIND: Kind = Kind { name: "litellm", versions: &["1.106.2", "1.75.8"], create };

/// uvicorn's default.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// How long the first unknown path of a process takes, as recorded: 2.7–3.9 s.
const FIRST_MISS: Duration = Duration::from_secs(3);

/// A recorded release.
#[derive(Clone, Copy, PartialEq)]
enum Release {
    V1_75_8,
    V1_106_2,
}

/// One process.
struct LiteLlm {
    setup: Setup,
    release: Release,
    in_flight: Arc<AtomicUsize>,
    /// Held while something blocks the event loop; everything else waits for it.
    event_loop: Arc<Mutex<()>>,
    had_miss: AtomicBool,
}

fn create(setup: &Setup) -> Arc<dyn Service> {
    Arc::new(LiteLlm::start(setup.clone()))
}

impl LiteLlm {
    fn start(setup: Setup) -> Self {
        let release = if setup.version == "1.75.8" { Release::V1_75_8 } else { Release::V1_106_2 };
        Self { setup, release, in_flight: Arc::default(), event_loop: Arc::default(), had_miss: AtomicBool::new(false) }
    }

    /// Waits while the event loop is blocked.
    async fn turn(&self) {
        self.setup.board.running().await;
        drop(self.event_loop.lock().await);
    }

    /// The first unknown path makes the later release import its optional routes, and nothing else runs meanwhile.
    async fn miss(&self) {
        if self.release == Release::V1_106_2 && !self.had_miss.swap(true, Ordering::Relaxed) {
            let _blocked = self.event_loop.lock().await;
            sleep(self.setup.first_miss.unwrap_or(FIRST_MISS)).await;
        }
    }
}

impl Service for LiteLlm {
    fn transport(&self) -> Transport {
        Transport {
            title_case: false,
            keep_alive: Some(self.setup.keep_alive.unwrap_or(KEEP_ALIVE)),
            max_body: 256 << 20,
            headers: match self.release {
                Release::V1_75_8 => &[("server", "uvicorn")],
                Release::V1_106_2 => &[
                    ("x-frame-options", "DENY"),
                    ("content-security-policy", "frame-ancestors 'none'"),
                    ("x-content-type-options", "nosniff"),
                ],
            },
        }
    }

    fn handle(self: Arc<Self>, request: Request) -> Handling {
        Box::pin(async move {
            self.turn().await;
            let in_flight = InFlight::enter(&self.in_flight);
            routes::answer(&self, request, in_flight).await.into()
        })
    }

    fn submits_job(&self, request: &Request) -> bool {
        request.method == Method::POST && routes::is_chat(&request.path)
    }

    fn restarted(&self) -> Arc<dyn Service> {
        Arc::new(Self::start(self.setup.clone()))
    }
}

/// A request that is being handled, up to the end of its stream.
struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    fn enter(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
