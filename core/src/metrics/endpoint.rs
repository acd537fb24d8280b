//! The figures over HTTP, for monitoring systems of this machine. Only at the loopback address, and only if a port is set.

use super::Format;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ACCEPT, CONTENT_TYPE, HOST, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    io,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

/// More than one monitoring system and somebody who looks.
const MAX_CLIENTS: usize = 8;
/// A client that takes longer is let go.
const WITHIN: Duration = Duration::from_secs(10);
/// Until a port that somebody else has is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// After a client could not be accepted: out of descriptors, perhaps.
const BREATHE: Duration = Duration::from_millis(100);

/// Answers at the port that is set, as long as one is: 0 is none. `complain` is told once of a port that cannot be had.
pub(crate) async fn serve(
    mut port: watch::Receiver<u16>,
    text: impl Fn(Format) -> String + Send + Sync + 'static,
    complain: impl Fn(u16, &io::Error),
) {
    let text = Arc::new(text);
    let mut complained = 0;
    loop {
        let wanted = *port.borrow_and_update();
        let serving = async {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).await {
                Ok(listener) => answer(listener, text.clone()).await,
                Err(error) => {
                    if complained != wanted {
                        complain(wanted, &error);
                        complained = wanted;
                    }
                    sleep(AGAIN).await;
                }
            }
        };
        let changed = if wanted == 0 {
            port.changed().await
        } else {
            tokio::select! {
                changed = port.changed() => changed,
                () = serving => Ok(()),
            }
        };
        if changed.is_err() {
            return;
        }
    }
}

async fn answer(listener: TcpListener, text: Arc<impl Fn(Format) -> String + Send + Sync + 'static>) {
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    let mut clients = JoinSet::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let text = text.clone();
                clients.spawn(async move {
                    // Whoever is too slow may come again.
                    let _in_time = timeout(WITHIN, talk(stream, text)).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a reader of metrics could not be accepted");
                sleep(BREATHE).await;
            }
        }
        while clients.try_join_next().is_some() {}
    }
}

async fn talk(stream: TcpStream, text: Arc<impl Fn(Format) -> String>) {
    let service = service_fn(|request| {
        let response = respond(&request, &*text);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a reader of metrics was lost");
    }
}

fn respond(request: &Request<Incoming>, text: impl Fn(Format) -> String) -> Response<Full<Bytes>> {
    let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    // A web page whose name was bent to this machine must not read it.
    if !header(HOST).is_some_and(is_this_machine) {
        return said(StatusCode::MISDIRECTED_REQUEST, "this address is not ours\n");
    }
    match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            let format = Format::accepted(header(ACCEPT).unwrap_or_default());
            let mut response = Response::new(Full::from(text(format)));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
            response
        }
        (&Method::GET | &Method::HEAD, _) => said(StatusCode::NOT_FOUND, "the figures are at /metrics\n"),
        _ => said(StatusCode::METHOD_NOT_ALLOWED, "the figures can only be read\n"),
    }
}

fn said(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for good in ["127.0.0.1:9464", "127.0.0.1", "localhost:1", "LOCALHOST"] {
            assert!(is_this_machine(good), "{good}");
        }
        for bad in ["", "example.org", "example.org:9464", "127.0.0.1.example.org", "10.0.0.1:9464", "localhost.evil"] {
            assert!(!is_this_machine(bad), "{bad}");
        }
    }
}
