//! The MCP server of Wan2GP 12.60 as recorded: on a machine without a model's files, where only post-processing works.
//!
//! Beside the recorded models there is one that the recordings could not have, `slow`: it makes a video, and takes a
//! tenth of a second for each of its `num_inference_steps`.

mod facts;
mod gallery;
mod job;
pub(crate) mod plan;
mod pretty;
mod process;
mod routes;
mod tools;
mod work;

use std::{sync::Arc, time::Duration};

pub(crate) use self::{
    job::now,
    plan::Plan,
    work::{PICTURE, POSTPROCESSING, STEP, VIDEO},
};

use self::process::Process;
use crate::{
    registry::{Kind, Setup},
    service::{Handling, Request, Service, Transport},
};

/// This kind of service.
pub(crate) const KIND: Kind = Kind { name: "wan2gp", versions: &["12.60"], create };

/// uvicorn's default.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// One process.
struct Wan2Gp {
    setup: Setup,
    process: Arc<Process>,
}

fn create(setup: &Setup) -> Arc<dyn Service> {
    Arc::new(Wan2Gp { process: Arc::new(Process::new(setup)), setup: setup.clone() })
}

impl Service for Wan2Gp {
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
            routes::answer(&self.process, request).await.into()
        })
    }

    fn submits_job(&self, request: &Request) -> bool {
        tools::submits_job(request)
    }

    fn restarted(&self) -> Arc<dyn Service> {
        create(&self.setup)
    }
}
