//! A TCP stream that can be stopped, cut and reset from outside, whoever is reading or writing.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{idle::Idle, lock};
use crate::fault::Board;

/// One end of a connection. Clones share the stream.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Core>);

struct Core {
    state: Mutex<State>,
    board: Arc<Board>,
    idle: Idle,
    /// Reading is stopped although the process is not.
    silent: AtomicBool,
}

struct State {
    /// `None` once the connection was cut.
    stream: Option<TcpStream>,
    /// Bytes that go out in one segment with the next write.
    prefix: Vec<u8>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, board: Arc<Board>, idle: Idle) -> Self {
        // Python's servers set it too; without it small answers would wait for acknowledgements.
        let _ = stream.set_nodelay(true);
        let state = State { stream: Some(stream), prefix: Vec::new(), reader: None, writer: None };
        Self(Arc::new(Core { state: Mutex::new(state), board, idle, silent: AtomicBool::new(false) }))
    }

    /// Sends `bytes` ahead of, and together with, whatever is written next.
    pub(super) fn prepend(&self, bytes: Vec<u8>) {
        lock(&self.0.state).prefix = bytes;
    }

    /// Stops reading, or goes on.
    pub(super) fn set_silent(&self, silent: bool) {
        self.0.silent.store(silent, Ordering::Relaxed);
        self.wake();
    }

    /// Lets everybody who waits look again, after the faults have changed.
    pub(super) fn wake(&self) {
        let (reader, writer) = {
            let mut state = lock(&self.0.state);
            (state.reader.take(), state.writer.take())
        };
        for waker in [reader, writer].into_iter().flatten() {
            waker.wake();
        }
    }

    /// Closes the connection now.
    pub(super) fn cut(&self) {
        let stream = lock(&self.0.state).stream.take();
        drop(stream);
        self.wake();
    }

    /// Closes the connection now with a reset.
    pub(super) fn reset(&self) {
        if let Some(stream) = &lock(&self.0.state).stream {
            // If this fails the client sees an ordinary end.
            let _ = stream.set_zero_linger();
        }
        self.cut();
    }

    fn stands_still(&self) -> bool {
        self.0.board.frozen()
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let still = self.stands_still() || self.0.silent.load(Ordering::Relaxed);
        let mut state = lock(&self.0.state);
        state.reader = Some(cx.waker().clone());
        let Some(stream) = &mut state.stream else { return Poll::Ready(Ok(())) };
        if still {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        ready!(Pin::new(stream).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.0.idle.busy();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let still = self.stands_still();
        let mut state = lock(&self.0.state);
        state.writer = Some(cx.waker().clone());
        let State { stream, prefix, .. } = &mut *state;
        let stream = stream.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        if still {
            return Poll::Pending;
        }
        while !prefix.is_empty() {
            let joined = [prefix.as_slice(), buf].concat();
            let written = ready!(Pin::new(&mut *stream).poll_write(cx, &joined))?;
            let of_prefix = written.min(prefix.len());
            prefix.drain(..of_prefix);
            if written > of_prefix {
                return Poll::Ready(Ok(written - of_prefix));
            }
        }
        Pin::new(stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let still = self.stands_still();
        let mut state = lock(&self.0.state);
        state.writer = Some(cx.waker().clone());
        let State { stream, prefix, .. } = &mut *state;
        let stream = stream.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        if still {
            return Poll::Pending;
        }
        while !prefix.is_empty() {
            let written = ready!(Pin::new(&mut *stream).poll_write(cx, prefix))?;
            prefix.drain(..written);
        }
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = lock(&self.0.state);
        match &mut state.stream {
            Some(stream) => Pin::new(stream).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}
