//! Dialling and the HTTP upgrade.

use super::Caps;
use crate::transport::{Failure, Policy, Transport, USER_AGENT, address, observe, request::Handshake};
use reqwest::header::{self, HeaderMap, HeaderValue};
use rustls::pki_types::ServerName;
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::client, http},
};

/// Deadline from the TCP connection to the open socket.
const WITHIN: Duration = Duration::from_secs(3);

/// A TCP connection, with TLS or without.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// An open socket.
pub(super) type Socket = WebSocketStream<Box<dyn Io>>;

pub(super) async fn open(
    transport: &Transport,
    policy: &Policy,
    handshake: Handshake,
    caps: Caps,
) -> Result<Socket, Failure> {
    let tcp = address::dial(policy.endpoint(), handshake.route.reach).await?;
    let opening = async {
        let io = secure(transport, policy, &handshake, tcp).await?;
        let request = upgrade(&handshake)?;
        let opened = tokio_tungstenite::client_async_with_config(request, io, Some(caps.config())).await;
        let (socket, answer) = opened.map_err(|error| observe::upgrading(&error))?;
        if !handshake.anonymous {
            policy.cookies().keep(answer.headers(), &handshake.url);
        }
        Ok(socket)
    };
    let late = Failure::NoAnswer(WITHIN.as_millis() as u64);
    time::timeout(WITHIN, opening).await.unwrap_or(Err(late))
}

/// Adds TLS where the endpoint wants it.
async fn secure(
    transport: &Transport,
    policy: &Policy,
    handshake: &Handshake,
    tcp: TcpStream,
) -> Result<Box<dyn Io>, Failure> {
    if !handshake.route.tls {
        return Ok(Box::new(tcp));
    }
    let name = policy.endpoint().host().to_string();
    let name = name.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(name).map_err(|error| Failure::TlsFailed(error.to_string()))?;
    let connector = TlsConnector::from(transport.clients.tls().await?.clone());
    let tls = connector.connect(name, tcp).await;
    let tls = tls.map_err(|error| observe::connecting(&error, handshake.route))?;
    Ok(Box::new(tls))
}

/// The request for the upgrade, without an `Origin`: some services refuse one that is not their own.
fn upgrade(handshake: &Handshake) -> Result<client::Request, Failure> {
    let fault = |error: http::Error| Failure::Host(error.to_string());
    let mut url = handshake.url.clone();
    let scheme = if handshake.route.tls { "wss" } else { "ws" };
    url.set_scheme(scheme).map_err(|()| Failure::Host("a URL without a WebSocket scheme".to_owned()))?;
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    };
    let mut request = http::Request::get(url.as_str()).body(()).map_err(fault)?;
    let headers: &mut HeaderMap = request.headers_mut();
    *headers = handshake.headers.clone();
    let own = [
        (header::HOST, host),
        (header::CONNECTION, "Upgrade".to_owned()),
        (header::UPGRADE, "websocket".to_owned()),
        (header::SEC_WEBSOCKET_VERSION, "13".to_owned()),
        (header::SEC_WEBSOCKET_KEY, client::generate_key()),
        (header::USER_AGENT, USER_AGENT.to_owned()),
    ];
    for (name, value) in own {
        let value = HeaderValue::try_from(value).map_err(|error| fault(error.into()))?;
        headers.insert(name, value);
    }
    Ok(request)
}
