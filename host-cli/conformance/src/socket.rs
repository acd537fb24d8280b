//! A WebSocket of a played service.

use crate::{
    clock::{Clock, Sleep},
    host::{payload, wrapped},
    service::{Fault, Service},
};
use mdd_core::{endpoint::Endpoint, transport::Failure};
use mdd_driver_api::{
    DriverError,
    abi::{Body, FrameKind, Fut, FutRef, FutureExt as _, RVec, WsConn, WsFrame},
};
use mdd_replay::Piece;
use std::collections::VecDeque;

pub(crate) struct Socket {
    clock: Clock,
    service: Service,
    /// Work was started over it, and this is what becomes of it.
    started: Option<Option<Fault>>,
    endpoint: Endpoint,
    left: VecDeque<Piece>,
    waiting: Option<Sleep>,
    is_closed: bool,
    sent: Vec<Vec<u8>>,
}

impl Socket {
    pub(crate) fn new(clock: &Clock, service: &Service, endpoint: &Endpoint, pieces: Vec<Piece>) -> Self {
        let (clock, service, endpoint) = (clock.clone(), service.clone(), endpoint.clone());
        let (left, sent) = (pieces.into(), Vec::new());
        Self { clock, service, started: None, endpoint, left, waiting: None, is_closed: false, sent }
    }

    /// Takes a message. What it does is done when it arrives, whether or not anybody reads on.
    fn take(&mut self, message: Vec<u8>) {
        let expected = self.left.iter().find_map(|piece| match piece {
            Piece::Expect { expect, effect } => Some((expect, *effect)),
            _ => None,
        });
        if let Some((expect, Some(effect))) = expected
            && contains(&message, expect)
        {
            self.started = Some(self.service.hear(effect));
        }
        self.sent.push(message);
    }

    /// Whether only the end is left, and it is not to come.
    fn stalls(&self) -> bool {
        let content = self.left.iter().filter(|piece| piece.content().is_some()).count();
        self.started.is_some() && self.service.is_endless() && content <= 1
    }

    async fn step(&mut self) -> Result<WsFrame, DriverError> {
        loop {
            if let Some(sleep) = &mut self.waiting {
                sleep.await;
                self.waiting = None;
            }
            if self.is_closed {
                return Err(Failure::SocketClosed.into_error(&self.endpoint));
            }
            match self.started {
                Some(Some(Fault::Cuts | Fault::CutsBody)) => {
                    self.is_closed = true;
                    return Err(Failure::ConnectionLost.into_error(&self.endpoint));
                }
                Some(Some(Fault::Hangs)) => return self.clock.never().await,
                _ if self.stalls() => return self.clock.never().await,
                _ => {}
            }
            match self.left.front() {
                Some(Piece::Wait { wait_ms }) => self.waiting = Some(self.clock.sleep(*wait_ms)),
                Some(Piece::Expect { expect, .. }) => {
                    let is_sent = self.sent.iter().any(|message| contains(message, expect));
                    // Whoever sends drops this future first, and asks anew.
                    if !is_sent {
                        return self.clock.never().await;
                    }
                    self.sent.clear();
                }
                Some(Piece::Close { close }) => {
                    self.is_closed = true;
                    let close_code = *close;
                    return Ok(WsFrame { kind: FrameKind::CLOSE, bytes: RVec::new(), close_code });
                }
                Some(piece) => {
                    let kind = if matches!(piece, Piece::Bytes { .. }) { FrameKind::BINARY } else { FrameKind::TEXT };
                    let bytes = piece.content().unwrap_or_default().into();
                    self.left.pop_front();
                    return Ok(WsFrame { kind, bytes, close_code: 0 });
                }
                None => return self.clock.never().await,
            }
            self.left.pop_front();
        }
    }
}

fn contains(message: &[u8], text: &str) -> bool {
    message.windows(text.len().max(1)).any(|window| window == text.as_bytes())
}

impl WsConn for Socket {
    fn send<'a>(&'a mut self, _kind: FrameKind, body: Body) -> FutRef<'a, ()> {
        async move {
            self.take(payload(&body));
            Ok(()).into()
        }
        .into_ffi()
    }

    fn next<'a>(&'a mut self) -> FutRef<'a, WsFrame> {
        async move { self.step().await.into() }.into_ffi()
    }

    fn close(self) -> Fut<()> {
        wrapped(async { Ok(()) })
    }
}
