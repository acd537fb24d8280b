//! The listening sockets of this machine.

#[cfg(target_os = "linux")]
mod holders;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;

use crate::{endpoint::Endpoint, process::Process};
use std::{io, net::SocketAddr};
use tokio::{sync::Semaphore, task::spawn_blocking};

/// A TCP socket that waits for connections.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Listening {
    /// Where; for all addresses of this machine the unspecified one.
    pub address: SocketAddr,
    /// Who opened it.
    pub owner: Owner,
    /// What tells it from an earlier one at the same place.
    pub number: u64,
}

/// Whose a socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The user who runs this host.
    Us,
    /// Another user of this machine, by number.
    Other(u32),
}

impl Listening {
    /// Whether a client of this machine finds it at a loopback address.
    pub fn is_here(&self) -> bool {
        let ip = self.address.ip();
        ip.is_loopback() || ip.is_unspecified()
    }
}

/// What holds a socket of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its process.
    pub pid: u32,
    /// What runs it: folder, program and arguments.
    pub words: String,
}

/// A way to list them.
pub trait Sockets: Send {
    /// Those that listen now.
    ///
    /// # Errors
    /// When the system does not tell.
    fn list(&mut self) -> io::Result<Vec<Listening>>;

    /// The programs behind sockets of ours, as far as they may be known.
    fn programs(&mut self, of: &[Listening]) -> Vec<(u64, Program)>;
}

/// The way of this system.
///
/// # Errors
/// When it offers none.
pub fn of_system() -> io::Result<Box<dyn Sockets>> {
    #[cfg(target_os = "linux")]
    return Ok(Box::new(linux::Netlink::open()?));
    #[cfg(not(target_os = "linux"))]
    return Ok(Box::new(portable::Listed));
}

/// The processes that hold a listening socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holders {
    /// The oldest one, which has handed it on: the server.
    pub process: Process,
    /// All others.
    pub others: Vec<Process>,
    /// What runs them.
    pub programs: Vec<String>,
}

/// The processes of this machine that listen at one of these loopback addresses, as far as they may be seen. Reads much of
/// `/proc`, so it is asked when something has changed, and for one backend after the other: after a start of the host all
/// ask at once, and each walk finds what the next ones look for.
pub async fn holders(addresses: Vec<SocketAddr>) -> Option<Holders> {
    static ONE_AT_A_TIME: Semaphore = Semaphore::const_new(1);
    let turn = ONE_AT_A_TIME.acquire().await.ok()?;
    let looking = spawn_blocking(move || {
        let _until_the_end_even_if_nobody_waits = turn;
        addresses.into_iter().find_map(|address| Holders::of(programs_at(address)))
    });
    looking.await.ok().flatten()
}

/// Why what answers at a place may not be the user's: another user of this machine runs it. It costs one question to the
/// kernel, so it is asked each time before a service that nobody named gets a secret.
pub async fn doubt_about(place: &Endpoint) -> Option<String> {
    static FEW_AT_A_TIME: Semaphore = Semaphore::const_new(4);
    let addresses = place.loopback_addresses();
    if addresses.is_empty() {
        return None;
    }
    let _turn = FEW_AT_A_TIME.acquire().await.ok()?;
    let user = spawn_blocking(move || addresses.into_iter().find_map(user_at)).await.ok().flatten()?;
    Some(format!("{} is served by another user of this machine (number {user})", place.subject()))
}

#[cfg(target_os = "linux")]
fn user_at(address: SocketAddr) -> Option<u32> {
    linux::other_user(address)
}

/// Not known on this system.
#[cfg(not(target_os = "linux"))]
fn user_at(_address: SocketAddr) -> Option<u32> {
    None
}

impl Holders {
    /// The oldest one comes first.
    fn of(programs: Vec<Program>) -> Option<Self> {
        let mut processes = programs.iter().filter_map(|program| Process::of(program.pid));
        let process = processes.next()?;
        let others = processes.collect();
        Some(Self { process, others, programs: programs.into_iter().map(|program| program.words).collect() })
    }
}

#[cfg(target_os = "linux")]
fn programs_at(address: SocketAddr) -> Vec<Program> {
    linux::programs_at(address)
}

/// Not known on this system.
#[cfg(not(target_os = "linux"))]
fn programs_at(_address: SocketAddr) -> Vec<Program> {
    vec![]
}

/// The way that works everywhere, to compare with.
#[cfg(all(test, target_os = "linux"))]
pub(super) fn portable() -> Box<dyn Sockets> {
    Box::new(portable::Listed)
}

#[cfg(test)]
mod tests;
