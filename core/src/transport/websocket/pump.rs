//! The task that owns a socket: it reads, writes, pings, and closes.

use super::{Caps, Inbox, handshake::Socket};
use crate::transport::{Failure, Policy, observe};
use futures_util::{
    FutureExt as _, SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use mdd_driver_api::abi::FrameKind;
use std::time::Duration;
use tokio::{
    sync::{mpsc, oneshot},
    time::{self, Instant},
};
use tokio_tungstenite::tungstenite::{
    self, Bytes, Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

/// More pings and pongs in a second are a flood.
const MAX_CONTROL: u32 = 50;
/// A peer gets so long to close its side.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// The code of a close frame that has none (RFC 6455, 7.1.5).
const NO_CODE: u16 = 1005;

/// A message to be sent, and who waits for it.
pub(super) struct Outgoing {
    pub(super) message: Message,
    pub(super) sent: oneshot::Sender<Result<(), Failure>>,
}

/// The driver's hold on the task. Dropping `close` without a word ends the socket at once.
pub(super) struct Control {
    pub(super) outbox: mpsc::Sender<Outgoing>,
    pub(super) close: oneshot::Sender<()>,
}

/// How the life of a socket ended.
enum End {
    /// The peer sent a close frame.
    ByPeer(u16),
    /// The driver closed it and waits.
    ByDriver,
    /// The driver dropped it, or the host closed the instance.
    Dropped,
    Failed(Failure),
}

pub(super) struct Pump {
    sink: SplitSink<Socket, Message>,
    stream: SplitStream<Socket>,
    inbox: Inbox,
    outbox: mpsc::Receiver<Outgoing>,
    close: oneshot::Receiver<()>,
    policy: Policy,
    heartbeat: Heartbeat,
    control_frames: Rate,
    /// Something is in the write buffer; `Some` holds the driver's send that waits for it.
    writing: Option<Option<oneshot::Sender<Result<(), Failure>>>>,
}

impl Pump {
    pub(super) fn new(socket: Socket, caps: Caps, inbox: Inbox, policy: Policy) -> (Self, Control) {
        let (sink, stream) = socket.split();
        let (out, outbox) = mpsc::channel(1);
        let (close, closing) = oneshot::channel();
        let pump = Self {
            sink,
            stream,
            inbox,
            outbox,
            close: closing,
            policy,
            heartbeat: Heartbeat::new(caps),
            control_frames: Rate::new(),
            writing: None,
        };
        (pump, Control { outbox: out, close })
    }

    pub(super) async fn run(mut self) {
        let end = self.live().await;
        let Self { mut sink, mut stream, inbox, .. } = self;
        match end {
            End::ByPeer(code) => {
                // The driver does not wait for the farewell.
                let pushed = inbox.push_close(code);
                inbox.end(pushed.err().unwrap_or(Failure::SocketClosed));
                finish(&mut sink, &mut stream).await;
            }
            End::ByDriver => {
                inbox.end(Failure::SocketClosed);
                let farewell = CloseFrame { code: CloseCode::Normal, reason: Default::default() };
                if sink.feed(Message::Close(Some(farewell))).now_or_never().is_some() {
                    finish(&mut sink, &mut stream).await;
                }
            }
            End::Dropped => {
                inbox.end(Failure::InstanceClosed);
                // Whatever fits into the send buffer; nobody waits.
                let _sent = sink.send(Message::Close(None)).now_or_never();
            }
            End::Failed(failure) => inbox.end(failure),
        }
    }

    /// Runs until something ends the socket.
    async fn live(&mut self) -> End {
        let policy = self.policy.clone();
        let mut host_closed = std::pin::pin!(policy.closed());
        loop {
            let step = tokio::select! {
                message = self.stream.next() => self.take(message),
                out = self.outbox.recv(), if self.writing.is_none() => self.write(out),
                result = self.sink.flush(), if self.writing.is_some() => self.written(result),
                () = self.heartbeat.due() => self.beat(),
                closed = &mut self.close => Err(if closed.is_ok() { End::ByDriver } else { End::Dropped }),
                () = &mut host_closed => Err(End::Dropped),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    fn take(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Result<(), End> {
        self.heartbeat.heard();
        let push = |kind, bytes: Bytes| self.inbox.push(kind, bytes.into()).map_err(End::Failed);
        match message {
            Some(Ok(Message::Text(text))) => push(FrameKind::TEXT, text.into()),
            Some(Ok(Message::Binary(bytes))) => push(FrameKind::BINARY, bytes),
            Some(Ok(Message::Close(frame))) => Err(End::ByPeer(frame.map_or(NO_CODE, |frame| frame.code.into()))),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) if self.control_frames.count() > MAX_CONTROL => {
                Err(End::Failed(Failure::ControlFlood(MAX_CONTROL)))
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            // Raw frames are only ever written.
            Some(Ok(Message::Frame(_))) => Ok(()),
            Some(Err(error)) => Err(End::Failed(observe::messaging(&error))),
            None => Err(End::Failed(Failure::ConnectionLost)),
        }
    }

    /// Takes a message of the driver. The buffer is empty, so it is taken at once.
    fn write(&mut self, out: Option<Outgoing>) -> Result<(), End> {
        let Some(Outgoing { message, sent }) = out else { return Err(End::Dropped) };
        self.feed(message, Some(sent))
    }

    fn feed(&mut self, message: Message, sent: Option<oneshot::Sender<Result<(), Failure>>>) -> Result<(), End> {
        match self.sink.feed(message).now_or_never() {
            Some(Err(error)) => Err(End::Failed(observe::messaging(&error))),
            _ => {
                self.writing = Some(sent);
                Ok(())
            }
        }
    }

    fn written(&mut self, result: Result<(), tungstenite::Error>) -> Result<(), End> {
        let result = result.map_err(|error| observe::messaging(&error));
        if let Some(Some(sent)) = self.writing.take() {
            // A driver that dropped its send does not ask.
            let _unasked = sent.send(result.clone());
        }
        result.map_err(End::Failed)
    }

    fn beat(&mut self) -> Result<(), End> {
        if let Some(silence) = self.heartbeat.missed() {
            return Err(End::Failed(Failure::Stalled(silence.as_millis() as u64)));
        }
        if self.writing.is_some() {
            // The peer does not read; that it sends something is still proof of life.
            return Ok(());
        }
        self.feed(Message::Ping(Bytes::new()), None)
    }
}

/// Sends what waits, then reads to the end of the connection, for so long as a peer gets.
async fn finish(sink: &mut SplitSink<Socket, Message>, stream: &mut SplitStream<Socket>) {
    let farewell = async {
        let drained = async { while let Some(Ok(_)) = stream.next().await {} };
        // A peer that has closed already makes the flush fail.
        let (_flushed, ()) = tokio::join!(sink.flush(), drained);
    };
    // A peer that does not close is left.
    let _late = time::timeout(CLOSE_WITHIN, farewell).await;
}

/// Pings after silence, and notices when that changes nothing.
struct Heartbeat {
    every: Option<Duration>,
    pong_within: Duration,
    heard: Instant,
    pinged: Option<Instant>,
}

impl Heartbeat {
    fn new(caps: Caps) -> Self {
        Self { every: caps.ping_every, pong_within: caps.pong_within(), heard: Instant::now(), pinged: None }
    }

    fn heard(&mut self) {
        self.heard = Instant::now();
        self.pinged = None;
    }

    /// Resolves when it is time to ping, or too late for an answer.
    fn due(&self) -> impl Future<Output = ()> + use<> {
        let at = match (self.every, self.pinged) {
            (None, _) => None,
            (Some(_), Some(pinged)) => Some(pinged + self.pong_within),
            (Some(every), None) => Some(self.heard + every),
        };
        async move {
            match at {
                Some(at) => time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
    }

    /// The silence, when a ping was not answered; else the next ping counts as sent.
    fn missed(&mut self) -> Option<Duration> {
        match self.pinged {
            Some(_) => Some(self.heard.elapsed()),
            None => {
                self.pinged = Some(Instant::now());
                None
            }
        }
    }
}

/// Counts within the current second.
struct Rate {
    since: Instant,
    count: u32,
}

impl Rate {
    fn new() -> Self {
        Self { since: Instant::now(), count: 0 }
    }

    fn count(&mut self) -> u32 {
        if self.since.elapsed() >= Duration::from_secs(1) {
            *self = Self::new();
        }
        self.count += 1;
        self.count
    }
}
