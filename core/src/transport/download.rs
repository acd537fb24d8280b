//! Bodies that go straight to a file: counted, hashed and synced, and none of it held in memory. One that breaks off in
//! the middle goes on where it was, where the service can say that it is still the same body.

mod part;
mod space;

use super::{
    Failure, Policy, Transport, http,
    limits::{Deadlines, Limits},
    request::Call,
    task::Task,
};
use mdd_driver_api::{DriverError, ErrorKind, abi::HttpRequest};
use part::Part;
use reqwest::{Response, StatusCode, header::HeaderMap};
use std::{fs::File, time::Duration};
use tokio::time::sleep;

/// What is kept of the body of an answer that is no success, in bytes.
const MAX_REFUSAL: usize = 64 * 1024;
/// How often in a row a body may break off without a byte.
const MAX_VAIN: u32 = 5;
/// Before it is asked for again, and longer each time in vain.
const PAUSE: Duration = Duration::from_millis(150);

/// A body in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// Length.
    pub bytes: u64,
    /// Lowercase hex.
    pub sha256: String,
}

enum Answer {
    Saved(Downloaded),
    /// It is no success.
    Refused {
        status: u16,
        body: Vec<u8>,
    },
}

impl Transport {
    /// Downloads the body of a 2xx answer of the policy's service into `to`, which is synced at the end. Dropping the
    /// future ends the request; what the file holds then, or after an error, is of no use.
    ///
    /// There is no deadline for the whole unless the request sets one, but one between two pieces. At most `max_bytes`
    /// are accepted, or what the request allows if that is less, and never so many that the disk would be full.
    ///
    /// # Errors
    /// `REJECTED` with the status for any other answer, whose body is in the detail up to 64 KiB; `LIMIT`, `TRANSPORT`,
    /// `TIMEOUT`, and `HOST` for a file that cannot be written.
    pub fn download(
        &self,
        policy: &Policy,
        request: HttpRequest,
        to: File,
        max_bytes: u64,
    ) -> impl Future<Output = Result<Downloaded, DriverError>> + Send + use<> {
        let (transport, policy) = (self.clone(), policy.clone());
        async move {
            let (io, open) = (transport.io.clone(), policy.clone());
            let rules = policy.clone();
            let work = async move { open.while_open(fetch(&transport, &rules, request, to, max_bytes)).await };
            match Task::spawn(&io, work).await {
                Ok(Answer::Saved(downloaded)) => Ok(downloaded),
                Ok(Answer::Refused { status, body }) => Err(refusal(&policy, status, &body)),
                Err(failure) => Err(failure.into_error(policy.endpoint())),
            }
        }
    }
}

async fn fetch(
    transport: &Transport,
    policy: &Policy,
    request: HttpRequest,
    to: File,
    max_bytes: u64,
) -> Result<Answer, Failure> {
    let mut call = Call::for_stream(policy, &request).await?;
    call.limits = Limits::of_download(&request, max_bytes);
    let whole = call.limits.start();
    let mut part = Part::new(to);
    let mut vain = 0;
    loop {
        let before = part.bytes;
        let deadlines = whole.anew();
        match once(transport, policy, &call, &deadlines, &mut part).await {
            Err(failure) if part.may_go_on() && is_broken_off(&failure) => {
                vain = if part.bytes > before { 0 } else { vain + 1 };
                if vain == MAX_VAIN {
                    return Err(failure);
                }
                tracing::debug!(%failure, bytes = part.bytes, "a download goes on after a break");
                sleep(PAUSE * 2_u32.pow(vain)).await;
                call.go_on_at(part.bytes, part.validator());
            }
            Ok(None) => call.go_on_at(0, None),
            Ok(Some(answer)) => return Ok(answer),
            Err(failure) => return Err(failure),
        }
    }
}

/// Whether the same request may well succeed.
fn is_broken_off(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::ConnectionRefused
            | Failure::ConnectionReset
            | Failure::ClosedWithoutAnswer
            | Failure::NoAnswer(_)
            | Failure::Stalled(_)
            | Failure::BrokenAnswer(_)
            | Failure::AnswerCutShort
    )
}

/// One request; `None` when the body is to be asked for from its beginning.
async fn once(
    transport: &Transport,
    policy: &Policy,
    call: &Call,
    deadlines: &Deadlines,
    part: &mut Part,
) -> Result<Option<Answer>, Failure> {
    let mut response = http::head(transport, call, deadlines).await?;
    if !call.anonymous {
        policy.cookies().keep(response.headers(), &call.url);
    }
    let status = response.status();
    if part.bytes > 0 && status == StatusCode::RANGE_NOT_SATISFIABLE {
        part.start_over()?;
        return Ok(None);
    }
    if !status.is_success() {
        let mut body = Vec::new();
        // The status is what counts, also when the rest does not come.
        while body.len() < MAX_REFUSAL
            && let Ok(Some(piece)) = http::piece(&mut response, deadlines).await
        {
            body.extend_from_slice(&piece[..piece.len().min(MAX_REFUSAL - body.len())]);
        }
        return Ok(Some(Answer::Refused { status: status.as_u16(), body }));
    }
    if part.bytes > 0 && !(status == StatusCode::PARTIAL_CONTENT && goes_on_at(response.headers(), part.bytes)) {
        // It is another body by now, or the service only knows whole ones.
        part.start_over()?;
    }
    part.begin(response.headers(), response.content_length());
    save(&mut response, deadlines, part, call.limits.max_bytes).await?;
    // The client notices a body that is cut short; this is for the day when it does not.
    if part.is_short() {
        return Err(Failure::AnswerCutShort);
    }
    part.finish().await.map(|saved| Some(Answer::Saved(saved)))
}

/// Whether that is the rest of a body, from there on.
fn goes_on_at(headers: &HeaderMap, bytes: u64) -> bool {
    let range = headers.get("content-range").and_then(|range| range.to_str().ok());
    let from = range.and_then(|range| range.strip_prefix("bytes ")?.split_once('-')?.0.trim().parse().ok());
    from == Some(bytes)
}

async fn save(response: &mut Response, deadlines: &Deadlines, part: &mut Part, max_bytes: u64) -> Result<(), Failure> {
    let mut writing = part.write()?;
    let read = loop {
        match http::piece(response, deadlines).await {
            Ok(Some(piece)) => match writing.take(piece, max_bytes).await {
                Ok(true) => {}
                // Why the writer has ended is in its result.
                Ok(false) => break Ok(()),
                Err(failure) => break Err(failure),
            },
            Ok(None) => break Ok(()),
            Err(failure) => break Err(failure),
        }
    };
    part.written(writing).await?;
    read
}

fn refusal(policy: &Policy, status: u16, body: &[u8]) -> DriverError {
    let text = format!("{} answered HTTP {status}", policy.endpoint().subject());
    let body = String::from_utf8_lossy(body);
    DriverError::new(ErrorKind::REJECTED, text).with_status(status).with_detail(&serde_json::json!({ "body": body }))
}
