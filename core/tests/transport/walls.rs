//! What drivers get never panics into them, and waits for the I/O runtime from any other one.

use crate::{
    caller::{ask, backend, connect, get, socket},
    server::{OK, Server},
    websocket::{accept, next, text},
};
use mdd_core::transport::{Services, Settings, Transport};
use mdd_driver_api::{ErrorKind, abi::HostArc};
use std::{
    sync::mpsc,
    time::{Duration, Instant},
};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Polls on this thread, outside of any runtime.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let (wake, woken) = mpsc::channel();
    struct Wake(mpsc::Sender<()>);
    impl std::task::Wake for Wake {
        fn wake(self: std::sync::Arc<Self>) {
            let _gone = self.0.send(());
        }
    }
    let waker = std::sync::Arc::new(Wake(wake)).into();
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            return value;
        }
        woken.recv_timeout(Duration::from_secs(20)).expect("it is woken");
    }
}

fn host(io: &Runtime, port: u16) -> HostArc {
    Services::under(&Transport::new(io.handle().clone()).unwrap(), &backend(port))
}

#[test]
fn everything_works_from_a_thread_without_a_runtime() {
    let io = runtime();
    let server = io.block_on(Server::start(|mut peer| async move {
        if peer.nth == 0 {
            peer.request().await;
            peer.say(OK).await;
            peer.hang().await;
        } else {
            accept(&mut peer, &text("hi")).await;
            peer.hang().await;
        }
    }));
    let host = host(&io, server.port);
    assert_eq!(block_on(ask(&host, get("/"))).unwrap().status, 200);
    let mut socket = block_on(connect(&host, socket("/"))).unwrap();
    assert_eq!(&block_on(next(&mut socket)).unwrap().bytes[..], b"hi");
    block_on(socket.close()).into_result().unwrap();
    let start = (Instant::now(), host.now_ms());
    block_on(host.sleep_ms(50));
    assert!(start.0.elapsed() >= Duration::from_millis(49));
    assert!(host.now_ms() >= start.1 + 49);
}

#[test]
fn a_host_that_is_going_down_answers_with_host_errors() {
    let io = runtime();
    let server = io.block_on(Server::start(|mut peer| async move {
        accept(&mut peer, b"").await;
        peer.hang().await;
    }));
    let host = host(&io, server.port);
    let mut open = block_on(connect(&host, socket("/"))).unwrap();
    let sleeping = host.sleep_ms(60_000);
    io.shutdown_background();
    let error = block_on(ask(&host, get("/"))).unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::HOST, "host-fault"));
    assert_eq!(block_on(connect(&host, socket("/"))).err().unwrap().kind, ErrorKind::HOST);
    // A timer without its runtime panics: behind the wall that means "now".
    block_on(sleeping);
    block_on(host.sleep_ms(60_000));
    // Sockets have ended; asking them does no harm.
    assert!(block_on(next(&mut open)).is_err());
    let _closed = block_on(open.close());
    let _still = (host.now_ms(), host.random_u64());
    drop(host);
}

#[tokio::test(start_paused = true)]
async fn the_clock_can_be_paused_and_the_numbers_replayed() {
    let with_seed = |seed| {
        let settings = Settings { seed: Some(seed), ..Settings::default() };
        let transport = Transport::with(tokio::runtime::Handle::current(), settings).unwrap();
        Services::under(&transport, &backend(1))
    };
    let (a, b, c) = (with_seed(7), with_seed(7), with_seed(8));
    let numbers = |host: &HostArc| std::array::from_fn::<u64, 4, _>(|_| host.random_u64());
    let first = numbers(&a);
    assert_eq!(first, numbers(&b));
    assert_ne!(first, numbers(&c));
    assert_ne!(first, numbers(&a));
    let real = Instant::now();
    let start = a.now_ms();
    a.sleep_ms(3_600_000).await;
    assert_eq!(a.now_ms(), start + 3_600_000);
    assert!(real.elapsed() < Duration::from_secs(60));
}
