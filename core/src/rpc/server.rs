//! Accepts clients until there is a reason to end.

use super::{HostLock, SocketError, session, socket};
use crate::Host;
use interprocess::local_socket::tokio::{Listener, Stream, prelude::*};
use std::{future::pending, io, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{BufReader, split},
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// More than any number of panels and terminals of one user.
const MAX_CLIENTS: usize = 256;

/// Why a host ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// A client or the system asked for it.
    Stopped,
    /// Nobody needed it for the idle time.
    Idle,
    /// Another version takes over.
    HandedOver,
}

/// Why a host cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
}

/// What all sessions share.
pub(super) struct Serving {
    pub(super) host: Host,
    stop: Notify,
    handing_over: watch::Sender<bool>,
    dismissed: watch::Sender<bool>,
}

impl Serving {
    pub(super) fn of(host: Host) -> Arc<Self> {
        Arc::new(Self {
            host,
            stop: Notify::new(),
            handing_over: watch::Sender::new(false),
            dismissed: watch::Sender::new(false),
        })
    }

    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }

    pub(super) fn is_handing_over(&self) -> bool {
        *self.handing_over.borrow()
    }

    /// The idle time is over as soon as nobody needs the host. Whoever comes before that takes it back.
    pub(super) fn dismiss(&self) {
        self.dismissed.send_replace(true);
    }

    /// From now on the host only finishes what it has; tells how many jobs that is.
    pub(super) fn hand_over(&self) -> u32 {
        self.handing_over.send_replace(true);
        self.host.open_jobs()
    }
}

/// Serves clients of this user until `stop` resolves, a client stops it, it is handed over, or idle for `idle`, which
/// `None` never is. The lock is held until the socket is gone.
///
/// # Errors
/// When nobody could ever connect.
pub async fn serve(
    host: Host,
    lock: HostLock,
    idle: Option<Duration>,
    stop: impl Future<Output = ()>,
) -> Result<Ended, ServeError> {
    let listener = socket::listen(&lock)?;
    tracing::info!(address = %socket::address_of(lock.folder()).display(), "listening");
    let serving = Serving::of(host);
    let mut clients = JoinSet::new();
    let mut changes = serving.host.changes();
    let mut handing_over = serving.handing_over.subscribe();
    let mut dismissed = serving.dismissed.subscribe();
    let mut unneeded_since = Instant::now();
    let mut stop = pin!(stop);
    loop {
        let needed = !clients.is_empty() || serving.host.open_jobs() > 0;
        if *handing_over.borrow_and_update() && serving.host.open_jobs() == 0 {
            return Ok(Ended::HandedOver);
        }
        if *dismissed.borrow_and_update() && !needed {
            return Ok(Ended::Idle);
        }
        tokio::select! {
            accepted = accept(&listener), if clients.len() < MAX_CLIENTS => {
                if let Some(stream) = accepted {
                    serving.dismissed.send_replace(false);
                    clients.spawn(client(serving.clone(), stream));
                }
            }
            Some(_) = clients.join_next(), if !clients.is_empty() => {}
            // The number of open jobs may have changed.
            _ = changes.next() => {}
            _ = handing_over.changed() => {}
            _ = dismissed.changed() => {}
            () = serving.stop.notified() => return Ok(Ended::Stopped),
            () = &mut stop => return Ok(Ended::Stopped),
            () = reached(idle.map(|idle| unneeded_since + idle)), if !needed => return Ok(Ended::Idle),
        }
        if needed {
            unneeded_since = Instant::now();
        }
    }
}

/// Resolves at that time, and never without one.
async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

/// The next client that may come in.
async fn accept(listener: &Listener) -> Option<Stream> {
    match listener.accept().await {
        Ok(stream) if socket::is_ours(&stream) => Some(stream),
        Ok(_) => {
            tracing::warn!("a process of another user tried to connect");
            None
        }
        Err(error) => {
            tracing::warn!(%error, "a client could not be accepted");
            // Out of descriptors, perhaps: trying again at once would only spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn client(serving: Arc<Serving>, stream: Stream) {
    let (reader, writer) = split(stream);
    let result = session::run(serving, BufReader::new(reader), writer).await;
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => tracing::debug!(%error, "a client was lost"),
        Ok(()) | Err(_) => {}
    }
}
