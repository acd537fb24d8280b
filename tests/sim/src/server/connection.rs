//! One TCP connection from its acceptance to its end.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex},
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{
    Server,
    idle::Idle,
    lock,
    misbehaviour::Takeover,
    respond::{self, Context},
    socket,
    wire::Wire,
};
use crate::ledger::Book;

/// Serves a connection until either side closes it.
pub(super) async fn serve(server: Arc<Server>, stream: TcpStream) {
    let idle = Idle::new();
    let wire = Wire::new(stream, Arc::clone(&server.setup.board), idle.clone());
    let book = Arc::clone(&server.setup.book);
    let id = book.connection_opened();
    let _closing = Closing { wire: wire.clone(), book };

    let transport = server.service("/").transport();
    let takeover = Arc::new(Mutex::new(None));
    let context = Arc::new(Context { server: Arc::clone(&server), connection: id, idle: idle.clone() });
    let answer = |request| {
        let (context, takeover) = (Arc::clone(&context), Arc::clone(&takeover));
        Box::pin(async move {
            respond::respond(&context, request).await.map_err(|taken| {
                *lock(&takeover) = Some(taken);
                TakenOver
            })
        })
    };
    let mut http = http1::Builder::new()
        .title_case_headers(transport.title_case)
        .serve_connection(TokioIo::new(wire.clone()), service_fn(answer));
    let mut changes = server.setup.board.changes();
    loop {
        tokio::select! {
            // An error is either our own takeover or the client's doing; the connection ends in both cases.
            _ = poll_fn(|cx| http.poll_without_shutdown(cx)) => break,
            () = idle.expired(transport.keep_alive) => {
                std::pin::Pin::new(&mut http).graceful_shutdown();
                // The client may have sent a request in this moment: hyper answers it, as uvicorn would not.
                idle.busy();
            }
            _ = changes.changed() => wire.wake(),
        }
    }
    let unread = http.into_parts().read_buf;
    let taken = lock(&takeover).take();
    match taken {
        None => close(wire).await,
        Some(Takeover::Close) => wire.cut(),
        Some(Takeover::Reset) => wire.reset(),
        Some(Takeover::Bytes(bytes)) => send_and_close(wire, bytes).await,
        Some(Takeover::Socket(accepted)) => socket::run(&server, id, wire, unread, *accepted).await,
    }
}

/// Ends the connection in the books, and for anybody who still holds a part of it.
struct Closing {
    wire: Wire,
    book: Arc<Book>,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.wire.cut();
        self.book.connection_closed();
    }
}

/// Tells hyper to stop, since something other than HTTP happens on the connection now.
#[derive(Debug, thiserror::Error)]
#[error("taken over")]
struct TakenOver;

async fn close(mut wire: Wire) {
    // The client may have closed first.
    let _ = wire.shutdown().await;
}

async fn send_and_close(mut wire: Wire, bytes: Vec<u8>) {
    // A client that does not want the bytes may go.
    let _ = wire.write_all(&bytes).await;
    let _ = wire.shutdown().await;
}
