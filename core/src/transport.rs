//! The host's side of all I/O: one set of connection pools for all drivers, with deadlines, limits and a policy per
//! backend instance.
//!
//! Everything runs on the I/O runtime. A driver's future only waits for a task over there and ends it when dropped, as
//! the runtime that polls drivers may be thrown away together with a driver that hangs.

#![forbid(unsafe_code)]

mod address;
mod body;
mod client;
mod clock;
mod connecting;
mod cookies;
mod download;
mod failure;
mod headers;
mod http;
mod limits;
mod observe;
mod policy;
mod request;
mod round;
mod secret;
mod services;
mod stream;
mod task;
mod tls;
mod websocket;

pub(crate) use address::never_reached;
pub use download::Downloaded;
pub use failure::Failure;
pub use policy::Policy;
pub use round::Round;
pub use secret::{Credential, Secret, SecretError, concealed};
pub use services::Services;

use crate::endpoint::Endpoint;
use address::Route;
use client::Clients;
use clock::Clock;
use std::sync::Arc;
use tokio::runtime::Handle;

/// How the host names itself to services.
const USER_AGENT: &str = concat!("mdd-host/", env!("CARGO_PKG_VERSION"));

/// Why there is no transport.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made: {0}")]
    Client(#[from] reqwest::Error),
    /// The TLS library does not offer what it should.
    #[error("TLS is not available: {0}")]
    Tls(#[from] rustls::Error),
}

/// What a transport may be made with besides the defaults.
#[derive(Debug, Default)]
pub struct Settings {
    /// Start of the random numbers that drivers get, to replay a run.
    pub seed: Option<u64>,
    /// TLS with other roots than the platform's.
    pub tls: Option<rustls::ClientConfig>,
}

/// Connection pools, clock and randomness of one host. Cloning is cheap.
#[derive(Clone)]
pub struct Transport {
    io: Handle,
    clients: Arc<Clients>,
    clock: Arc<Clock>,
}

impl Transport {
    /// A transport whose I/O runs on `io`. No file is read and no socket opened.
    ///
    /// # Errors
    /// None that a user could meet.
    pub fn new(io: Handle) -> Result<Self, TransportError> {
        Self::with(io, Settings::default())
    }

    /// The same with settings.
    ///
    /// # Errors
    /// None that a user could meet.
    pub fn with(io: Handle, settings: Settings) -> Result<Self, TransportError> {
        Ok(Self { clock: Arc::new(Clock::new(&io, settings.seed)), clients: Arc::new(Clients::new(settings.tls)?), io })
    }

    /// Opens a TCP connection to the endpoint and closes it. `named` says that the user named or allowed the endpoint,
    /// which then may be on another machine.
    pub fn dial(&self, endpoint: &Endpoint, named: bool) -> impl Future<Output = Result<(), Failure>> + Send + use<> {
        let endpoint = endpoint.clone();
        let io = self.io.clone();
        async move {
            let dialling = async move {
                let route = Route::to(&endpoint, named)?;
                address::dial(&endpoint, route.reach).await.map(drop)
            };
            task::Task::spawn(&io, dialling).await
        }
    }

    /// A random number of the generator that drivers get theirs from.
    pub fn random(&self) -> u64 {
        self.clock.random_u64()
    }
}
