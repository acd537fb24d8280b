//! What a simulator really saw and ran: the truth that a host's own account is compared with.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use thiserror::Error;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// Requests kept; the oldest half is dropped beyond this, `requests_total` goes on counting.
const MAX_REQUESTS: usize = 100_000;

/// A snapshot of everything that happened since the simulator was started; a restart does not clear it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Ledger {
    /// TCP connections accepted.
    pub connections_opened: u64,
    /// TCP connections open now.
    pub connections_open: u64,
    /// Requests seen, including those that a fault kept from the service.
    pub requests_total: u64,
    /// The requests in order of arrival.
    pub requests: Vec<SeenRequest>,
    /// WebSockets in order of their handshakes.
    pub sockets: Vec<SeenSocket>,
    /// Jobs in order of acceptance.
    pub jobs: Vec<Job>,
    /// Files that clients sent.
    pub uploads: Vec<Upload>,
    /// Calls that no client should ever make.
    pub forbidden: Vec<String>,
    /// How often the process was restarted.
    pub restarts: u64,
}

/// One HTTP request.
#[derive(Clone, Debug, Serialize)]
pub struct SeenRequest {
    /// The TCP connection it came on, counted from 1.
    pub connection: u64,
    /// HTTP method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Whether it carried any credentials.
    pub has_auth: bool,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The `Origin` header, which a native client should not send.
    pub origin: Option<String>,
}

/// One WebSocket.
#[derive(Clone, Debug, Serialize)]
pub struct SeenSocket {
    /// The TCP connection it lives on.
    pub connection: u64,
    /// The client's name for itself.
    pub client_id: String,
    /// Whether it is still open.
    pub open: bool,
}

/// One accepted submission. The same `prompt_id` occurs twice if it was accepted twice.
#[derive(Clone, Debug, Serialize)]
pub struct Job {
    /// Counts accepted jobs from 0.
    pub number: u64,
    /// The service's id of the job.
    pub prompt_id: String,
    /// Who submitted it, if it said so.
    pub client_id: Option<String>,
    /// How far it came.
    pub state: JobState,
    /// How often it was started: once for every job that ever ran.
    pub runs: u32,
}

/// How far a job came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waiting in the queue.
    Accepted,
    /// Running now.
    Started,
    /// Ran to its end.
    Finished,
    /// Ran and failed.
    Failed,
    /// Stopped while it ran, or taken from the queue before it ran.
    Cancelled,
    /// Gone with a restart of the service.
    Lost,
}

impl JobState {
    /// Whether nothing more will happen to the job.
    pub fn is_final(self) -> bool {
        !matches!(self, JobState::Accepted | JobState::Started)
    }
}

/// One uploaded file.
#[derive(Clone, Debug, Serialize)]
pub struct Upload {
    /// The name it was stored under.
    pub name: String,
    /// The folder below the root of its type.
    pub subfolder: String,
    /// Size in bytes.
    pub bytes: u64,
}

impl Ledger {
    /// How many requests had a path that starts with `prefix`.
    pub fn requests_to(&self, prefix: &str) -> usize {
        self.requests.iter().filter(|request| request.path.starts_with(prefix)).count()
    }

    /// How many submissions with this id were accepted.
    pub fn accepted(&self, prompt_id: &str) -> usize {
        self.jobs_of(prompt_id).count()
    }

    /// How many jobs with this id were ever started.
    pub fn runs(&self, prompt_id: &str) -> usize {
        self.jobs_of(prompt_id).map(|job| job.runs as usize).sum()
    }

    /// How many jobs with this id ran to their end.
    pub fn finished(&self, prompt_id: &str) -> usize {
        self.jobs_of(prompt_id).filter(|job| job.state == JobState::Finished).count()
    }

    /// How many WebSockets are open.
    pub fn sockets_open(&self) -> usize {
        self.sockets.iter().filter(|socket| socket.open).count()
    }

    fn jobs_of<'a>(&'a self, prompt_id: &'a str) -> impl Iterator<Item = &'a Job> {
        self.jobs.iter().filter(move |job| job.prompt_id == prompt_id)
    }
}

/// A condition on the ledger did not come true in time.
#[derive(Debug, Error)]
#[error("the ledger did not reach the expected state within {waited:?}")]
pub struct NotReached {
    /// How long was waited.
    pub waited: Duration,
    /// The ledger at the end of the wait.
    pub ledger: Box<Ledger>,
}

/// The ledger as it is written: by the server for traffic, by the services for jobs.
#[derive(Default)]
pub(crate) struct Book {
    ledger: Mutex<Ledger>,
    changes: watch::Sender<()>,
}

impl Book {
    pub(crate) fn snapshot(&self) -> Ledger {
        self.lock().clone()
    }

    /// Waits until `reached` is true of the ledger.
    pub(crate) async fn wait_for(
        &self,
        mut reached: impl FnMut(&Ledger) -> bool,
        patience: Duration,
    ) -> Result<Ledger, NotReached> {
        let deadline = Instant::now() + patience;
        let mut changes = self.changes.subscribe();
        loop {
            let ledger = self.snapshot();
            if reached(&ledger) {
                return Ok(ledger);
            }
            if timeout_at(deadline, changes.changed()).await.is_err() {
                return Err(NotReached { waited: patience, ledger: Box::new(self.snapshot()) });
            }
        }
    }

    /// Returns the number of the new connection.
    pub(crate) fn connection_opened(&self) -> u64 {
        self.write(|ledger| {
            ledger.connections_opened += 1;
            ledger.connections_open += 1;
            ledger.connections_opened
        })
    }

    pub(crate) fn connection_closed(&self) {
        self.write(|ledger| ledger.connections_open -= 1);
    }

    pub(crate) fn request(&self, request: SeenRequest) {
        self.write(|ledger| {
            ledger.requests_total += 1;
            if ledger.requests.len() == MAX_REQUESTS {
                ledger.requests.drain(..MAX_REQUESTS / 2);
            }
            ledger.requests.push(request);
        });
    }

    /// Returns the index of the socket for [`Book::socket_closed`].
    pub(crate) fn socket_opened(&self, connection: u64, client_id: &str) -> usize {
        self.write(|ledger| {
            ledger.sockets.push(SeenSocket { connection, client_id: client_id.to_owned(), open: true });
            ledger.sockets.len() - 1
        })
    }

    pub(crate) fn socket_closed(&self, index: usize) {
        self.write(|ledger| ledger.sockets[index].open = false);
    }

    /// Returns the number of the job for [`Book::job_is`].
    pub(crate) fn job_accepted(&self, prompt_id: &str, client_id: Option<&str>) -> u64 {
        self.write(|ledger| {
            let number = ledger.jobs.len() as u64;
            let client_id = client_id.map(str::to_owned);
            let state = JobState::Accepted;
            ledger.jobs.push(Job { number, prompt_id: prompt_id.to_owned(), client_id, state, runs: 0 });
            number
        })
    }

    /// What a process still says of a job after it was killed is not believed.
    pub(crate) fn job_is(&self, number: u64, state: JobState) {
        self.write(|ledger| {
            let job = &mut ledger.jobs[number as usize];
            if job.state != JobState::Lost {
                job.state = state;
                job.runs += u32::from(state == JobState::Started);
            }
        });
    }

    pub(crate) fn upload(&self, upload: Upload) {
        self.write(|ledger| ledger.uploads.push(upload));
    }

    pub(crate) fn forbidden(&self, call: String) {
        self.write(|ledger| ledger.forbidden.push(call));
    }

    /// The process came up anew: what was unfinished will never be.
    pub(crate) fn restarted(&self) {
        self.write(|ledger| {
            ledger.restarts += 1;
            for job in ledger.jobs.iter_mut().filter(|job| !job.state.is_final()) {
                job.state = JobState::Lost;
            }
        });
    }

    fn write<R>(&self, change: impl FnOnce(&mut Ledger) -> R) -> R {
        let result = change(&mut self.lock());
        self.changes.send_replace(());
        result
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
