//! ComfyUI 0.3.64 and 0.33.0 as recorded: queue, executor, history, files, events.

mod errors;
mod events;
mod executor;
mod files;
mod graph;
mod jobs;
mod nodes;
mod origin;
mod png;
mod process;
mod progress;
mod queue;
mod routes;
mod socket;
mod status;
mod submission;
mod tensor;
mod traceback;
mod upload;
mod validation;
mod view;
mod work;

use std::sync::Arc;

use http::Method;

use self::{files::Files, process::Process};
use crate::{
    registry::{Kind, Setup},
    service::{Handling, Request, Service, Transport},
    tasks::OwnedTask,
};

/// This kind of service.
pub(crate) const KIND: Kind = Kind { name: "comfyui", versions: &["0.33.0", "0.3.64"], create };

/// The default of `--max-upload-size`.
const MAX_UPLOAD: usize = 104_857_600;

/// A recorded release; the later one has everything that came in between.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Release {
    V0_3_64,
    V0_33_0,
}

/// One process: its state and the two threads that the real one has besides its event loop.
struct ComfyUi {
    setup: Setup,
    process: Arc<Process>,
    publisher: OwnedTask,
    worker: OwnedTask,
}

fn create(setup: &Setup) -> Arc<dyn Service> {
    Arc::new(ComfyUi::start(setup.clone(), Arc::default()))
}

impl ComfyUi {
    fn start(setup: Setup, files: Arc<Files>) -> Self {
        let release = if setup.version == "0.3.64" { Release::V0_3_64 } else { Release::V0_33_0 };
        let (hub, publisher) = events::Hub::open();
        let process = Arc::new(Process::new(release, &setup, hub, files));
        let worker = OwnedTask::spawn(executor::work(Arc::clone(&process)));
        Self { setup, process, publisher, worker }
    }
}

impl Service for ComfyUi {
    fn transport(&self) -> Transport {
        Transport {
            title_case: true,
            keep_alive: self.setup.keep_alive,
            max_body: MAX_UPLOAD,
            headers: &[("server", "Python/3.11 aiohttp/3.14.5")],
        }
    }

    fn handle(self: Arc<Self>, request: Request) -> Handling {
        Box::pin(routes::answer(Arc::clone(&self.process), request))
    }

    fn submits_job(&self, request: &Request) -> bool {
        request.method == Method::POST && matches!(request.path.as_str(), "/prompt" | "/api/prompt")
    }

    fn restarted(&self) -> Arc<dyn Service> {
        self.worker.end();
        self.publisher.end();
        self.process.files.forget_temporary();
        Arc::new(Self::start(self.setup.clone(), Arc::clone(&self.process.files)))
    }
}
