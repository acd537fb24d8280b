//! Server-sent events, bounded (WHATWG HTML, "server-sent events").

use super::lines::Splitter;
use crate::{DriverError, ErrorKind, Result, Stream};

/// Splits a stream into events of at most `max` bytes.
pub fn sse(stream: Stream, max: usize) -> ServerEvents {
    ServerEvents { stream, decoder: Decoder::new(max) }
}

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerEvent {
    /// The type; empty for the default one, `message`.
    pub event: String,
    /// The data lines, joined by `\n`.
    pub data: String,
    /// The id, where one was sent.
    pub id: String,
}

/// The events of a stream.
pub struct ServerEvents {
    stream: Stream,
    decoder: Decoder,
}

impl ServerEvents {
    /// The next event, `None` when the body is complete. What follows the last blank line is no event.
    ///
    /// # Errors
    /// `LIMIT` for an event that is too long, `PROTOCOL` for one that is no UTF-8, and those of the stream.
    pub async fn next(&mut self) -> Result<Option<ServerEvent>> {
        loop {
            if let Some(event) = self.decoder.event()? {
                return Ok(Some(event));
            }
            match self.stream.next().await? {
                Some(piece) => self.decoder.push(&piece),
                None => return Ok(None),
            }
        }
    }
}

/// The pure part: bytes in, events out.
struct Decoder {
    max: usize,
    splitter: Splitter,
    event: ServerEvent,
    has_data: bool,
}

impl Decoder {
    fn new(max: usize) -> Self {
        Self { max, splitter: Splitter::new(max), event: ServerEvent::default(), has_data: false }
    }

    fn push(&mut self, piece: &[u8]) {
        self.splitter.push(piece);
    }

    fn event(&mut self) -> Result<Option<ServerEvent>> {
        while let Some(line) = self.splitter.line()? {
            if line.is_empty() {
                let event = std::mem::take(&mut self.event);
                if std::mem::take(&mut self.has_data) {
                    return Ok(Some(event));
                }
                continue;
            }
            self.field(&line)?;
        }
        Ok(None)
    }

    fn field(&mut self, line: &str) -> Result<()> {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                if self.event.data.len() + value.len() > self.max {
                    let text = format!("an event of the answer is longer than {} bytes", self.max);
                    return Err(DriverError::new(ErrorKind::LIMIT, text));
                }
                self.event.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.event.event),
            "id" => value.clone_into(&mut self.event.id),
            // Comments (an empty name), `retry` and what nobody has defined yet.
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Decoder, ServerEvent};

    fn decode(pieces: &[&str]) -> Vec<ServerEvent> {
        let mut decoder = Decoder::new(1000);
        let mut events = Vec::new();
        for piece in pieces {
            decoder.push(piece.as_bytes());
            while let Some(event) = decoder.event().unwrap() {
                events.push(event);
            }
        }
        events
    }

    #[test]
    fn events_may_be_cut_anywhere() {
        let events = decode(&[
            "event: pro",
            "gress\ndata: {\"a\":",
            "1}\n",
            "\n: comment\n\ndata\n\nid: 7\ndata:x\ndata: y\n\n",
        ]);
        assert_eq!(events.len(), 3);
        assert_eq!((events[0].event.as_str(), events[0].data.as_str()), ("progress", "{\"a\":1}"));
        assert_eq!(events[1].data, "");
        assert_eq!((events[2].id.as_str(), events[2].data.as_str()), ("7", "x\ny"));
    }

    #[test]
    fn what_follows_the_last_blank_line_is_no_event() {
        assert_eq!(decode(&["data: whole\n\ndata: cut"]).len(), 1);
    }

    #[test]
    fn an_event_of_many_lines_is_bounded() {
        let mut decoder = Decoder::new(10);
        decoder.push(b"data: 12345\ndata: 6789012\n\n");
        assert!(decoder.event().is_err());
    }
}
