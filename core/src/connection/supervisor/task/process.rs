//! The processes that serve a backend: who they are, and what they were seen doing.

use super::{Answer, Task, reasons::suspended};
use crate::{
    connection::{Input, State, witness::Witness},
    diagnosis::Reason,
    discovery::{
        is_here, is_hinted,
        sockets::{self, Holders},
    },
    process::Activity,
};
use futures_util::FutureExt as _;
use std::net::SocketAddr;
use tokio::time::Instant;

impl Task {
    /// Looks up who serves it.
    pub(super) fn find_process(&mut self) {
        let endpoint = &self.backend.endpoint;
        if !is_here(endpoint) {
            return;
        }
        self.finding = true;
        let addresses = match endpoint.ip() {
            Some(ip) => vec![SocketAddr::new(ip, endpoint.port())],
            None => endpoint.loopback_addresses(),
        };
        self.asks.push(async move { Answer::Holders(sockets::holders(addresses).await) }.boxed());
    }

    /// Who serves it is known, or cannot be.
    pub(super) fn found_process(&mut self, holders: Option<Holders>) {
        self.finding = false;
        let hints = &self.declaration().process_hints;
        self.witness = holders.and_then(|holders| {
            let is_service = holders.programs.iter().any(|program| is_hinted(hints, program));
            Witness::of(holders, is_service)
        });
        if let Some(witness) = &self.witness {
            let suspended = suspended(&self.backend, witness.process().pid());
            self.life.explain_suspension(suspended);
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        matches!(self.life.state(), State::Connected(connected) if connected.silence.is_some())
    }

    /// What the process did while a check went without a good answer.
    pub(super) fn hear_witness(&mut self) {
        self.hear_own_lateness();
        if let Some(witness) = &self.witness
            && witness.process().activity() == Activity::Gone
        {
            if let Some(exited) = self.process_ended() {
                self.take(exited);
            }
        } else if let Some(evidence) = self.witness.as_mut().and_then(|witness| witness.judge(Instant::now())) {
            self.take(Input::Evidence(evidence));
        }
    }

    pub(super) fn process_ended(&mut self) -> Option<Input> {
        let process = *self.witness.take()?.process();
        let observation = format!("process {} of {} has exited", process.pid(), self.backend.endpoint.subject());
        Some(Input::Exited(Reason::new("process-exited", observation, self.declaration())))
    }
}
