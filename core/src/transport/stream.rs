//! Answers that are read piece by piece, with back-pressure to the service.

use super::{
    Failure, Policy, Transport, headers, http,
    limits::Deadlines,
    request::Call,
    task::{Task, Walled},
};
use bytes::Bytes;
use mdd_driver_api::{
    abi::{BodyStream, BodyStreamBox, FutRef, HttpRequest, HttpStream, RNone, ROption, RSome, RString, RVec},
    guard::Wall,
};
use reqwest::Response;
use tokio::sync::mpsc;

/// Pieces that wait for the driver. A piece has at most about 400 kB, the read buffer of the client.
const WAITING: usize = 4;

/// Sends a driver's request and hands out the answer when its head is complete.
pub(super) async fn open(transport: &Transport, policy: &Policy, request: HttpRequest) -> Result<HttpStream, Failure> {
    let call = Call::for_stream(policy, &request).await?;
    let deadlines = call.limits.start();
    let response = http::head(transport, &call, &deadlines).await?;
    if !call.anonymous {
        policy.cookies().keep(response.headers(), &call.url);
    }
    let (pieces, waiting) = mpsc::channel(WAITING);
    let status = response.status().as_u16();
    let headers = headers::to_driver(response.headers());
    let pump = pump(policy.clone(), response, deadlines, call.limits.max_bytes, pieces);
    let reader = Reader { waiting, policy: policy.clone(), complete: false, _pump: Task::spawn(&transport.io, pump) };
    Ok(HttpStream {
        status,
        headers: headers.into(),
        body: BodyStreamBox::of(Pieces(Walled::new(reader))),
        ext: RString::new(),
    })
}

/// `None` says that the body is complete; a channel that ends without it was torn down.
type Piece = Result<Option<Bytes>, Failure>;

async fn pump(
    policy: Policy,
    mut response: Response,
    deadlines: Deadlines,
    max_bytes: u64,
    pieces: mpsc::Sender<Piece>,
) {
    let pumping = async {
        let mut taken = 0_u64;
        while let Some(piece) = http::piece(&mut response, &deadlines).await? {
            taken += piece.len() as u64;
            if taken > max_bytes {
                return Err(Failure::AnswerTooLarge(max_bytes));
            }
            if pieces.send(Ok(Some(piece))).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let last = policy.while_open(pumping).await.map(|()| None);
    // A driver that is gone does not ask.
    let _unasked = pieces.send(last).await;
}

struct Reader {
    waiting: mpsc::Receiver<Piece>,
    policy: Policy,
    complete: bool,
    /// Ends the request when dropped.
    _pump: Task<()>,
}

impl Reader {
    /// Awaits nothing after it has taken a piece, so that dropping it loses none.
    async fn next(&mut self) -> Result<ROption<RVec<u8>>, Failure> {
        match self.waiting.recv().await {
            Some(Ok(Some(piece))) => Ok(RSome(RVec::from(Vec::from(piece)))),
            Some(Ok(None)) => {
                self.complete = true;
                Ok(RNone)
            }
            Some(Err(failure)) => Err(failure),
            None if self.complete => Ok(RNone),
            None => Err(Failure::AnswerCutShort),
        }
    }
}

struct Pieces(Walled<Reader>);

impl BodyStream for Pieces {
    fn next<'a>(&'a mut self) -> FutRef<'a, ROption<RVec<u8>>> {
        let reader = self.0.get_mut();
        Wall::of_host().borrowing_future(async move {
            let result = reader.next().await;
            result.map_err(|failure| failure.into_error(reader.policy.endpoint()))
        })
    }
}
