//! Gradio apps of every recorded generation: the app of the recordings, AudioLDM, AudioLDM2, the WebUI of RVC and the web
//! UI of WanGP.
//!
//! What a page says of itself is the recorded `/config`; calls go the recorded way of the app's generation.

mod app;
mod call;
mod dialect;
mod files;
mod functions;
mod routes;
mod session;
mod socket;
mod wangp;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::Method;
use tokio::sync::Semaphore;

use crate::{
    registry::{Kind, Setup},
    service::{Answer, Handling, Payload, Request, Service, Transport},
    uuid,
};
use app::App;
use call::Control;
use files::Files;
use session::Sessions;

/// The app of the recordings, on each recorded version of Gradio.
pub(crate) const MIMIC: Kind = Kind { name: "gradio", versions: app::MIMICS, create };
/// AudioLDM2 and AudioLDM.
pub(crate) const AUDIOLDM: Kind = Kind { name: "audioldm", versions: app::AUDIOLDMS, create };
/// The WebUI of RVC: the current one, and 2.2.231006 as its source describes it.
pub(crate) const RVC_WEBUI: Kind = Kind { name: "rvc-webui", versions: app::RVCS, create };
/// The web UI of WanGP.
pub(crate) const WANGP: Kind = Kind { name: "wan2gp-webui", versions: app::WANGPS, create };

/// uvicorn's default.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// One process.
struct Gradio {
    setup: Setup,
    app: App,
    app_id: u64,
    /// Every function shares one worker, as with one graphics card.
    worker: Arc<Semaphore>,
    /// Of the functions that need no graphics card.
    aside: Arc<Semaphore>,
    waiting: AtomicUsize,
    sessions: Sessions,
    calls: Mutex<HashMap<String, Control>>,
    files: Files,
    /// The voice that is loaded, which is one for all clients.
    voice: Mutex<String>,
    /// What WanGP keeps of each of its sessions.
    queues: wangp::Queues,
    /// Set at a login; it is the cookie.
    token: String,
}

fn create(setup: &Setup) -> Arc<dyn Service> {
    Arc::new(Gradio::start(setup.clone()))
}

impl Gradio {
    fn start(setup: Setup) -> Self {
        let app = App::of(setup.version);
        Self {
            app_id: u64::from_str_radix(&uuid::hex()[..16], 16).unwrap_or_default(),
            worker: Arc::new(Semaphore::new(1)),
            aside: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            waiting: AtomicUsize::new(0),
            sessions: Sessions::default(),
            calls: Mutex::default(),
            files: Files::new(&app),
            voice: Mutex::default(),
            queues: wangp::Queues::default(),
            token: uuid::hex(),
            app,
            setup,
        }
    }

    /// Whose turn a function waits for.
    fn workers_of(&self, function: &str) -> &Arc<Semaphore> {
        if wangp::is_aside(function) { &self.aside } else { &self.worker }
    }

    fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service for Gradio {
    fn transport(&self) -> Transport {
        Transport {
            title_case: false,
            keep_alive: Some(self.setup.keep_alive.unwrap_or(KEEP_ALIVE)),
            max_body: 256 << 20,
            headers: &[("server", "uvicorn")],
        }
    }

    fn handle(self: Arc<Self>, request: Request) -> Handling {
        Box::pin(async move {
            self.setup.board.running().await;
            if request.path == "/queue/join" && self.app.dialect.is_socket() && request.method == Method::GET {
                return socket::upgrade(self, &request);
            }
            let reply = match request.payload {
                Payload::Whole(_) => routes::answer(&self, request).await,
                Payload::TooLarge => crate::service::Reply::empty(413),
            };
            Answer::from(reply)
        })
    }

    fn submits_job(&self, request: &Request) -> bool {
        let path = self.app.below_prefix(&request.path);
        request.method == Method::POST && matches!(path, Some("/queue/join" | "/queue/data"))
    }

    fn restarted(&self) -> Arc<dyn Service> {
        Arc::new(Self::start(self.setup.clone()))
    }
}
