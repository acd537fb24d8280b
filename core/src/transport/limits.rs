//! Deadlines and caps of one exchange.

use super::Failure;
use mdd_driver_api::abi::HttpRequest;
use std::{future::Future, time::Duration};
use tokio::time::{self, Instant};

/// Deadline of the head of an answer.
const HEAD: Duration = Duration::from_secs(3);
/// Deadline between two pieces of a body that is read as a whole.
const IDLE: Duration = Duration::from_secs(10);
/// The same for a stream: server-sent events may pause for long.
const STREAM_IDLE: Duration = Duration::from_secs(120);
/// Deadline of the head of a download, which a busy service answers late.
const DOWNLOAD_HEAD: Duration = Duration::from_secs(30);
/// Deadline of a whole exchange. A longer deadline for the head stretches it.
const TOTAL: Duration = Duration::from_secs(5);
/// Cap on a body, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// The same for the answer of a candidate: read into values, a hostile one takes twenty times the room.
const CANDIDATE_BYTES: u64 = 256 << 10;
/// No body that is read as a whole may be longer, whatever a driver asks.
const HARD_MAX_BYTES: u64 = 64 << 20;
/// The same for candidates, which are strangers.
const CANDIDATE_MAX_BYTES: u64 = 16 << 20;

/// What one exchange may take. `None` means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) head: Option<Duration>,
    pub(super) idle: Option<Duration>,
    pub(super) total: Option<Duration>,
    pub(super) max_bytes: u64,
}

impl Limits {
    /// For an answer that is read as a whole.
    pub(super) fn of_answer(request: &HttpRequest, candidate: bool) -> Self {
        let head = millis(request.head_ms, Some(HEAD));
        let (usual, hard) = match candidate {
            true => (CANDIDATE_BYTES, CANDIDATE_MAX_BYTES),
            false => (MAX_BYTES, HARD_MAX_BYTES),
        };
        Self {
            head,
            idle: millis(request.idle_ms, Some(IDLE)),
            total: millis(request.total_ms, head.map(|head| head.max(TOTAL))),
            max_bytes: if request.max_bytes == 0 { usual } else { request.max_bytes }.min(hard),
        }
    }

    /// For an answer that is read piece by piece, which may be endless.
    pub(super) fn of_stream(request: &HttpRequest, candidate: bool) -> Self {
        let hard = if candidate { CANDIDATE_MAX_BYTES } else { u64::MAX };
        Self {
            head: millis(request.head_ms, Some(HEAD)),
            idle: millis(request.idle_ms, Some(STREAM_IDLE)),
            total: millis(request.total_ms, None),
            max_bytes: if request.max_bytes == 0 { u64::MAX } else { request.max_bytes }.min(hard),
        }
    }

    /// For an answer that goes to a file of at most `max_bytes`.
    pub(super) fn of_download(request: &HttpRequest, max_bytes: u64) -> Self {
        let limits = Self::of_stream(request, false);
        let head = millis(request.head_ms, Some(DOWNLOAD_HEAD));
        Self { head, max_bytes: limits.max_bytes.min(max_bytes), ..limits }
    }

    /// Starts the clock.
    pub(super) fn start(self) -> Deadlines {
        let now = Instant::now();
        Deadlines { limits: self, whole: now, start: now }
    }
}

fn millis(ms: u64, default: Option<Duration>) -> Option<Duration> {
    match ms {
        0 => default,
        u64::MAX => None,
        ms => Some(Duration::from_millis(ms)),
    }
}

/// Limits whose clock runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadlines {
    limits: Limits,
    /// When all of it began.
    whole: Instant,
    /// When this exchange began.
    start: Instant,
}

impl Deadlines {
    /// For another exchange, which has what is left of the whole time.
    pub(super) fn anew(&self) -> Self {
        Self { start: Instant::now(), ..*self }
    }

    /// Waits for the head of the answer.
    pub(super) async fn head<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.before(after(self.start, self.limits.head, Failure::NoAnswer), work).await
    }

    /// Waits for the next piece of the body.
    pub(super) async fn piece<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.before(after(Instant::now(), self.limits.idle, Failure::Stalled), work).await
    }

    /// Waits for an answer that somebody else asked for.
    pub(super) async fn whole<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.before(None, work).await
    }

    /// Runs `work` until `own` or the end of the whole exchange, whichever comes first.
    async fn before<T>(
        &self,
        own: Option<(Instant, Failure)>,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let whole = after(self.whole, self.limits.total, Failure::TookTooLong);
        match own.into_iter().chain(whole).min_by_key(|(at, _)| *at) {
            None => work.await,
            Some((at, late)) => time::timeout_at(at, work).await.unwrap_or(Err(late)),
        }
    }
}

/// The end of a time that began at `from` and what it means to miss it; `None` for a time without end.
fn after(from: Instant, within: Option<Duration>, late: fn(u64) -> Failure) -> Option<(Instant, Failure)> {
    let within = within?;
    let ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
    Some((from.checked_add(within)?, late(ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(head_ms: u64, total_ms: u64, max_bytes: u64) -> HttpRequest {
        HttpRequest {
            method: "GET".into(),
            target: "/".into(),
            headers: Vec::new().into(),
            body: Vec::new().into(),
            head_ms,
            idle_ms: 0,
            total_ms,
            max_bytes,
            ext: "".into(),
        }
    }

    #[test]
    fn zero_means_the_default_and_a_long_head_stretches_the_total() {
        let limits = |head, total| {
            let limits = Limits::of_answer(&request(head, total, 0), false);
            (limits.head.map(|time| time.as_millis()), limits.total.map(|time| time.as_millis()))
        };
        assert_eq!(limits(0, 0), (Some(3_000), Some(5_000)));
        assert_eq!(limits(60_000, 0), (Some(60_000), Some(60_000)));
        assert_eq!(limits(60_000, 1_000), (Some(60_000), Some(1_000)));
        assert_eq!(limits(u64::MAX, 0), (None, None));
        assert_eq!(limits(0, u64::MAX), (Some(3_000), None));
        assert_eq!(Limits::of_stream(&request(0, 0, 0), false).total, None);
    }

    #[test]
    fn caps_are_capped() {
        let bytes = |max, candidate| Limits::of_answer(&request(0, 0, max), candidate).max_bytes;
        assert_eq!([bytes(0, false), bytes(0, true)], [1 << 20, 256 << 10]);
        assert_eq!(bytes(5, true), 5);
        assert_eq!([bytes(u64::MAX, false), bytes(u64::MAX, true)], [64 << 20, 16 << 20]);
        let stream = |candidate| Limits::of_stream(&request(0, 0, 0), candidate).max_bytes;
        assert_eq!([stream(false), stream(true)], [u64::MAX, 16 << 20]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_beyond_the_end_of_time_is_none() {
        let deadlines = Limits::of_answer(&request(u64::MAX - 1, u64::MAX - 1, 0), false).start();
        assert_eq!(deadlines.head(async { Ok(1) }).await, Ok(1));
    }
}
