//! Sees which ports of this machine begin and cease to be listened at, on a thread of its own.

use super::sockets::{Listening, Owner, Program, Sockets};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    io,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};
use tokio::sync::mpsc;

/// Between two looks; on Linux one costs some 40 µs.
const LOOK_EVERY: Duration =
    if cfg!(target_os = "linux") { Duration::from_millis(250) } else { Duration::from_secs(2) };
/// Changes that may wait to be read.
const KEPT: usize = 16;

/// What listens at one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Whose it is; another user's when one of its sockets is.
    pub owner: Owner,
    /// What runs the processes of ours that hold it.
    pub programs: Vec<String>,
    /// Other ports of these processes.
    pub also: BTreeSet<u16>,
    /// Its IPv4 and its IPv6 address belong to different processes.
    pub apart: bool,
}

impl Default for Port {
    fn default() -> Self {
        Self { owner: Owner::Us, programs: Vec::new(), also: BTreeSet::new(), apart: false }
    }
}

/// The ports that can be reached at a loopback address, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// All of them.
    pub ports: BTreeMap<u16, Port>,
    /// Those with a socket that was not there before.
    pub fresh: BTreeSet<u16>,
}

/// Ends the thread when it is dropped.
pub struct Watcher {
    seen: mpsc::Receiver<Seen>,
    _end: Sender<()>,
}

impl Watcher {
    /// Begins to look. The first news comes at once.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start(sockets: Box<dyn Sockets>) -> io::Result<Self> {
        let (sender, seen) = mpsc::channel(KEPT);
        let (end, ended) = channel();
        thread::Builder::new().name("sockets".to_owned()).spawn(move || look(sockets, &sender, &ended))?;
        Ok(Self { seen, _end: end })
    }

    /// The next change; `None` when the system tells nothing any more.
    pub async fn next(&mut self) -> Option<Seen> {
        self.seen.recv().await
    }
}

fn look(mut sockets: Box<dyn Sockets>, news: &mpsc::Sender<Seen>, ended: &Receiver<()>) {
    let mut memory = Memory::default();
    let mut first = true;
    loop {
        match sockets.list() {
            Ok(listed) => {
                let told = memory.take(listed, sockets.as_mut());
                if let Some(seen) = told.or_else(|| first.then(Seen::default))
                    && news.blocking_send(seen).is_err()
                {
                    return;
                }
                first = false;
            }
            Err(error) => {
                tracing::warn!(%error, "the listening sockets of this machine cannot be listed");
                return;
            }
        }
        match ended.recv_timeout(LOOK_EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// What was seen at the last look.
#[derive(Default)]
struct Memory {
    sockets: HashSet<Listening>,
    /// By the numbers of their sockets: finding a program costs some milliseconds, and it never changes.
    programs: HashMap<u64, Program>,
}

impl Memory {
    /// Takes in a listing; `None` when nothing is new.
    fn take(&mut self, listed: Vec<Listening>, sockets: &mut dyn Sockets) -> Option<Seen> {
        let here: HashSet<Listening> = listed.into_iter().filter(Listening::is_here).collect();
        if here == self.sockets {
            return None;
        }
        let is_new = |socket: &&Listening| !self.sockets.contains(*socket);
        let fresh: BTreeSet<u16> = here.iter().filter(is_new).map(|socket| socket.address.port()).collect();
        self.programs.retain(|number, _| here.iter().any(|socket| socket.number == *number));
        let unknown: Vec<Listening> = here
            .iter()
            .filter(|socket| socket.owner == Owner::Us && !self.programs.contains_key(&socket.number))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            self.programs.extend(sockets.programs(&unknown));
        }
        let ports = self.ports(&here);
        self.sockets = here;
        Some(Seen { ports, fresh })
    }

    /// The sockets by port, with what is known of their processes.
    fn ports(&self, here: &HashSet<Listening>) -> BTreeMap<u16, Port> {
        let mut ports: BTreeMap<u16, Port> = BTreeMap::new();
        // By port, over IPv4 and over IPv6; and the other way round.
        let mut holders: BTreeMap<u16, [BTreeSet<u32>; 2]> = BTreeMap::new();
        let mut held: HashMap<u32, BTreeSet<u16>> = HashMap::new();
        for socket in here {
            let number = socket.address.port();
            let port = ports.entry(number).or_default();
            if socket.owner != Owner::Us {
                port.owner = socket.owner;
            }
            if let Some(Program { pid, words }) = self.programs.get(&socket.number) {
                port.programs.push(words.clone());
                holders.entry(number).or_default()[usize::from(socket.address.is_ipv6())].insert(*pid);
                held.entry(*pid).or_default().insert(number);
            }
        }
        for (number, [four, six]) in &holders {
            let port = ports.entry(*number).or_default();
            let theirs = four.union(six).filter_map(|pid| held.get(pid)).flatten();
            port.also = theirs.copied().filter(|other| other != number).collect();
            port.apart = !four.is_empty() && !six.is_empty() && four.is_disjoint(six);
        }
        ports
    }
}

#[cfg(test)]
mod tests {
    use super::{Memory, Watcher};
    use crate::discovery::sockets::{Listening, Owner, Program, Sockets};
    use std::{collections::VecDeque, io};

    /// Listings that a test has made up, one after the other.
    struct Script {
        listings: VecDeque<Vec<Listening>>,
        asked: usize,
    }

    impl Sockets for Script {
        fn list(&mut self) -> io::Result<Vec<Listening>> {
            self.listings.pop_front().ok_or_else(|| io::Error::other("the script is over"))
        }

        /// Sockets of the same ten are of one process.
        fn programs(&mut self, of: &[Listening]) -> Vec<(u64, Program)> {
            self.asked += of.len();
            let program = |number: u64| Program { pid: (number / 10) as u32, words: format!("program {number}") };
            of.iter().map(|socket| (socket.number, program(socket.number))).collect()
        }
    }

    fn at(address: &str, owner: Owner, number: u64) -> Listening {
        Listening { address: address.parse().unwrap(), owner, number }
    }

    #[test]
    fn a_port_is_fresh_whenever_it_has_a_new_socket_and_programs_are_looked_for_once() {
        let mut script = Script { listings: VecDeque::new(), asked: 0 };
        let mut memory = Memory::default();
        let web = at("127.0.0.1:80", Owner::Us, 1);
        let docker = at("0.0.0.0:81", Owner::Other(0), 2);
        let elsewhere = at("192.0.2.1:82", Owner::Us, 3);
        let seen = memory.take(vec![web.clone(), docker.clone(), elsewhere], &mut script).unwrap();
        assert_eq!(seen.fresh.into_iter().collect::<Vec<_>>(), [80, 81]);
        assert_eq!((seen.ports[&80].owner, seen.ports[&81].owner), (Owner::Us, Owner::Other(0)));
        assert_eq!(seen.ports[&80].programs, ["program 1"]);
        assert!(seen.ports[&81].programs.is_empty());
        assert_eq!(memory.take(vec![docker.clone(), web.clone()], &mut script), None);
        // The same address with another socket: it was started again between two looks.
        let seen = memory.take(vec![at("127.0.0.1:80", Owner::Us, 9), docker], &mut script).unwrap();
        assert_eq!(seen.fresh.into_iter().collect::<Vec<_>>(), [80]);
        let seen = memory.take(vec![], &mut script).unwrap();
        assert!(seen.fresh.is_empty() && seen.ports.is_empty());
        assert_eq!(script.asked, 2);
    }

    #[test]
    fn ports_of_one_process_are_told_and_families_of_two() {
        let mut script = Script { listings: VecDeque::new(), asked: 0 };
        let listed = vec![
            at("127.0.0.1:80", Owner::Us, 1),
            at("[::1]:80", Owner::Us, 2),
            at("0.0.0.0:81", Owner::Us, 3),
            at("[::1]:81", Owner::Us, 11),
            at("[::]:82", Owner::Us, 12),
        ];
        let seen = Memory::default().take(listed, &mut script).unwrap().ports;
        assert_eq!([80, 81, 82].map(|port| seen[&port].apart), [false, true, false]);
        let also = |port: u16| seen[&port].also.iter().copied().collect::<Vec<_>>();
        assert_eq!([also(80), also(81), also(82)], [vec![81], vec![80, 82], vec![81]]);
    }

    #[tokio::test]
    async fn a_system_that_tells_nothing_ends_the_news() {
        let listings = VecDeque::from([vec![]]);
        let mut watcher = Watcher::start(Box::new(Script { listings, asked: 0 })).unwrap();
        assert!(watcher.next().await.is_some(), "the first look is told also when there is nothing");
        assert_eq!(watcher.next().await, None);
    }
}
