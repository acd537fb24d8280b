//! WebSockets: one task per socket owns it, always reads and answers pings, whatever its driver does.

mod connection;
mod handshake;
mod inbox;
mod pump;

use super::{Failure, Policy, Transport, request::Handshake, task::Walled};
use connection::{Connection, WebSocket};
use inbox::Inbox;
use mdd_driver_api::abi::{WsConnBox, WsRequest};
use pump::Pump;
use std::time::Duration;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Cap on an incoming message unless the driver asks for another one, in bytes.
const MAX_IN: usize = 4 << 20;
/// Cap on an outgoing message unless the driver asks for another one. Some services take no larger one.
const MAX_OUT: usize = 4 << 20;
/// No driver gets more, in either direction.
const HARD_MAX: usize = 64 << 20;
/// What waits to be written besides one message, in bytes.
const WRITE_BUFFER: usize = 512 << 10;
const READ_BUFFER: usize = 32 << 10;

/// Silence after which the host pings.
const PING_EVERY: Duration = Duration::from_secs(10);
/// A ping more often than this is a flood of our own.
const MIN_PING_EVERY: Duration = Duration::from_millis(100);
/// No peer gets longer to answer a ping.
const PONG_WITHIN: Duration = Duration::from_secs(10);

/// What a socket may take.
#[derive(Debug, Clone, Copy)]
struct Caps {
    max_in: usize,
    max_out: usize,
    ping_every: Option<Duration>,
}

impl Caps {
    fn of(request: &WsRequest) -> Self {
        let cap = |asked: u64, default: usize| match asked {
            0 => default,
            asked => usize::try_from(asked).unwrap_or(HARD_MAX).min(HARD_MAX),
        };
        Self {
            max_in: cap(request.max_in, MAX_IN),
            max_out: cap(request.max_out, MAX_OUT),
            ping_every: match request.ping_ms {
                0 => Some(PING_EVERY),
                u64::MAX => None,
                ms => Some(Duration::from_millis(ms).max(MIN_PING_EVERY)),
            },
        }
    }

    fn pong_within(&self) -> Duration {
        self.ping_every.unwrap_or(PONG_WITHIN).min(PONG_WITHIN)
    }

    /// The write buffer takes one message of the largest size whole, as many servers expect one frame per message.
    fn config(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_write_buffer_size(WRITE_BUFFER + self.max_out)
            .max_message_size(Some(self.max_in))
            .max_frame_size(Some(self.max_in))
    }
}

/// Opens a driver's WebSocket.
pub(super) async fn connect(transport: &Transport, policy: &Policy, request: WsRequest) -> Result<WsConnBox, Failure> {
    let caps = Caps::of(&request);
    let handshake = Handshake::prepare(policy, &request)?;
    let socket = handshake::open(transport, policy, handshake, caps).await?;
    let (inbox, received) = inbox::channel(caps.max_in);
    let (pump, control) = Pump::new(socket, caps, inbox, policy.clone());
    let task = transport.io.spawn(pump.run());
    let connection = Connection::new(transport.io.clone(), policy.clone(), caps.max_out, received, control, task);
    Ok(WsConnBox::of(WebSocket(Walled::new(connection))))
}
