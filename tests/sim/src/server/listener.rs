//! The listening socket: it can close and open again on the same port.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use super::{Server, connection};

const BACKLOG: u32 = 128;

/// A port on loopback that stays ours while nobody listens at it.
pub(crate) struct Port {
    addr: SocketAddr,
    /// Bound but never listening: connects are refused, and no other process is given the port.
    _placeholder: TcpSocket,
}

impl Port {
    /// Reserves a port; 0 lets the system choose.
    pub(crate) fn reserve(port: u16) -> io::Result<Self> {
        let placeholder = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        Ok(Self { addr: placeholder.local_addr()?, _placeholder: placeholder })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn listen(&self) -> io::Result<TcpListener> {
        bind(self.addr)?.listen(BACKLOG)
    }
}

fn bind(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

/// A server that accepts connections.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    /// The generation of the fault board that the listener acts on.
    settled: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl Running {
    /// Listens from the moment this returns, unless a fault forbids it.
    pub(crate) fn start(server: Arc<Server>) -> io::Result<Self> {
        let listener = match server.setup.board.refuses() {
            true => None,
            false => Some(server.port.listen()?),
        };
        let (stop, stopped) = watch::channel(false);
        let (settled_tx, settled) = watch::channel(0);
        let task = tokio::spawn(accept_all(server, listener, stopped, settled_tx));
        Ok(Self { stop, settled, task })
    }

    /// Waits until the listener acts on the latest change of the faults.
    pub(crate) async fn settle(&mut self, server: &Server) {
        let wanted = *server.setup.board.changes().borrow();
        // An error means that the listener has ended: there is nothing to wait for.
        let _ = self.settled.wait_for(|settled| *settled >= wanted).await;
    }

    /// Closes the listener and all connections and returns when they are closed.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        // A panic of the listener was printed by the runtime; stopped it is in any case.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept_all(
    server: Arc<Server>,
    mut listener: Option<TcpListener>,
    mut stopped: watch::Receiver<bool>,
    settled: watch::Sender<u64>,
) {
    let board = &server.setup.board;
    let mut changes = board.changes();
    let mut connections = JoinSet::new();
    loop {
        let generation = *changes.borrow_and_update();
        listener = match (listener, board.refuses()) {
            (_, true) => None,
            (None, false) => server.port.listen().ok(),
            (open, false) => open,
        };
        settled.send_replace(generation);
        tokio::select! {
            biased;
            _ = stopped.changed() => break,
            _ = changes.changed() => {}
            stream = accept(listener.as_ref()), if !board.frozen() => {
                connections.spawn(connection::serve(Arc::clone(&server), stream));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // Out of file descriptors, most likely: it may pass.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}
