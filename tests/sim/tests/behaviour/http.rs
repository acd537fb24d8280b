//! A small HTTP client that hides nothing: every byte and every header as it came.

use std::{io, net::SocketAddr};

use mdd_sim::Sim;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::soon;

/// One connection, used for one request after another.
pub(crate) struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
    /// Whether the answer to the last request has no body, whatever its headers say.
    is_head: bool,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names as sent.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }
}

impl Connection {
    pub(crate) async fn open(addr: SocketAddr) -> io::Result<Self> {
        Ok(Self { stream: TcpStream::connect(addr).await?, unread: Vec::new(), is_head: false })
    }

    /// Sends a request; `Host` and `Content-Length` are added.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<()> {
        self.is_head = method == "HEAD";
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: {}\r\n", self.stream.peer_addr()?));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        self.stream.write_all(&[head.as_bytes(), body].concat()).await
    }

    /// Reads an answer; `UnexpectedEof` if the connection ends before it does.
    pub(crate) async fn receive(&mut self) -> io::Result<Response> {
        let head = String::from_utf8_lossy(&self.until(b"\r\n\r\n").await?).into_owned();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        let headers =
            lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        let mut response = Response { status, headers, body: Vec::new() };
        let length = response.header("content-length").and_then(|length| length.parse::<usize>().ok());
        response.body = match (length, response.header("transfer-encoding")) {
            _ if self.is_head => Vec::new(),
            (_, Some("chunked")) => self.chunks().await?,
            (Some(length), _) => self.exactly(length).await?,
            (None, _) => Vec::new(),
        };
        Ok(response)
    }

    async fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.until(b"\r\n").await?;
            let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16);
            let size = size.map_err(|_| io::ErrorKind::InvalidData)?;
            let chunk = self.exactly(size + 2).await?;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return Ok(body);
            }
        }
    }

    /// Reads up to and including a mark.
    async fn until(&mut self, mark: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.unread.windows(mark.len()).position(|window| window == mark) {
                return Ok(self.unread.drain(..at + mark.len()).collect());
            }
            self.more().await?;
        }
    }

    pub(crate) async fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < length {
            self.more().await?;
        }
        Ok(self.unread.drain(..length).collect())
    }

    /// Reads whatever comes next.
    pub(crate) async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.unread).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// What was read and not used.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.unread
    }
}

/// One request on a connection of its own, with nothing said about keeping it.
pub(crate) async fn request(sim: &Sim, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    try_request(sim, method, path, headers, body).await.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
}

pub(crate) async fn try_request(
    sim: &Sim,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    soon(path, async {
        let mut connection = Connection::open(sim.addr()).await?;
        connection.send(method, path, headers, body).await?;
        connection.receive().await
    })
    .await
}

pub(crate) async fn get(sim: &Sim, path: &str) -> Response {
    request(sim, "GET", path, &[], b"").await
}

pub(crate) async fn post(sim: &Sim, path: &str, body: &Value) -> Response {
    post_text(sim, path, &body.to_string()).await
}

pub(crate) async fn post_text(sim: &Sim, path: &str, body: &str) -> Response {
    request(sim, "POST", path, &[("Content-Type", "application/json")], body.as_bytes()).await
}
