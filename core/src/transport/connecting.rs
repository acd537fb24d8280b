//! What the HTTP client does not tell and does not do: whether a request opened a connection of its own, and waiting a
//! moment for one that is on its way back to the pool.

use std::{
    cell::Cell,
    collections::HashMap,
    error::Error,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tower_layer::Layer;
use tower_service::Service;
use url::Url;

/// A connection is back in the pool so soon after its answer is complete: a few turns of its task. Whoever asks right
/// after a service has gone waits for nothing.
const RETURN_WITHIN: Duration = Duration::from_millis(5);
/// Places that are remembered before old ones are dropped.
const MAX_PLACES: usize = 64;

tokio::task_local! {
    static TRIP: Trip;
}

/// One request on its way through the client.
struct Trip {
    /// Whether a connection is about to be free, so that none should be opened yet.
    patient: bool,
    /// Whether it opened a connection.
    connected: Cell<bool>,
}

/// Where answers were completed a moment ago.
#[derive(Default)]
pub(super) struct Returning(Mutex<HashMap<String, Instant>>);

impl Returning {
    /// An answer from there is complete and its connection stays open.
    pub(super) fn note(&self, url: &Url) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MAX_PLACES {
            places.retain(|_, at| at.elapsed() < RETURN_WITHIN);
        }
        places.insert(place(url), Instant::now());
    }

    /// Whether a connection to there is about to be free.
    pub(super) fn is_expected(&self, url: &Url) -> bool {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(&place(url)).is_some_and(|at| at.elapsed() < RETURN_WITHIN)
    }
}

/// Runs a request and says whether it went over a connection that was used before. A `patient` one waits a moment before
/// it opens a connection.
pub(super) async fn watch<T>(patient: bool, request: impl Future<Output = T>) -> (T, bool) {
    let trip = Trip { patient, connected: Cell::new(false) };
    let watched = async {
        let result = request.await;
        (result, !TRIP.with(|trip| trip.connected.get()))
    };
    TRIP.scope(trip, watched).await
}

fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Wraps the client's connector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noticing;

#[derive(Debug, Clone)]
pub(super) struct Noticed<S>(S);

impl<S> Layer<S> for Noticing {
    type Service = Noticed<S>;

    fn layer(&self, inner: S) -> Noticed<S> {
        Noticed(inner)
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

impl<S, R> Service<R> for Noticed<S>
where
    S: Service<R, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, destination: R) -> Self::Future {
        let patient = TRIP.try_with(|trip| trip.patient).unwrap_or(false);
        // The clone takes the next call; this one was found ready.
        let next = self.0.clone();
        let mut connector = std::mem::replace(&mut self.0, next);
        Box::pin(async move {
            if patient {
                tokio::time::sleep(RETURN_WITHIN).await;
            }
            // A request that got a connection from the pool leaves its attempt to the background, outside of the trip.
            if TRIP.try_with(|trip| trip.connected.set(true)).is_err() {
                return Err("the connection is not needed any more".into());
            }
            connector.call(destination).await
        })
    }
}
