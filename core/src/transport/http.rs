//! One exchange: the request, the head of the answer, and its whole body.

use super::{Failure, Policy, Transport, connecting::watch, headers, limits::Deadlines, observe, request::Call};
use bytes::Bytes;
use mdd_driver_api::abi::{HttpRequest, HttpResponse, RString, RVec};
use reqwest::{
    Method, Response, Version,
    header::{CONNECTION, CONTENT_ENCODING, HeaderMap},
};
use std::sync::Arc;

/// An answer with its whole body.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Sends a driver's request and reads the whole answer.
pub(super) async fn ask(transport: &Transport, policy: &Policy, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let call = Call::for_answer(policy, &request).await?;
    let deadlines = call.limits.start();
    // On the heap: every wrapper around it would hold it twice.
    let asking = Box::pin(exchange(transport, &call, &deadlines));
    let answer = match call.shared() {
        Some((round, question)) => deadlines.whole(round.share(question, asking)).await?,
        None => Arc::new(asking.await?),
    };
    if !call.anonymous {
        policy.cookies().keep(&answer.headers, &call.url);
    }
    let headers = headers::to_driver(&answer.headers);
    let Answer { status, body, .. } = Arc::unwrap_or_clone(answer);
    Ok(HttpResponse { status, headers: headers.into(), body: RVec::from(body), ext: RString::new() })
}

async fn exchange(transport: &Transport, call: &Call, deadlines: &Deadlines) -> Result<Answer, Failure> {
    let mut response = head(transport, call, deadlines).await?;
    let mut body = Vec::new();
    while let Some(piece) = piece(&mut response, deadlines).await? {
        if (body.len() + piece.len()) as u64 > call.limits.max_bytes {
            return Err(Failure::AnswerTooLarge(call.limits.max_bytes));
        }
        body.extend_from_slice(&piece);
    }
    let closes =
        response.headers().get(CONNECTION).is_some_and(|field| field.as_bytes().eq_ignore_ascii_case(b"close"));
    if response.version() == Version::HTTP_11 && !closes {
        transport.clients.returning.note(&call.url);
    }
    Ok(Answer { status: response.status().as_u16(), headers: std::mem::take(response.headers_mut()), body })
}

/// Sends the request and waits for the head of the answer.
pub(super) async fn head(transport: &Transport, call: &Call, deadlines: &Deadlines) -> Result<Response, Failure> {
    let response = deadlines.head(Box::pin(send(transport, call))).await?;
    if call.method == Method::HEAD {
        return Ok(response);
    }
    // Nothing was asked to be compressed, and what expands has no length that could be trusted.
    if let Some(encoding) = response.headers().get(CONTENT_ENCODING) {
        let encoding = String::from_utf8_lossy(encoding.as_bytes()).trim().to_ascii_lowercase();
        if !encoding.is_empty() && encoding != "identity" {
            return Err(Failure::EncodedAnswer {
                encoding: mdd_driver_api::text::printable(&encoding, 40),
                status: response.status().as_u16(),
            });
        }
    }
    if response.content_length().is_some_and(|len| len > call.limits.max_bytes) {
        return Err(Failure::AnswerTooLarge(call.limits.max_bytes));
    }
    Ok(response)
}

/// The next piece of the body, `None` when it is complete.
pub(super) async fn piece(response: &mut Response, deadlines: &Deadlines) -> Result<Option<Bytes>, Failure> {
    let reading = async { response.chunk().await.map_err(|error| observe::reading(&error)) };
    deadlines.piece(reading).await
}

/// A server may close an idle connection at the moment when it is used again. What provably was not sent the client
/// sends again by itself; what may have been sent is sent again only if that cannot do harm, on a new connection.
async fn send(transport: &Transport, call: &Call) -> Result<Response, Failure> {
    let failed = |error: reqwest::Error| observe::asking(&error, call.route);
    let pooled = transport.clients.pooled(call.route).await?;
    let patient = transport.clients.returning.is_expected(&call.url);
    let (result, reused) = watch(patient, pooled.execute(call.request().await?)).await;
    match result.map_err(failed) {
        Err(Failure::ClosedWithoutAnswer | Failure::ConnectionReset) if reused && call.is_repeatable() => {
            let fresh = transport.clients.fresh(call.route).await?;
            watch(false, fresh.execute(call.request().await?)).await.0.map_err(failed)
        }
        result => result,
    }
}
