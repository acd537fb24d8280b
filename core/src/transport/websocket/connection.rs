//! A WebSocket as its driver holds it.

use super::{
    inbox::Received,
    pump::{Control, Outgoing},
};
use crate::transport::{
    Failure, Policy,
    body::Payload,
    task::{Task, Walled},
};
use mdd_driver_api::{
    abi::{Body, FrameKind, Fut, FutRef, WsConn, WsFrame},
    guard::Wall,
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// The driver's end. Dropping it makes the task end the socket at once.
pub(super) struct Connection {
    io: Handle,
    policy: Policy,
    max_out: usize,
    received: Received,
    control: Control,
    task: JoinHandle<()>,
}

impl Connection {
    pub(super) fn new(
        io: Handle,
        policy: Policy,
        max_out: usize,
        received: Received,
        control: Control,
        task: JoinHandle<()>,
    ) -> Self {
        Self { io, policy, max_out, received, control, task }
    }

    async fn send(&mut self, kind: FrameKind, body: Body) -> Result<(), Failure> {
        let sending = send(self.policy.clone(), self.max_out, self.control.outbox.clone(), kind, body);
        match Task::spawn(&self.io, sending).await {
            Err(Failure::SocketClosed) => Err(self.received.end()),
            result => result,
        }
    }

    /// Waits for the task, which waits for the peer, but not for long.
    async fn close(self) -> Result<(), Failure> {
        let Self { control, task, .. } = self;
        // The task may have ended by itself.
        let _gone = control.close.send(());
        task.await.map_err(|error| Failure::Host(error.to_string()))
    }
}

async fn send(
    policy: Policy,
    max_out: usize,
    outbox: mpsc::Sender<Outgoing>,
    kind: FrameKind,
    body: Body,
) -> Result<(), Failure> {
    let payload = Payload::of(&policy, &policy.grant()?, &body).await?;
    if payload.len > max_out as u64 {
        return Err(Failure::OutgoingTooLarge(max_out as u64));
    }
    let bytes = payload.whole().await?;
    let message = match kind {
        FrameKind::TEXT => Message::Text(
            Utf8Bytes::try_from(bytes).map_err(|_| Failure::Blocked("a text message is no UTF-8".to_owned()))?,
        ),
        FrameKind::BINARY => Message::Binary(bytes.into()),
        other => return Err(Failure::Blocked(format!("sending a message of kind {other:?}"))),
    };
    let (sent, done) = oneshot::channel();
    let queued = outbox.send(Outgoing { message, sent }).await;
    queued.map_err(|_| Failure::SocketClosed)?;
    done.await.unwrap_or(Err(Failure::SocketClosed))
}

/// The object that crosses the boundary.
pub(super) struct WebSocket(pub(super) Walled<Connection>);

impl WsConn for WebSocket {
    fn send<'a>(&'a mut self, kind: FrameKind, body: Body) -> FutRef<'a, ()> {
        let connection = self.0.get_mut();
        Wall::of_host().borrowing_future(async move {
            let result = connection.send(kind, body).await;
            result.map_err(|failure| failure.into_error(connection.policy.endpoint()))
        })
    }

    fn next<'a>(&'a mut self) -> FutRef<'a, WsFrame> {
        let connection = self.0.get_mut();
        Wall::of_host().borrowing_future(async move {
            let result = connection.received.next().await;
            result.map_err(|failure| failure.into_error(connection.policy.endpoint()))
        })
    }

    fn close(self) -> Fut<()> {
        let connection = self.0.into_inner();
        let policy = connection.policy.clone();
        Wall::of_host().future(async move {
            let result = connection.close().await;
            result.map_err(|failure| failure.into_error(policy.endpoint()))
        })
    }
}
