//! What a service says of itself by mDNS, byte by byte, so that it may also be what no responder would say.

use std::net::{Ipv4Addr, UdpSocket};

/// Where all of it is said.
const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), 5353);

/// A service as it is announced.
pub struct Announcement {
    /// Its type, such as `_http._tcp`.
    pub kind: &'static str,
    /// Its name.
    pub name: Vec<u8>,
    /// Where it is.
    pub address: Ipv4Addr,
    /// There.
    pub port: u16,
    /// What else it says.
    pub text: Vec<u8>,
    /// For how many seconds it is true.
    pub ttl: u32,
}

impl Announcement {
    /// A service like others.
    pub fn of(kind: &'static str, name: &[u8], address: Ipv4Addr, port: u16) -> Self {
        Self { kind, name: name.to_vec(), address, port, text: vec![0], ttl: 120 }
    }

    /// PTR, SRV, TXT and A.
    fn records(&self) -> Vec<u8> {
        let kind: Vec<&[u8]> = self.kind.split('.').chain(["local"]).map(str::as_bytes).collect();
        let kind = labels(&kind);
        let length = |bytes: &[u8]| u8::try_from(bytes.len()).expect("a label is short");
        let instance = [vec![length(&self.name)], self.name.clone(), kind.clone()].concat();
        let host = labels(&[&self.name[..self.name.len().min(20)], b"local"]);
        let record = |name: &[u8], kind: u16, data: &[u8]| {
            let length = u16::try_from(data.len()).expect("a record is short");
            [name, &kind.to_be_bytes(), &[0, 1], &self.ttl.to_be_bytes(), &length.to_be_bytes(), data].concat()
        };
        let target = [&[0; 4], self.port.to_be_bytes().as_slice(), &host].concat();
        [
            record(&kind, 12, &instance),
            record(&instance, 33, &target),
            record(&instance, 16, &self.text),
            record(&host, 1, &self.address.octets()),
        ]
        .concat()
    }

    /// Says them in one message, in the network that the socket belongs to. What is too long for it was not said.
    ///
    /// # Panics
    /// When there are too many.
    pub fn say(socket: &UdpSocket, all: &[Self]) {
        let count = u16::try_from(4 * all.len()).expect("a message has fewer records").to_be_bytes();
        let head = [0, 0, 0x84, 0, 0, 0, count[0], count[1], 0, 0, 0, 0];
        let message: Vec<u8> = head.into_iter().chain(all.iter().flat_map(Self::records)).collect();
        let _said = socket.send_to(&message, GROUP);
    }
}

fn labels(words: &[&[u8]]) -> Vec<u8> {
    let label = |word: &&[u8]| [&[u8::try_from(word.len()).expect("a label is short")], *word].concat();
    words.iter().flat_map(label).chain([0]).collect()
}
