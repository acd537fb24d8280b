//! The smallest host: loads a driver, asks it who it is, and calls the method that only 1.1 has.

use mdd_driver_api::{
    DriverError, ErrorKind,
    abi::{
        FfiFuture, Fut, HostArc, HostServices, HttpRequest, HttpResponse, HttpStream, J, LOADER_SYMBOL, RootHeader,
        WsConnBox, WsRequest, ready,
    },
    model,
};
use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

#[derive(Clone)]
struct Nothing;

fn nobody<T: Send + 'static>() -> Fut<T> {
    ready(Err(DriverError::new(ErrorKind::TRANSPORT, "there is no network")).into())
}

impl HostServices for Nothing {
    fn http(&self, _request: HttpRequest) -> Fut<HttpResponse> {
        nobody()
    }

    fn http_stream(&self, _request: HttpRequest) -> Fut<HttpStream> {
        nobody()
    }

    fn ws_connect(&self, _request: WsRequest) -> Fut<WsConnBox> {
        nobody()
    }

    fn sleep_ms(&self, _ms: u64) -> FfiFuture<()> {
        ready(())
    }

    fn now_ms(&self) -> u64 {
        42
    }

    fn random_u64(&self) -> u64 {
        4
    }
}

fn answer<T>(future: Fut<T>) -> T {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.into_result().unwrap_or_else(|error| panic!("{error}")),
        Poll::Pending => panic!("there is nothing to wait for"),
    }
}

fn main() {
    let file = std::env::args_os().nth(1).expect("it takes a file");
    // SAFETY: the tests have built the file, and it is never unloaded.
    let library = unsafe { libloading::Library::new(file) }.expect("the file can be loaded");
    // SAFETY: the symbol is the one of every driver.
    let header = *unsafe { library.get::<RootHeader>(LOADER_SYMBOL) }.expect("it exports a driver");
    std::mem::forget(library);
    let module = match header.resolve() {
        Ok(module) => module,
        Err(refused) => return println!("refused: {}", refused.summary),
    };
    let instance = J::encode(&model::Instance::default()).expect("it is plain data");
    let created = (module.create())(HostArc::of(Nothing), instance).into_result();
    let driver = created.unwrap_or_else(|error| panic!("{error}"));
    let identity = answer(driver.identify()).decode().unwrap_or_else(|error| panic!("{error}"));
    println!("identify: {}", identity.seen);
    println!("holds memory: {}", (module.memory())() > 0);
    #[cfg(feature = "greets")]
    println!("greet: {}", answer(driver.greet()));
}
