//! The API of rvc-python 0.1.5 as recorded: one voice, one set of parameters, and silence while it works.
//!
//! A conversion takes 50 ms and one more for each kilobyte, and gives back what it got. Beside the recorded voice there
//! are `bob`, and `broken`, which is not listed and cannot be loaded.

mod routes;
mod voices;

use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;

use self::voices::Voices;
use crate::{
    registry::{Kind, Setup},
    service::{Handling, Request, Service, Transport},
};

/// This kind of service.
pub(crate) const KIND: Kind = Kind { name: "rvc-python", versions: &["0.1.5"], create };

/// uvicorn's default.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// One process.
struct RvcPython {
    setup: Setup,
    /// Held while something blocks the event loop; everything else waits for it.
    event_loop: Mutex<Voices>,
}

fn create(setup: &Setup) -> Arc<dyn Service> {
    Arc::new(RvcPython { setup: setup.clone(), event_loop: Mutex::default() })
}

impl Service for RvcPython {
    fn transport(&self) -> Transport {
        Transport {
            title_case: false,
            keep_alive: Some(self.setup.keep_alive.unwrap_or(KEEP_ALIVE)),
            max_body: 256 << 20,
            headers: &[("server", "uvicorn"), ("vary", "Origin")],
        }
    }

    fn handle(self: Arc<Self>, request: Request) -> Handling {
        Box::pin(async move {
            self.setup.board.running().await;
            let mut voices = self.event_loop.lock().await;
            routes::answer(&self.setup, &mut voices, &request).await.into()
        })
    }

    fn submits_job(&self, request: &Request) -> bool {
        routes::is_conversion(&request.path)
    }

    fn restarted(&self) -> Arc<dyn Service> {
        create(&self.setup)
    }
}
