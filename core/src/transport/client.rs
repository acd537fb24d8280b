//! reqwest, wrapped once: no proxy, no redirect, no decoding, its own resolver and pools that let go before servers do.

use super::{
    Failure, USER_AGENT,
    address::{Reach, Route},
    connecting::{Noticing, Returning},
    tls,
};
use reqwest::{Client, header};
use rustls::ClientConfig;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::OnceCell;

/// uvicorn closes idle connections after 5.0 s; a request that is sent at that moment is lost.
const POOL_IDLE: Duration = Duration::from_secs(4);
/// Two drivers on one server take turns on so many.
const POOL_SIZE: usize = 2;

/// The clients, each made when it is first needed: a client without connections costs microseconds, but reading the
/// platform's TLS roots takes milliseconds.
pub(super) struct Clients {
    lanes: [OnceLock<Client>; 8],
    /// For clients that only speak plain HTTP.
    no_tls: ClientConfig,
    tls: OnceCell<Arc<ClientConfig>>,
    pub(super) returning: Returning,
}

impl Clients {
    pub(super) fn new(tls: Option<ClientConfig>) -> Result<Self, super::TransportError> {
        let clients = Self {
            lanes: Default::default(),
            no_tls: tls::none()?,
            tls: OnceCell::new_with(tls.map(Arc::new)),
            returning: Returning::default(),
        };
        // What can fail fails at the start of the host.
        let usual = Route { reach: Reach::Loopback, tls: false };
        clients.lane(usual, true, &clients.no_tls)?;
        Ok(clients)
    }

    /// The client with a pool.
    pub(super) async fn pooled(&self, route: Route) -> Result<&Client, Failure> {
        self.client(route, true).await
    }

    /// A client whose every request opens a connection.
    pub(super) async fn fresh(&self, route: Route) -> Result<&Client, Failure> {
        self.client(route, false).await
    }

    async fn client(&self, route: Route, pooled: bool) -> Result<&Client, Failure> {
        let client = if route.tls {
            self.lane(route, pooled, self.tls().await?.as_ref())
        } else {
            self.lane(route, pooled, &self.no_tls)
        };
        client.map_err(|error| Failure::Host(error.to_string()))
    }

    /// The TLS configuration, with the platform's roots unless the caller brought its own.
    pub(super) async fn tls(&self) -> Result<&Arc<ClientConfig>, Failure> {
        let read = || async {
            let config = tokio::task::spawn_blocking(tls::platform).await;
            let config = config.map_err(|error| Failure::Host(error.to_string()))?;
            config.map(Arc::new).map_err(|error| Failure::TlsFailed(error.to_string()))
        };
        self.tls.get_or_try_init(read).await
    }

    fn lane(&self, route: Route, pooled: bool, tls: &ClientConfig) -> reqwest::Result<&Client> {
        let network = route.reach == Reach::Network;
        let lane = &self.lanes[usize::from(route.tls) << 2 | usize::from(network) << 1 | usize::from(pooled)];
        match lane.get() {
            Some(client) => Ok(client),
            None => {
                let client = build(route.reach, pooled, tls.clone())?;
                Ok(lane.get_or_init(|| client))
            }
        }
    }
}

fn build(reach: Reach, pooled: bool, tls: ClientConfig) -> reqwest::Result<Client> {
    let mut headers = header::HeaderMap::new();
    headers.insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static("identity"));
    let builder = Client::builder()
        .user_agent(USER_AGENT)
        .default_headers(headers)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        // More than a hundred fields in the head of an answer are refused. To name that limit costs each answer several
        // times as much: hyper has a faster way for its own.
        .http1_only()
        .tcp_nodelay(true)
        .connect_timeout(reach.connect_within())
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(if pooled { POOL_SIZE } else { 0 })
        .dns_resolver(reach)
        .connector_layer(Noticing)
        .tls_backend_preconfigured(tls);
    keep_alive(builder, reach).build()
}

/// A pulled cable is noticed by the kernel only when it is asked to look; on this machine there is no cable.
fn keep_alive(builder: reqwest::ClientBuilder, reach: Reach) -> reqwest::ClientBuilder {
    let network = reach == Reach::Network;
    let builder = builder
        .tcp_keepalive(network.then_some(Duration::from_secs(5)))
        .tcp_keepalive_interval(Duration::from_secs(2))
        .tcp_keepalive_retries(3);
    #[cfg(target_os = "linux")]
    let builder = builder.tcp_user_timeout(network.then_some(Duration::from_secs(10)));
    builder
}
