//! Everywhere else: a listing with the processes in it, which costs some 10 ms.

use super::{Listening, Owner, Program, Sockets};
use crate::process;
use std::io;

/// Whoever asks sees the processes of their own user only, so all of them are ours.
pub(super) struct Listed;

impl Sockets for Listed {
    fn list(&mut self) -> io::Result<Vec<Listening>> {
        let all = listeners::get_all().map_err(|error| io::Error::other(error.to_string()))?;
        let listening = all.into_iter().filter(|socket| {
            socket.protocol == listeners::Protocol::TCP && socket.state == listeners::SocketState::Listen
        });
        let listening = listening.map(|socket| Listening {
            address: socket.socket,
            owner: Owner::Us,
            number: u64::from(socket.process.pid),
        });
        Ok(listening.collect())
    }

    fn programs(&mut self, of: &[Listening]) -> Vec<(u64, Program)> {
        let program = |socket: &Listening| {
            let pid = u32::try_from(socket.number).ok()?;
            Some((socket.number, Program { pid, words: process::command_line(pid).join(" ") }))
        };
        of.iter().filter_map(program).collect()
    }
}
