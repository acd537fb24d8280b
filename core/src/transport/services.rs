//! The host's services as one driver instance gets them: every call, future and drop behind a panic wall.

use super::{
    Failure, Policy, Transport, http, stream,
    task::{Task, Walled},
    websocket,
};
use mdd_driver_api::{
    abi::{FfiFuture, Fut, HostArc, HostServices, HttpRequest, HttpResponse, HttpStream, WsConnBox, WsRequest},
    guard::{self, Wall},
};
use std::sync::Arc;

/// The services of one instance.
#[derive(Clone)]
pub struct Services(Arc<Walled<Parts>>);

#[derive(Clone)]
struct Parts {
    transport: Transport,
    policy: Policy,
}

impl Services {
    /// Services under `policy`, for [`create`](mdd_driver_api::Driver::create).
    pub fn under(transport: &Transport, policy: &Policy) -> HostArc {
        HostArc::of(Self(Arc::new(Walled::new(Parts { transport: transport.clone(), policy: policy.clone() }))))
    }

    /// Runs `work` on the I/O runtime, until it is done, the driver drops it or the host closes the instance.
    fn on_io<T, W>(&self, work: impl FnOnce(Parts) -> W + Send + 'static) -> Fut<T>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let parts = self.0.get().clone();
        Wall::of_host().future(async move {
            let Parts { transport, policy } = parts.clone();
            let open = policy.clone();
            let task = Task::spawn(&transport.io, async move { open.while_open(work(parts)).await });
            task.await.map_err(|failure| failure.into_error(policy.endpoint()))
        })
    }
}

impl HostServices for Services {
    fn http(&self, request: HttpRequest) -> Fut<HttpResponse> {
        self.on_io(|parts| async move { http::ask(&parts.transport, &parts.policy, request).await })
    }

    fn http_stream(&self, request: HttpRequest) -> Fut<HttpStream> {
        self.on_io(|parts| async move { stream::open(&parts.transport, &parts.policy, request).await })
    }

    fn ws_connect(&self, request: WsRequest) -> Fut<WsConnBox> {
        self.on_io(|parts| async move { websocket::connect(&parts.transport, &parts.policy, request).await })
    }

    fn sleep_ms(&self, ms: u64) -> FfiFuture<()> {
        let clock = self.0.get().transport.clock.clone();
        // The timer is made in the first poll, inside the wall.
        Wall::of_host().signal(async move { clock.sleep(ms).await })
    }

    fn now_ms(&self) -> u64 {
        let clock = &self.0.get().transport.clock;
        guard::catch(|| clock.now_ms()).unwrap_or_else(|_| clock.last_ms())
    }

    fn random_u64(&self) -> u64 {
        guard::catch(|| self.0.get().transport.clock.random_u64()).unwrap_or_default()
    }
}
