//! A stream of lines, bounded.

use crate::{DriverError, ErrorKind, Result, Stream};

/// Splits a stream into lines of at most `max` bytes.
pub fn lines(stream: Stream, max: usize) -> Lines {
    Lines { stream, splitter: Splitter::new(max), ended: false }
}

/// The lines of a stream.
pub struct Lines {
    stream: Stream,
    splitter: Splitter,
    ended: bool,
}

impl Lines {
    /// The next line without its end, `None` when the body is complete. A last line without an end counts.
    ///
    /// # Errors
    /// `LIMIT` for a line that is too long, `PROTOCOL` for one that is no UTF-8, and those of the stream.
    pub async fn next(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(line) = self.splitter.line()? {
                return Ok(Some(line));
            }
            if self.ended {
                return self.splitter.rest();
            }
            match self.stream.next().await? {
                Some(piece) => self.splitter.push(&piece),
                None => self.ended = true,
            }
        }
    }
}

/// The pure part: bytes in, lines out.
pub(super) struct Splitter {
    max: usize,
    buffer: Vec<u8>,
    /// Up to here `buffer` is known to hold no line end.
    searched: usize,
}

impl Splitter {
    pub(super) fn new(max: usize) -> Self {
        Self { max, buffer: Vec::new(), searched: 0 }
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// A complete line, without `\n` or `\r\n`.
    pub(super) fn line(&mut self) -> Result<Option<String>> {
        let Some(found) = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n') else {
            self.searched = self.buffer.len();
            return if self.buffer.len() > self.max { Err(self.too_long()) } else { Ok(None) };
        };
        let end = self.searched + found;
        if end > self.max {
            return Err(self.too_long());
        }
        let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
        self.searched = 0;
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        text(line).map(Some)
    }

    /// What is left at the end of the stream.
    pub(super) fn rest(&mut self) -> Result<Option<String>> {
        let rest = std::mem::take(&mut self.buffer);
        self.searched = 0;
        if rest.is_empty() { Ok(None) } else { text(rest).map(Some) }
    }

    fn too_long(&self) -> DriverError {
        DriverError::new(ErrorKind::LIMIT, format!("a line of the answer is longer than {} bytes", self.max))
    }
}

fn text(line: Vec<u8>) -> Result<String> {
    String::from_utf8(line).map_err(|_| DriverError::new(ErrorKind::PROTOCOL, "a line of the answer is no UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::Splitter;

    #[test]
    fn lines_may_be_cut_anywhere() {
        let mut splitter = Splitter::new(100);
        let mut seen = Vec::new();
        for piece in [&b"al"[..], b"pha\r", b"\nbe", b"ta\n\nrest"] {
            splitter.push(piece);
            while let Some(line) = splitter.line().unwrap() {
                seen.push(line);
            }
        }
        assert_eq!(seen, ["alpha", "beta", ""]);
        assert_eq!(splitter.rest().unwrap().as_deref(), Some("rest"));
    }

    #[test]
    fn an_endless_line_is_refused_before_it_is_kept() {
        let mut splitter = Splitter::new(8);
        splitter.push(b"123456789");
        assert!(splitter.line().is_err());
    }

    #[test]
    fn a_line_must_be_text() {
        let mut splitter = Splitter::new(8);
        splitter.push(b"\xff\n");
        assert!(splitter.line().is_err());
    }
}
