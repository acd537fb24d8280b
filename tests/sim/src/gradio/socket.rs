//! The WebSocket of Gradio 3: greeting, data, and the life of one call.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Message;

use super::{
    Gradio,
    call::{self, Call, Tell},
};
use crate::{
    json::{self, Json, object},
    server::{Incoming, Socket},
    service::{Answer, Reply, Request, Upgrade},
    uuid,
};

/// Answers `GET /queue/join` on Gradio 3.
pub(super) fn upgrade(process: Arc<Gradio>, request: &Request) -> Answer {
    let is_upgrade = request.header("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    if !is_upgrade {
        return Reply::compact_json(404, &object! { "detail" => "Not Found" }).into();
    }
    let client_id = uuid::hex();
    Answer::Socket(Upgrade { client_id, run: Box::new(|socket| Box::pin(live(process, socket))) })
}

async fn live(process: Arc<Gradio>, mut socket: Socket) {
    let sender = socket.sender();
    let text = |message: &Json| Message::text(message.to_compact());
    sender.greet(text(&object! { "msg" => "send_hash" })).await;
    let Some(hash) = read(&mut socket).await else { return };
    let index = hash.get("fn_index").and_then(Json::as_i64);
    // An unknown function drops the connection without a word.
    let Some((function, is_generator)) = index.and_then(|index| process.app.function(index)) else { return };
    let session = hash.get("session_hash").and_then(Json::as_str).unwrap_or_default().to_owned();

    let (said, mut saying) = mpsc::unbounded_channel();
    let tell: Tell = Arc::new(move |message| {
        // Nobody listens after the socket is gone.
        let _ = said.send(message);
    });
    call::tell_place(&process, &tell);
    let Some(place) = saying.recv().await else { return };
    sender.send(text(&place)).await;
    sender.send(text(&object! { "msg" => "send_data" })).await;
    let Some(data) = read(&mut socket).await else { return };
    let data = data.get("data").and_then(Json::as_list).unwrap_or_default().to_vec();

    let number = process.setup.book.job_accepted(&session, Some(&session));
    let gone = watch::Sender::new(false);
    let event = session.clone();
    let gone_too = gone.subscribe();
    let call = Call { function, is_generator, data, session, is_triggered: false, event, number, tell, gone: gone_too };
    tokio::spawn(call::run(Arc::clone(&process), call));
    loop {
        tokio::select! {
            message = saying.recv() => match message {
                Some(message) => sender.send(text(&message)).await,
                // The call is over: the server closes, and waits for the other side.
                None => {
                    sender.send(Message::Close(None)).await;
                    while socket.next().await.is_some() {}
                    return;
                }
            },
            incoming = socket.next() => if incoming.is_none() {
                gone.send_replace(true);
                return;
            },
        }
    }
}

async fn read(socket: &mut Socket) -> Option<Json> {
    match socket.next().await? {
        Incoming::Text(text) => json::parse(text.as_bytes()).ok(),
        Incoming::Binary => None,
    }
}
