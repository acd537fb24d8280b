//! TLS: trusted, not trusted, and not TLS at all.

use crate::{
    caller::{ask, body, connect, get, socket},
    server::{OK, Server, eventually},
    websocket::{next, text},
};
use mdd_core::{
    endpoint::Endpoint,
    transport::{Policy, Services, Settings, Transport},
};
use mdd_driver_api::{DriverError, Effect, ErrorKind, abi::HostArc};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Handle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// A certificate for this machine that signs itself, and a server's configuration with it.
fn certificate() -> (CertificateDer<'static>, TlsAcceptor) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    (certificate, TlsAcceptor::from(Arc::new(config)))
}

fn trusting(certificate: CertificateDer<'static>) -> Transport {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Transport::with(Handle::current(), Settings { tls: Some(config), ..Settings::default() }).unwrap()
}

fn host(transport: &Transport, text: &str) -> HostArc {
    let endpoint: Endpoint = text.parse().unwrap();
    let policy = Policy::candidate(endpoint, Vec::new(), None);
    policy.promote(Vec::new()).unwrap();
    Services::under(transport, &policy)
}

/// Answers a request, or an upgrade with one message.
async fn serve(mut tls: TlsStream<TcpStream>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if !matches!(tls.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    }
    let request = String::from_utf8(request).unwrap();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    let answer = match key {
        Some(key) => {
            let accept = derive_accept_key(key.as_bytes());
            let head =
                "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept";
            [format!("{head}: {accept}\r\n\r\n").as_bytes(), &text("hi")].concat()
        }
        None => OK.as_bytes().to_vec(),
    };
    tls.write_all(&answer).await.unwrap();
    tls.flush().await.unwrap();
    let _until_the_end = tls.read_buf(&mut Vec::new()).await;
}

async fn server(acceptor: TlsAcceptor) -> Server {
    Server::start(move |peer| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(tls) = acceptor.accept(peer.stream).await {
                serve(tls).await;
            }
        }
    })
    .await
}

fn assert_tls_failed(error: &DriverError) {
    assert_eq!((error.code.as_str(), error.kind), ("tls-failed", ErrorKind::TRANSPORT), "{error:?}");
    assert_eq!(error.effect, Effect::NONE);
}

#[tokio::test]
async fn http_and_websockets_over_tls() {
    let (certificate, acceptor) = certificate();
    let server = server(acceptor).await;
    let transport = trusting(certificate);
    for name in ["localhost", "127.0.0.1"] {
        let host = host(&transport, &format!("https://{name}:{}", server.port));
        assert_eq!(body(&ask(&host, get("/")).await.unwrap()), "ok");
        let mut socket = connect(&host, socket("/ws")).await.unwrap();
        assert_eq!(&next(&mut socket).await.unwrap().bytes[..], b"hi");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts() {
    let (_, acceptor) = certificate();
    let server = server(acceptor).await;
    let (stranger, _) = certificate();
    // The platform's roots, and others.
    for transport in [Transport::new(Handle::current()).unwrap(), trusting(stranger)] {
        let host = host(&transport, &format!("https://127.0.0.1:{}", server.port));
        assert_tls_failed(&ask(&host, get("/")).await.unwrap_err());
        assert_tls_failed(&connect(&host, socket("/")).await.err().unwrap());
    }
}

#[tokio::test]
async fn plain_text_on_a_tls_port_and_the_other_way_round() {
    let plain = Server::start(|mut peer| async move {
        peer.say(OK).await;
        peer.hang().await;
    })
    .await;
    let (certificate, acceptor) = certificate();
    let tls = server(acceptor).await;
    let transport = trusting(certificate);
    let mixed = host(&transport, &format!("https://127.0.0.1:{}", plain.port));
    assert_tls_failed(&ask(&mixed, get("/")).await.unwrap_err());
    assert_tls_failed(&connect(&mixed, socket("/")).await.err().unwrap());
    eventually("the connections end", || plain.seen.ended() == 2).await;
    let mixed = host(&transport, &format!("http://127.0.0.1:{}", tls.port));
    let error = ask(&mixed, get("/")).await.unwrap_err();
    assert_eq!(error.code.as_str(), "not-http", "{error:?}");
    let error = connect(&mixed, socket("/")).await.err().unwrap();
    assert_eq!(error.code.as_str(), "not-http", "{error:?}");
}
