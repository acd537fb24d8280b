//! A service that is played from a script, with all the faults of the others.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use mdd_replay::{Asked, Effect, Piece, Player, Script};
use tokio::{sync::mpsc, time::sleep};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::{
    ledger::JobState,
    registry::{Kind, Setup},
    server::{Incoming, Socket},
    service::{Answer, Handling, Reply, ReplyBody, Request, Service, Transport, Upgrade},
    uuid,
};

/// This kind of service. It is none of the list: what it is, its script says.
pub(crate) const KIND: Kind = Kind { name: "replay", versions: &["1"], create };

/// uvicorn's default, as most of the recorded services have it.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// One process.
struct Replay {
    setup: Setup,
    script: Arc<Script>,
    player: Mutex<Player>,
}

fn create(setup: &Setup) -> Arc<dyn Service> {
    let script = setup.script.clone().unwrap_or_else(|| Arc::new(Script::empty()));
    let player = Player::new(script.clone(), &format!("http://127.0.0.1:{}", setup.port));
    Arc::new(Replay { setup: setup.clone(), script, player: Mutex::new(player) })
}

impl Replay {
    fn player(&self) -> MutexGuard<'_, Player> {
        self.player.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request) -> Answer {
        let target = match request.query.is_empty() {
            true => request.path.clone(),
            false => format!("{}?{}", request.path, request.query),
        };
        let asked = Asked {
            method: request.method.as_str(),
            target: &target,
            body: &request.body(),
            is_upgrade: request.headers.contains_key("sec-websocket-key"),
        };
        let reply = self.player().answer(asked);
        if reply.effect == Some(Effect::Starts) {
            let number = self.setup.book.job_accepted(&uuid::hex(), None);
            self.setup.book.job_is(number, JobState::Started);
        }
        if reply.status == 101 {
            let run = Box::new(|socket| -> crate::service::SocketLife { Box::pin(converse(socket, reply.pieces)) });
            return Answer::Socket(Upgrade { client_id: String::new(), run });
        }
        let mut answer = Reply::new(reply.status, body(&reply.pieces));
        answer.headers = reply.headers.into_iter().map(|(name, value)| (Cow::Owned(name), value)).collect();
        Answer::Reply(answer)
    }
}

/// What comes at once has a length; everything else comes piece by piece.
fn body(pieces: &[Piece]) -> ReplyBody {
    if pieces.len() < 2 && !matches!(pieces, [Piece::Wait { .. }]) {
        return ReplyBody::Whole(pieces.iter().filter_map(Piece::content).flatten().collect());
    }
    let (sender, receiver) = mpsc::channel(1);
    let pieces = pieces.to_vec();
    tokio::spawn(async move {
        for piece in pieces {
            if let Piece::Wait { wait_ms } = piece {
                sleep(Duration::from_millis(wait_ms)).await;
            }
            if let Some(content) = piece.content()
                && sender.send(Bytes::from(content)).await.is_err()
            {
                return;
            }
        }
    });
    ReplyBody::Stream(receiver)
}

/// Says its messages, waits for those of the client, and stays until the client goes.
async fn converse(mut socket: Socket, pieces: Vec<Piece>) {
    let sender = socket.sender();
    for (number, piece) in pieces.into_iter().enumerate() {
        let message = match &piece {
            Piece::Wait { wait_ms } => {
                sleep(Duration::from_millis(*wait_ms)).await;
                continue;
            }
            Piece::Expect { expect, .. } => {
                if !hears(&mut socket, expect).await {
                    return;
                }
                continue;
            }
            Piece::Close { close } => {
                let frame = CloseFrame { code: CloseCode::from(*close), reason: "".into() };
                return sender.send(Message::Close(Some(frame))).await;
            }
            Piece::Bytes { .. } => Message::Binary(piece.content().unwrap_or_default().into()),
            Piece::Text(_) | Piece::Json { .. } => {
                Message::Text(String::from_utf8_lossy(&piece.content().unwrap_or_default()).into_owned().into())
            }
        };
        match number {
            0 => sender.greet(message).await,
            _ => sender.send(message).await,
        }
    }
    while socket.next().await.is_some() {}
}

async fn hears(socket: &mut Socket, expected: &str) -> bool {
    while let Some(message) = socket.next().await {
        if matches!(message, Incoming::Text(text) if text.contains(expected)) {
            return true;
        }
    }
    false
}

impl Service for Replay {
    fn transport(&self) -> Transport {
        Transport {
            title_case: false,
            keep_alive: Some(self.setup.keep_alive.unwrap_or(KEEP_ALIVE)),
            max_body: 256 << 20,
            headers: &[],
        }
    }

    fn handle(self: Arc<Self>, request: Request) -> Handling {
        Box::pin(async move {
            self.setup.board.running().await;
            self.answer(&request)
        })
    }

    fn submits_job(&self, request: &Request) -> bool {
        let starts = self.script.exchanges.iter().filter(|exchange| exchange.effect == Some(Effect::Starts));
        let method = request.method.as_str();
        starts
            .map(|exchange| exchange.request.to_string())
            .any(|pattern| pattern == format!("{method} {}", request.path))
    }

    fn restarted(&self) -> Arc<dyn Service> {
        create(&self.setup)
    }
}
