//! Bodies that go straight to a file: counted, hashed and synced, and none of it held in memory.

use super::{
    Failure, Policy, Transport, http,
    limits::{Deadlines, Limits},
    request::Call,
    task::Task,
};
use bytes::Bytes;
use mdd_driver_api::{DriverError, ErrorKind, abi::HttpRequest};
use reqwest::Response;
use sha2::{Digest as _, Sha256};
use std::{fs::File, io::Write as _};
use tokio::{sync::mpsc, task::spawn_blocking};

/// Pieces that wait for the disk.
const WAITING: usize = 8;
/// What is kept of the body of an answer that is no success, in bytes.
const MAX_REFUSAL: usize = 64 * 1024;

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
    /// are accepted, or what the request allows if that is less.
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
    let deadlines = call.limits.start();
    let mut response = http::head(transport, &call, &deadlines).await?;
    if !call.anonymous {
        policy.cookies().keep(response.headers(), &call.url);
    }
    if !response.status().is_success() {
        let mut body = Vec::new();
        // The status is what counts, also when the rest does not come.
        while body.len() < MAX_REFUSAL
            && let Ok(Some(piece)) = http::piece(&mut response, &deadlines).await
        {
            body.extend_from_slice(&piece[..piece.len().min(MAX_REFUSAL - body.len())]);
        }
        return Ok(Answer::Refused { status: response.status().as_u16(), body });
    }
    let declared = response.content_length();
    let saved = save(&mut response, &deadlines, to, call.limits.max_bytes).await?;
    // The client notices a body that is cut short; this is for the day when it does not.
    if declared.is_some_and(|declared| declared != saved.bytes) {
        return Err(Failure::AnswerCutShort);
    }
    Ok(Answer::Saved(saved))
}

async fn save(response: &mut Response, deadlines: &Deadlines, to: File, max_bytes: u64) -> Result<Downloaded, Failure> {
    let (pieces, waiting) = mpsc::channel(WAITING);
    let writing = spawn_blocking(move || write(to, waiting));
    let mut bytes = 0_u64;
    while let Some(piece) = http::piece(response, deadlines).await? {
        bytes += piece.len() as u64;
        if bytes > max_bytes {
            return Err(Failure::AnswerTooLarge(max_bytes));
        }
        if pieces.send(Some(piece)).await.is_err() {
            // Why the writer has ended is in its result.
            break;
        }
    }
    let _ended_before = pieces.send(None).await;
    drop(pieces);
    writing.await.map_err(|error| Failure::Host(error.to_string()))?
}

/// Writes what comes until `None`; without it the download was given up.
fn write(mut to: File, mut waiting: mpsc::Receiver<Option<Bytes>>) -> Result<Downloaded, Failure> {
    let unwritten = |error: std::io::Error| Failure::Host(format!("the result cannot be written: {}", error.kind()));
    let mut hash = Sha256::new();
    let mut bytes = 0;
    while let Some(piece) = waiting.blocking_recv() {
        let Some(piece) = piece else {
            to.sync_all().map_err(unwritten)?;
            let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok(Downloaded { bytes, sha256 });
        };
        hash.update(&piece);
        to.write_all(&piece).map_err(unwritten)?;
        bytes += piece.len() as u64;
    }
    Err(Failure::AnswerCutShort)
}

fn refusal(policy: &Policy, status: u16, body: &[u8]) -> DriverError {
    let text = format!("{} answered HTTP {status}", policy.endpoint().subject());
    let body = String::from_utf8_lossy(body);
    DriverError::new(ErrorKind::REJECTED, text).with_status(status).with_detail(&serde_json::json!({ "body": body }))
}
