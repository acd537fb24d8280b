//! The host as a driver author sees it.

use crate::{
    Connect, Request, Response, Result, Socket, Stream,
    abi::{HostArc, J, RString},
};
use std::time::Duration;

/// The host's services for one instance. Cloning is cheap.
#[derive(Clone)]
pub struct Host(HostArc);

impl Host {
    pub(crate) fn new(services: HostArc) -> Self {
        Self(services)
    }

    /// GET with the host's default limits.
    ///
    /// # Errors
    /// See [`send`](Self::send).
    pub async fn get(&self, target: &str) -> Result<Response> {
        self.send(Request::get(target)).await
    }

    /// Sends a request and reads the whole answer. Any status is `Ok`.
    ///
    /// # Errors
    /// `TRANSPORT`, `TIMEOUT`, `LIMIT` for a body over the cap, `UNSUPPORTED` for what the host's policy forbids.
    pub async fn send(&self, request: Request) -> Result<Response> {
        Ok(Response::new(self.0.http(request.into_abi()).await.into_result()?))
    }

    /// Sends a request and leaves the body to be read piece by piece. Any status is `Ok`.
    ///
    /// # Errors
    /// See [`send`](Self::send).
    pub async fn stream(&self, request: Request) -> Result<Stream> {
        Ok(Stream::new(self.0.http_stream(request.into_abi()).await.into_result()?))
    }

    /// Opens a WebSocket.
    ///
    /// # Errors
    /// `TRANSPORT`, `TIMEOUT`; an answer other than 101 is `REJECTED` or `AUTH` with its status.
    pub async fn connect(&self, request: Connect) -> Result<Socket> {
        Ok(Socket::new(self.0.ws_connect(request.into_abi()).await.into_result()?))
    }

    /// Waits on the host's clock.
    pub async fn sleep(&self, time: Duration) {
        self.0.sleep_ms(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).await;
    }

    /// Time on the host's clock, which never goes back.
    pub fn now(&self) -> Duration {
        Duration::from_millis(self.0.now_ms())
    }

    /// A random number from the host, so that a run can be replayed.
    pub fn random(&self) -> u64 {
        self.0.random_u64()
    }

    /// An offer of this host beyond the traits, by its id.
    ///
    /// # Errors
    /// `UNSUPPORTED` for an unknown id.
    pub async fn extension(&self, id: &str, argument: &serde_json::Value) -> Result<serde_json::Value> {
        let answer = self.0.extension(id.into(), RString::from(argument.to_string())).await.into_result()?;
        if answer.is_empty() { Ok(serde_json::Value::Null) } else { J::from_text(answer).decode() }
    }

    /// Runs `work` for at most `time`.
    ///
    /// # Errors
    /// `TIMEOUT`, or its own.
    pub async fn timeout<T>(&self, time: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
        match crate::race(work, self.sleep(time)).await {
            crate::Either::First(result) => result,
            crate::Either::Second(()) => {
                let text = format!("no answer within {} ms", time.as_millis());
                Err(crate::DriverError::new(crate::ErrorKind::TIMEOUT, text))
            }
        }
    }
}
