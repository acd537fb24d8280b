//! The host's services on a played service: the deadlines, limits, rules and errors of the real ones, without a network.

use crate::{
    clock::{Clock, Sleep},
    service::{Course, Service},
    socket::Socket,
};
use mdd_core::{endpoint::Endpoint, transport::Failure};
use mdd_driver_api::{
    DriverError, Either,
    abi::{
        Body, BodyStream, BodyStreamBox, FfiFuture, Fut, FutRef, FutureExt as _, Header, HostArc, HostServices,
        HttpRequest, HttpResponse, HttpStream, RNone, ROption, RSome, RVec, SegmentKind, WsConnBox, WsRequest,
    },
    race,
};
use mdd_replay::{Asked, Piece, Reply};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// How long an answer is on its way.
const LATENCY_MS: u64 = 2;
/// The host's own deadlines, in milliseconds, and its cap on a body.
const HEAD_MS: u64 = 3_000;
const DOWNLOAD_HEAD_MS: u64 = 30_000;
const IDLE_MS: u64 = 10_000;
const STREAM_IDLE_MS: u64 = 120_000;
const TOTAL_MS: u64 = 5_000;
const MAX_BYTES: u64 = 1 << 20;

/// The services of one instance. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Host(Arc<Parts>);

struct Parts {
    clock: Clock,
    service: Service,
    endpoint: Endpoint,
    probe_posts: Vec<String>,
    is_candidate: Arc<AtomicBool>,
    random: AtomicU64,
    /// Goes with the last handle that the driver has.
    _held: Arc<()>,
}

impl Host {
    pub(crate) fn new(
        clock: &Clock,
        service: &Service,
        endpoint: &Endpoint,
        probe_posts: &[String],
        is_candidate: &Arc<AtomicBool>,
        held: &Arc<()>,
    ) -> Self {
        Self(Arc::new(Parts {
            clock: clock.clone(),
            service: service.clone(),
            endpoint: endpoint.clone(),
            probe_posts: probe_posts.to_vec(),
            is_candidate: is_candidate.clone(),
            random: AtomicU64::new(1),
            _held: held.clone(),
        }))
    }

    pub(crate) fn object(&self) -> HostArc {
        HostArc::of(self.clone())
    }

    /// Downloads as the port of a job does.
    pub(crate) async fn download(&self, request: HttpRequest) -> Result<(u16, Vec<u8>), DriverError> {
        let head_ms = or(request.head_ms, DOWNLOAD_HEAD_MS);
        let limits =
            Limits { head_ms, idle_ms: STREAM_IDLE_MS, total_ms: u64::MAX, max_bytes: u64::MAX, is_download: true };
        let mut answer = self.open(&request, limits).await?;
        let mut body = Vec::new();
        while let Some(piece) = answer.body.step().await.map_err(|failure| self.error(failure))? {
            body.extend(piece);
        }
        Ok((answer.status, body))
    }

    fn error(&self, failure: Failure) -> DriverError {
        failure.into_error(&self.0.endpoint)
    }

    /// Whether the host would send that, and the path below the endpoint.
    fn allowed(&self, method: &str, target: &str, is_socket: bool) -> Result<String, Failure> {
        let Parts { endpoint, probe_posts, is_candidate, service, .. } = &*self.0;
        let base = endpoint.to_string();
        let target = target.strip_prefix(base.trim_end_matches('/')).unwrap_or(target);
        let path = target.split('?').next().unwrap_or_default();
        let is_candidate = is_candidate.load(Ordering::Relaxed);
        let why = if !target.starts_with('/') || target.starts_with("//") {
            Some("a target outside of the endpoint".to_owned())
        } else if !is_candidate {
            None
        } else if is_socket {
            Some("a WebSocket to a service that was not identified".to_owned())
        } else if matches!(method, "GET" | "HEAD") || (method == "POST" && probe_posts.iter().any(|post| post == path))
        {
            None
        } else {
            Some(format!("{method} {path} to a service that was not identified"))
        };
        match why {
            Some(why) => Err(service.forbid(method, target, is_socket, why)),
            None => Ok(target.to_owned()),
        }
    }

    /// Sends a request and waits for the head of its answer.
    async fn open(&self, request: &HttpRequest, limits: Limits) -> Result<Answer, DriverError> {
        self.try_open(request, limits).await.map_err(|failure| self.error(failure))
    }

    async fn try_open(&self, request: &HttpRequest, limits: Limits) -> Result<Answer, Failure> {
        let head_ms = limits.head_ms;
        let Parts { clock, service, .. } = &*self.0;
        let target = self.allowed(&request.method, &request.target, false)?;
        let body = payload(&request.body);
        let (method, target) = (request.method.as_str(), target.as_str());
        let is_download = limits.is_download;
        let course = service.ask(Asked { method, target, body: &body, is_upgrade: false }, is_download);
        clock.sleep(LATENCY_MS).await;
        let (reply, end) = match course {
            Course::Answer(reply) => (reply, End::Complete),
            Course::Half(reply) => (reply, End::Cut),
            Course::Stalls(reply) => (reply, End::HeldBack),
            Course::Failure(failure) => return Err(failure),
            Course::Silence if head_ms == u64::MAX => return clock.never().await,
            Course::Silence => {
                clock.sleep(head_ms).await;
                return Err(Failure::NoAnswer(head_ms));
            }
        };
        let status = reply.status;
        let headers = fields(&reply);
        Ok(Answer { status, headers, body: Pieces::new(clock, service, reply, end, limits) })
    }
}

struct Answer {
    status: u16,
    headers: RVec<Header>,
    body: Pieces,
}

fn fields(reply: &Reply) -> RVec<Header> {
    let header = |(name, value): &(String, String)| Header { name: name.as_str().into(), value: value.as_str().into() };
    reply.headers.iter().map(header).collect()
}

/// A body as it would arrive, with a word for each file and secret.
pub(crate) fn payload(body: &Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    for segment in body {
        match segment.kind {
            SegmentKind::BYTES => bytes.extend_from_slice(&segment.bytes),
            SegmentKind::FILE_BASE64 => bytes.extend_from_slice(b"ZmlsZQ=="),
            SegmentKind::SECRET_JSON => bytes.extend_from_slice(b"\"secret\""),
            _ => bytes.extend_from_slice(segment.name.as_bytes()),
        }
    }
    bytes
}

fn or(given_ms: u64, default_ms: u64) -> u64 {
    if given_ms == 0 { default_ms } else { given_ms }
}

impl HostServices for Host {
    fn http(&self, request: HttpRequest) -> Fut<HttpResponse> {
        let host = self.clone();
        wrapped(async move {
            let head_ms = or(request.head_ms, HEAD_MS);
            let limits = Limits {
                head_ms,
                idle_ms: or(request.idle_ms, IDLE_MS),
                total_ms: or(request.total_ms, head_ms.max(TOTAL_MS)),
                max_bytes: or(request.max_bytes, MAX_BYTES),
                is_download: false,
            };
            let mut answer = host.open(&request, limits).await?;
            let mut body = Vec::new();
            while let Some(piece) = answer.body.step().await.map_err(|failure| host.error(failure))? {
                body.extend(piece);
            }
            Ok(HttpResponse { status: answer.status, headers: answer.headers, body: body.into(), ext: "".into() })
        })
    }

    fn http_stream(&self, request: HttpRequest) -> Fut<HttpStream> {
        let host = self.clone();
        wrapped(async move {
            let limits = Limits {
                head_ms: or(request.head_ms, HEAD_MS),
                idle_ms: or(request.idle_ms, STREAM_IDLE_MS),
                total_ms: or(request.total_ms, u64::MAX),
                max_bytes: or(request.max_bytes, u64::MAX),
                is_download: false,
            };
            let Answer { status, headers, body } = host.open(&request, limits).await?;
            let body = BodyStreamBox::of(Stream { host, body });
            Ok(HttpStream { status, headers, body, ext: "".into() })
        })
    }

    fn ws_connect(&self, request: WsRequest) -> Fut<WsConnBox> {
        let host = self.clone();
        wrapped(async move {
            let Parts { clock, service, endpoint, .. } = &*host.0;
            let opened = async {
                let target = host.allowed("GET", &request.target, true)?;
                let asked = Asked { method: "GET", target: &target, body: &[], is_upgrade: true };
                let course = service.ask(asked, false);
                clock.sleep(LATENCY_MS).await;
                match course {
                    Course::Answer(reply) if reply.status == 101 => Ok(reply.pieces),
                    Course::Answer(reply) | Course::Half(reply) | Course::Stalls(reply) => {
                        Err(Failure::UpgradeRefused(reply.status))
                    }
                    Course::Failure(failure) => Err(failure),
                    Course::Silence => {
                        clock.sleep(HEAD_MS).await;
                        Err(Failure::NoAnswer(HEAD_MS))
                    }
                }
            };
            let pieces = opened.await.map_err(|failure| failure.into_error(endpoint))?;
            Ok(WsConnBox::of(Socket::new(clock, service, endpoint, pieces)))
        })
    }

    fn sleep_ms(&self, ms: u64) -> FfiFuture<()> {
        let clock = self.0.clock.clone();
        async move { clock.sleep(ms).await }.into_ffi()
    }

    fn now_ms(&self) -> u64 {
        self.0.clock.now_ms()
    }

    fn random_u64(&self) -> u64 {
        // Weyl's sequence: different, spread out, and the same in every check.
        self.0.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }
}

pub(crate) fn wrapped<T: Send + 'static>(
    work: impl Future<Output = Result<T, DriverError>> + Send + 'static,
) -> Fut<T> {
    async move { work.await.into() }.into_ffi()
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Cut,
    /// Its last piece comes when the work is over.
    HeldBack,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    head_ms: u64,
    idle_ms: u64,
    total_ms: u64,
    max_bytes: u64,
    is_download: bool,
}

/// A body on its way.
struct Pieces {
    clock: Clock,
    service: Service,
    left: VecDeque<Piece>,
    end: End,
    limits: Limits,
    until_ms: u64,
    bytes: u64,
    /// The wait that is under way: whoever asks again goes on with it.
    waiting: Option<(Sleep, Option<Failure>)>,
    /// The deadline of the piece that comes when the work is over.
    holding: Option<(Sleep, Failure)>,
}

impl Pieces {
    fn new(clock: &Clock, service: &Service, reply: Reply, end: End, limits: Limits) -> Self {
        let mut left: VecDeque<Piece> = reply.pieces.into();
        match end {
            End::Complete | End::HeldBack => {}
            End::Cut if left.len() > 1 => left.truncate(left.len() / 2),
            End::Cut => {
                let body = left.pop_front().and_then(|piece| piece.content()).unwrap_or_default();
                let half = String::from_utf8_lossy(&body[..body.len() / 2]).into_owned();
                left.push_back(Piece::Text(half));
            }
        }
        let until_ms = clock.now_ms().saturating_add(limits.total_ms);
        let (clock, service) = (clock.clone(), service.clone());
        Self { clock, service, left, end, limits, until_ms, bytes: 0, waiting: None, holding: None }
    }

    async fn step(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            if let Some((sleep, _)) = &mut self.waiting {
                sleep.await;
                if let Some((_, Some(failure))) = self.waiting.take() {
                    return Err(failure);
                }
            }
            if self.end == End::HeldBack && self.left.len() <= 1 {
                self.release().await?;
            }
            match self.left.pop_front() {
                Some(Piece::Wait { wait_ms }) => self.wait(wait_ms),
                Some(piece) => {
                    let content = piece.content().unwrap_or_default();
                    self.bytes += content.len() as u64;
                    if self.bytes > self.limits.max_bytes {
                        return Err(Failure::AnswerTooLarge(self.limits.max_bytes));
                    }
                    if !content.is_empty() {
                        return Ok(Some(content));
                    }
                }
                None if self.end == End::Cut => return Err(Failure::AnswerCutShort),
                None => return Ok(None),
            }
        }
    }

    /// Waits, or until a deadline passes.
    fn wait(&mut self, ms: u64) {
        let (ms, failure) = match self.deadline() {
            Some((deadline_ms, failure)) if deadline_ms < ms => (deadline_ms, Some(failure)),
            _ => (ms, None),
        };
        self.waiting = Some((self.clock.sleep(ms), failure));
    }

    /// Waits for the end of the work, or until a deadline passes.
    async fn release(&mut self) -> Result<(), Failure> {
        if self.holding.is_none() {
            self.holding = self.deadline().map(|(ms, failure)| (self.clock.sleep(ms), failure));
        }
        match &mut self.holding {
            None => self.clock.endless(self.service.work_ends()).await,
            Some((sleep, _)) => {
                if let Either::Second(()) = race(self.service.work_ends(), sleep).await
                    && let Some((_, failure)) = self.holding.take()
                {
                    return Err(failure);
                }
            }
        }
        self.end = End::Complete;
        Ok(())
    }

    /// How long the next piece may take, and what becomes of one that takes longer.
    fn deadline(&self) -> Option<(u64, Failure)> {
        let Limits { idle_ms, total_ms, .. } = self.limits;
        let left_ms = self.until_ms.saturating_sub(self.clock.now_ms());
        let deadlines = [(idle_ms, Failure::Stalled(idle_ms)), (left_ms, Failure::TookTooLong(total_ms))];
        let is_one = [idle_ms, total_ms].map(|ms| ms != u64::MAX);
        let deadlines = deadlines.into_iter().zip(is_one).filter(|(_, is_one)| *is_one);
        deadlines.map(|(deadline, _)| deadline).min_by_key(|(ms, _)| *ms)
    }
}

struct Stream {
    host: Host,
    body: Pieces,
}

impl BodyStream for Stream {
    fn next<'a>(&'a mut self) -> FutRef<'a, ROption<RVec<u8>>> {
        async move {
            match self.body.step().await {
                Ok(Some(piece)) => Ok(RSome(piece.into())).into(),
                Ok(None) => Ok(RNone).into(),
                Err(failure) => Err(self.host.error(failure)).into(),
            }
        }
        .into_ffi()
    }
}
