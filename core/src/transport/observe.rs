//! What the errors of the libraries say about a service.

use super::{
    Failure,
    address::{AddressRefused, Reach, Route},
};
use std::{error::Error, io};
use tokio_tungstenite::tungstenite::{self, error::CapacityError};

/// Calls `look` with an error and its causes until one is recognised.
fn first<T>(error: &(dyn Error + 'static), look: impl Fn(&(dyn Error + 'static)) -> Option<T>) -> Option<T> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(found) = look(error) {
            return Some(found);
        }
        // An `io::Error` that wraps another error names that one's cause as its own.
        if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
            && let Some(found) = look(inner)
        {
            return Some(found);
        }
        current = error.source();
    }
    None
}

/// The innermost cause: the libraries wrap it in "error sending request" and the like.
fn root(error: &(dyn Error + 'static)) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    mdd_driver_api::text::printable(&current.to_string(), 200)
}

/// A failure before any byte of a request was sent.
pub(super) fn connecting(error: &(dyn Error + 'static), route: Route) -> Failure {
    if let Some(refused) = first(error, |error| error.downcast_ref::<AddressRefused>().cloned()) {
        return Failure::Blocked(refused.to_string());
    }
    if let Some(text) = first(error, |error| error.downcast_ref::<rustls::Error>().map(ToString::to_string)) {
        return Failure::TlsFailed(text);
    }
    let by_system = first(error, |error| {
        let kind = error.downcast_ref::<io::Error>()?.kind();
        match kind {
            io::ErrorKind::ConnectionRefused => Some(Failure::ConnectionRefused),
            io::ErrorKind::TimedOut => Some(route.not_accepted()),
            // Accepted and dropped at once: somebody is there.
            io::ErrorKind::ConnectionReset if !route.tls => Some(Failure::ConnectionReset),
            // A machine without IPv6: nobody listens on its `::1`.
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::NetworkUnreachable if route.reach == Reach::Loopback => {
                Some(Failure::ConnectionRefused)
            }
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::PermissionDenied => Some(Failure::Unreachable(kind.to_string())),
            _ => None,
        }
    });
    match by_system {
        Some(failure) => failure,
        None if route.tls => Failure::TlsFailed(root(error)),
        None => Failure::Unreachable(root(error)),
    }
}

/// A failure of a request, before the head of the answer was complete.
pub(super) fn asking(error: &reqwest::Error, route: Route) -> Failure {
    if error.is_connect() {
        return if error.is_timeout() {
            route.not_accepted()
        } else if error.is_dns() && first(error, |error| error.downcast_ref::<AddressRefused>().map(|_| ())).is_none() {
            Failure::NameNotFound(root(error))
        } else {
            connecting(error, route)
        };
    }
    if let Some(failure) = first(error, |error| error.downcast_ref::<Failure>().cloned()) {
        return failure;
    }
    let by_protocol = first(error, |error| {
        let hyper = error.downcast_ref::<hyper::Error>()?;
        if hyper.is_parse_too_large() {
            Some(Failure::HeadTooLarge)
        } else if hyper.is_parse() {
            Some(Failure::NotHttp(root(hyper)))
        } else if hyper.is_incomplete_message() || hyper.is_canceled() {
            Some(Failure::ClosedWithoutAnswer)
        } else {
            None
        }
    });
    by_protocol.or_else(|| breaking(error)).unwrap_or_else(|| Failure::NotHttp(root(error)))
}

/// A failure in the middle of a body.
pub(super) fn reading(error: &reqwest::Error) -> Failure {
    let cut = first(error, |error| {
        let hyper = error.downcast_ref::<hyper::Error>()?;
        hyper.is_incomplete_message().then_some(Failure::AnswerCutShort)
    });
    cut.or_else(|| {
        first(error, |error| match error.downcast_ref::<io::Error>()?.kind() {
            io::ErrorKind::UnexpectedEof => Some(Failure::AnswerCutShort),
            _ => None,
        })
    })
    .or_else(|| breaking(error))
    .unwrap_or_else(|| Failure::BrokenAnswer(root(error)))
}

/// The connection broke.
fn breaking(error: &(dyn Error + 'static)) -> Option<Failure> {
    first(error, |error| match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            Some(Failure::ConnectionReset)
        }
        io::ErrorKind::UnexpectedEof => Some(Failure::ClosedWithoutAnswer),
        io::ErrorKind::TimedOut => Some(Failure::Unreachable("the network gave up".to_owned())),
        _ => None,
    })
}

/// A failure of a WebSocket handshake.
pub(super) fn upgrading(error: &tungstenite::Error) -> Failure {
    use tungstenite::{Error as Ws, error::ProtocolError};
    match error {
        Ws::Http(response) => Failure::UpgradeRefused(response.status().as_u16()),
        Ws::Protocol(ProtocolError::HandshakeIncomplete) => Failure::ClosedWithoutAnswer,
        Ws::Protocol(ProtocolError::HttparseError(error)) => Failure::NotHttp(error.to_string()),
        Ws::Capacity(CapacityError::TooManyHeaders) | Ws::AttackAttempt => Failure::HeadTooLarge,
        Ws::Io(_) => breaking(error).unwrap_or(Failure::ClosedWithoutAnswer),
        other => Failure::NotWebsocket(root(other)),
    }
}

/// A failure of an open WebSocket whose messages may have `max_in` bytes.
pub(super) fn messaging(error: &tungstenite::Error) -> Failure {
    use tungstenite::{Error as Ws, error::ProtocolError};
    match error {
        Ws::ConnectionClosed | Ws::AlreadyClosed => Failure::SocketClosed,
        Ws::Protocol(ProtocolError::ResetWithoutClosingHandshake) | Ws::Io(_) => Failure::ConnectionLost,
        Ws::Capacity(CapacityError::MessageTooLong { max_size, .. }) => Failure::MessageTooLarge(*max_size as u64),
        other => Failure::BrokenFrame(root(other)),
    }
}
