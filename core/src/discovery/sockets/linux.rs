//! The kernel is asked over netlink for nothing but listening sockets, which costs some 40 µs and tells their owners.

use super::{Listening, Owner, Program, Sockets, holders};
use crate::process;
use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::{
    SockDiagMessage,
    constants::{AF_INET, AF_INET6, IPPROTO_TCP},
    inet::{ExtensionFlags, InetRequest, SocketId, StateFlags},
};
use netlink_sys::{Socket, SocketAddr as NetlinkAddr, protocols::NETLINK_SOCK_DIAG};
use std::{
    collections::{BTreeSet, HashMap},
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Mutex, PoisonError},
};

/// Room for one part of an answer, in bytes. The kernel writes 32 KiB at the most.
const ROOM: usize = 64 * 1024;
/// More listening sockets than a machine has; a listing never becomes longer.
const MAX_SOCKETS: usize = 20_000;

pub(super) struct Netlink {
    socket: Socket,
    buffer: Vec<u8>,
    us: u32,
}

impl Netlink {
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
        socket.bind_auto()?;
        socket.connect(&NetlinkAddr::new(0, 0))?;
        Ok(Self { socket, buffer: Vec::with_capacity(ROOM), us: rustix::process::geteuid().as_raw() })
    }

    fn dump(&mut self, family: u8, found: &mut Vec<Listening>) -> io::Result<()> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        let request = InetRequest {
            family,
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states: StateFlags::LISTEN,
            socket_id: if family == AF_INET { SocketId::new_v4() } else { SocketId::new_v6() },
        };
        let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;
        loop {
            self.buffer.clear();
            let len = self.socket.recv(&mut self.buffer, 0)?;
            if self.take(len, found)? {
                return Ok(());
            }
        }
    }

    /// Reads one part of the answer. True when it was the last.
    fn take(&self, len: usize, found: &mut Vec<Listening>) -> io::Result<bool> {
        let mut rest = self.buffer.get(..len).unwrap_or_default();
        while !rest.is_empty() {
            let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest).map_err(io::Error::other)?;
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(true),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(socket)) => {
                    let facts = &socket.header;
                    if found.len() < MAX_SOCKETS {
                        found.push(Listening {
                            address: SocketAddr::new(
                                plain(facts.socket_id.source_address),
                                facts.socket_id.source_port,
                            ),
                            owner: if facts.uid == self.us { Owner::Us } else { Owner::Other(facts.uid) },
                            number: facts.inode.into(),
                        });
                    }
                }
                _ => {}
            }
            let step = usize::try_from(message.header.length).unwrap_or(usize::MAX).next_multiple_of(4);
            rest = rest.get(step..).unwrap_or_default();
        }
        Ok(false)
    }
}

impl Sockets for Netlink {
    fn list(&mut self) -> io::Result<Vec<Listening>> {
        let mut found = Vec::new();
        let listed = self.dump(AF_INET, &mut found).and_then(|()| self.dump(AF_INET6, &mut found));
        if listed.is_err() {
            // What is left of the answer would be taken for the next one.
            *self = Self::open()?;
        }
        listed.map(|()| found)
    }

    fn programs(&mut self, of: &[Listening]) -> Vec<(u64, Program)> {
        let found = holders::first_of(&of.iter().map(|socket| socket.number).collect());
        let mut programs: HashMap<u32, Program> = HashMap::new();
        let mut program = |pid| programs.entry(pid).or_insert_with(|| program(pid)).clone();
        found.into_iter().map(|(number, pid)| (number, program(pid))).collect()
    }
}

/// What the last walk has found, for those who ask about the next of several services.
static HOLDERS: Mutex<Option<HashMap<u64, Vec<u32>>>> = Mutex::new(None);

/// What listens at an address, or at all addresses with its port; the oldest process comes first.
pub(super) fn programs_at(address: SocketAddr) -> Vec<Program> {
    holders_at(address).unwrap_or_default().into_iter().map(program).collect()
}

/// Several processes may listen there, each with a socket of its own, and share the connections.
fn holders_at(address: SocketAddr) -> Option<Vec<u32>> {
    let all = Netlink::open().and_then(|mut netlink| netlink.list()).ok()?;
    let answering: Vec<u64> = answering(&all, address).into_iter().map(|socket| socket.number).collect();
    let mut holders = HOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    let is_true = |known: &HashMap<u64, Vec<u32>>, number| {
        known.get(number).is_some_and(|pids| pids.iter().all(|&pid| holders::has(pid, *number)))
    };
    let known = holders.take().filter(|known| answering.iter().all(|number| is_true(known, number)));
    let known = known.unwrap_or_else(|| holders::all_of(&all.iter().map(|socket| socket.number).collect()));
    let of_all = answering.iter().filter_map(|number| known.get(number)).flatten().copied();
    let found: BTreeSet<u32> = of_all.collect();
    *holders = Some(known);
    (!found.is_empty()).then(|| found.into_iter().collect())
}

fn program(pid: u32) -> Program {
    Program { pid, words: command_line(pid) }
}

/// The user who answers at an address, unless it is the one who runs this host.
pub(super) fn other_user(address: SocketAddr) -> Option<u32> {
    let all = Netlink::open().and_then(|mut netlink| netlink.list()).ok()?;
    answering(&all, address).into_iter().find_map(|socket| match socket.owner {
        Owner::Other(user) => Some(user),
        Owner::Us => None,
    })
}

/// The sockets that take connections to an address: those of this very one, else those of all addresses with its port.
fn answering(all: &[Listening], address: SocketAddr) -> Vec<&Listening> {
    let of = |wanted: &dyn Fn(&Listening) -> bool| Vec::from_iter(all.iter().filter(|socket| wanted(socket)));
    let exact = of(&|socket| socket.address == address);
    if !exact.is_empty() {
        return exact;
    }
    of(&|socket| socket.address.port() == address.port() && socket.address.ip().is_unspecified())
}

/// The folder counts as well: `python main.py` says little, and where it was started says more.
fn command_line(pid: u32) -> String {
    let folder = fs::read_link(format!("/proc/{pid}/cwd")).map(|path| path.display().to_string()).unwrap_or_default();
    let mut words = vec![folder];
    words.extend(process::command_line(pid));
    words.join(" ")
}

/// IPv4 in IPv6 clothes is IPv4; everything in IPv6 is everything.
fn plain(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::UNSPECIFIED.into(),
        ip => ip,
    }
}
