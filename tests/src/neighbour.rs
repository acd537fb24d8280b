//! Another machine of the network that a test has for itself: a namespace of its own at the other end of a cable.

use std::{
    fs::{self, File},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    os::fd::AsFd as _,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, task::JoinSet};

/// Where the test is in this network.
pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 77, 1));
/// Where the other machine is.
pub const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 77, 2));

/// Its card, which this machine knows for good: asking who has the address would tell that nobody has.
const CARD: &str = "02:00:00:00:77:02";

/// The other machine; it goes with this.
pub struct Neighbour {
    keeper: Child,
    namespace: File,
}

impl Neighbour {
    /// Joins the network of a test that runs [`in_own_network`](crate::in_own_network).
    ///
    /// # Panics
    /// When this system cannot make namespaces.
    pub fn join() -> Self {
        let mut command = Command::new("unshare");
        command.args(["--net", "sleep", "infinity"]).stdin(Stdio::null());
        let keeper = command.spawn().expect("unshare runs");
        let path = format!("/proc/{}/ns/net", keeper.id());
        let ours = fs::read_link("/proc/self/ns/net").expect("a process has a network");
        let deadline = Instant::now() + Duration::from_secs(30);
        while fs::read_link(&path).is_ok_and(|theirs| theirs == ours) {
            assert!(Instant::now() < deadline, "unshare makes no network");
            std::thread::yield_now();
        }
        let namespace = File::open(&path).expect("the network of a child can be opened");
        let neighbour = Self { keeper, namespace };
        let id = neighbour.keeper.id();
        ip(&format!("link add near type veth peer name far address {CARD} netns {id}"));
        ip(&format!("addr add {HERE}/24 dev near"));
        ip("link set near up");
        ip(&format!("neigh add {THERE} lladdr {CARD} dev near nud permanent"));
        neighbour.ip("link set lo up");
        neighbour.appear();
        neighbour.ip("link set far up");
        neighbour
    }

    /// Listens there.
    ///
    /// # Panics
    /// When the port is taken.
    pub fn listen(&self, port: u16) -> TcpListener {
        let listener = self.there(|| TcpListener::bind(SocketAddr::new(THERE, port)));
        listener.expect("a port of the other machine is free")
    }

    /// Makes something there: a socket belongs to the network in which it was made, whoever uses it.
    ///
    /// # Panics
    /// When that does.
    pub fn there<T: Send>(&self, make: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let making = scope.spawn(|| {
                rustix::thread::move_into_link_name_space(
                    self.namespace.as_fd(),
                    Some(rustix::thread::LinkNameSpaceType::Network),
                )
                .expect("a thread can go there");
                make()
            });
            making.join().expect("it does not panic")
        })
    }

    /// A program there.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.keeper.id())).arg(program);
        command
    }

    /// From now on it says nothing more, as a machine that was unplugged: no end of a connection, and no refusal.
    pub fn vanish(&self) {
        self.ip(&format!("addr del {THERE}/24 dev far"));
    }

    /// It has its address, again.
    pub fn appear(&self) {
        self.ip(&format!("addr add {THERE}/24 dev far"));
    }

    fn ip(&self, words: &str) {
        let mut command = self.command("ip");
        let status = command.args(words.split(' ')).status().expect("nsenter runs");
        assert!(status.success(), "ip {words} over there");
    }
}

fn ip(words: &str) {
    let status = Command::new("ip").args(words.split(' ')).status().expect("ip runs");
    assert!(status.success(), "ip {words}");
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ended_already = self.keeper.kill();
        let _reaped_already = self.keeper.wait();
    }
}

/// Passes every connection on to a service.
///
/// # Panics
/// Outside of a runtime.
pub fn pass_on(listener: TcpListener, url: &str) -> JoinSet<()> {
    listener.set_nonblocking(true).expect("a socket can be set so");
    let listener = tokio::net::TcpListener::from_std(listener).expect("there is a runtime");
    let to = url.trim_start_matches("http://").to_owned();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut passing = JoinSet::new();
        while let Ok((mut from, _)) = listener.accept().await {
            let to = to.clone();
            passing.spawn(async move {
                let mut to = TcpStream::connect(to).await?;
                tokio::io::copy_bidirectional(&mut from, &mut to).await
            });
        }
    });
    task
}
