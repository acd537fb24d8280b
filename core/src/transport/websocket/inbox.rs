//! Messages on their way to the driver, bounded in number and bytes.

use crate::transport::Failure;
use mdd_driver_api::abi::{FrameKind, RVec, WsFrame};
#[cfg(mdd_shuttle)]
use shuttle::sync::atomic::AtomicUsize;
#[cfg(not(mdd_shuttle))]
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock, atomic::Ordering};
use tokio::sync::mpsc;

/// Messages that wait for the driver.
const MAX_MESSAGES: usize = 256;
/// Their bytes together. One message alone always fits.
const MAX_BYTES: usize = if cfg!(mdd_shuttle) { 2 } else { 4 << 20 };

#[derive(Default)]
struct Shared {
    bytes: AtomicUsize,
    /// Why nothing comes any more.
    end: OnceLock<Failure>,
}

/// The end that the socket's task fills.
pub(super) struct Inbox {
    messages: mpsc::Sender<WsFrame>,
    shared: Arc<Shared>,
    max_bytes: usize,
}

/// The end that the driver reads.
pub(super) struct Received {
    messages: mpsc::Receiver<WsFrame>,
    shared: Arc<Shared>,
}

pub(super) fn channel(max_in: usize) -> (Inbox, Received) {
    // One more place, for the close frame.
    let (sender, receiver) = mpsc::channel(MAX_MESSAGES + 1);
    let shared = Arc::<Shared>::default();
    let inbox = Inbox { messages: sender, shared: shared.clone(), max_bytes: MAX_BYTES.max(max_in) };
    let received = Received { messages: receiver, shared };
    (inbox, received)
}

impl Inbox {
    /// Never waits: a driver that does not read loses its socket, as a socket that is not read stalls the service.
    pub(super) fn push(&self, kind: FrameKind, bytes: Vec<u8>) -> Result<(), Failure> {
        let waiting = self.shared.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        if self.messages.capacity() <= 1 || (waiting > 0 && waiting + bytes.len() > self.max_bytes) {
            return Err(Failure::ReaderTooSlow);
        }
        self.send(kind, bytes, 0)
    }

    /// The last message.
    pub(super) fn push_close(&self, code: u16) -> Result<(), Failure> {
        self.send(FrameKind::CLOSE, Vec::new(), code)
    }

    fn send(&self, kind: FrameKind, bytes: Vec<u8>, close_code: u16) -> Result<(), Failure> {
        let frame = WsFrame { kind, bytes: RVec::from(bytes), close_code };
        self.messages.try_send(frame).map_err(|_| Failure::ReaderTooSlow)
    }

    /// Tells the driver why nothing comes any more.
    pub(super) fn end(self, failure: Failure) {
        let _first_wins = self.shared.end.set(failure);
    }
}

impl Received {
    /// Awaits nothing after it has taken a message, so that dropping it loses none.
    pub(super) async fn next(&mut self) -> Result<WsFrame, Failure> {
        match self.messages.recv().await {
            Some(frame) => {
                self.shared.bytes.fetch_sub(frame.bytes.len(), Ordering::Relaxed);
                Ok(frame)
            }
            None => Err(self.end()),
        }
    }

    /// Why nothing comes any more.
    pub(super) fn end(&self) -> Failure {
        self.shared.end.get().cloned().unwrap_or(Failure::SocketClosed)
    }
}

/// `cargo xtask test interleavings` runs these.
#[cfg(all(test, mdd_shuttle))]
mod interleavings {
    use super::{MAX_BYTES, channel};
    use crate::transport::Failure;
    use mdd_driver_api::abi::FrameKind;
    use shuttle::{future::block_on, thread};
    use std::sync::atomic::Ordering;

    /// Messages of one byte until one is refused.
    fn push_and_read(messages: u8) {
        let (inbox, mut received) = channel(0);
        let pushing = thread::spawn(move || {
            let taken = (0..messages).take_while(|&number| inbox.push(FrameKind::BINARY, vec![number]).is_ok()).count();
            inbox.end(if taken < usize::from(messages) { Failure::ReaderTooSlow } else { Failure::SocketClosed });
            taken
        });
        let mut read = Vec::new();
        let end = loop {
            match block_on(received.next()) {
                Ok(frame) => read.push(frame.bytes[0]),
                Err(end) => break end,
            }
        };
        let taken = pushing.join().unwrap();
        assert_eq!(read, (0..messages).take(taken).collect::<Vec<_>>(), "what was taken is read, in order");
        let was_refused = matches!(end, Failure::ReaderTooSlow);
        assert_eq!(was_refused, taken < usize::from(messages), "the reader learns why nothing comes any more");
        assert!(taken >= MAX_BYTES, "what fits is taken whatever the reader does");
        // A refused message stays counted, as nothing comes after it.
        assert_eq!(received.shared.bytes.load(Ordering::Relaxed), usize::from(was_refused));
    }

    #[test]
    fn what_is_taken_is_read_in_any_order_of_steps() {
        shuttle::check_dfs(|| push_and_read(4), None);
    }
}
