//! A stream of messages (`text/event-stream`), as every generation since 4.0 sends them.

use crate::message::Message;
use mdd_driver_api::{
    DriverError, ErrorKind, Host, Request, Result,
    text::{ServerEvents, printable, sse},
};
use std::time::Duration;

/// A longer message is an attack, or somebody who puts pictures into a web page.
const LONGEST_MESSAGE: usize = 8 << 20;
/// Until it begins: the server looks at nothing before that.
const HEAD: Duration = Duration::from_secs(15);
/// What is read of an answer that is no stream, in bytes.
const LONGEST_REFUSAL: usize = 4096;

/// An open stream. Dropping it closes it.
pub struct Line(ServerEvents);

impl Line {
    /// Opens a stream. It has no deadline: as long as the connection stands, waiting is worth more than any guess.
    ///
    /// # Errors
    /// Those of the network, and `PROTOCOL` for an answer that is no stream.
    pub(crate) async fn open(host: &Host, target: &str) -> Result<Self> {
        let request = Request::get(target).header("accept", "text/event-stream").head_within(HEAD);
        let mut stream = host.stream(request.idle_within(Duration::MAX).without_deadline()).await?;
        let media_type = printable(stream.header("content-type").unwrap_or("nothing"), 60);
        if stream.status == 200 && media_type.starts_with("text/event-stream") {
            return Ok(Self(sse(stream, LONGEST_MESSAGE)));
        }
        let mut said = Vec::new();
        while said.len() < LONGEST_REFUSAL
            && let Ok(Some(piece)) = stream.next().await
        {
            said.extend_from_slice(&piece);
        }
        said.truncate(LONGEST_REFUSAL);
        let said = printable(&String::from_utf8_lossy(&said), 80);
        let text = format!("it answered HTTP {} with {media_type} in place of a stream: {said}", stream.status);
        let kind = if stream.status == 401 { ErrorKind::AUTH } else { ErrorKind::PROTOCOL };
        Err(DriverError::new(kind, text).with_status(stream.status))
    }

    /// The next message, `None` at the end of the stream. Dropping the future loses none.
    ///
    /// # Errors
    /// `TRANSPORT` for a stream that was cut, `PROTOCOL` for what is no message, `LIMIT` for one that is too long.
    pub async fn next(&mut self) -> Result<Option<Message>> {
        match self.0.next().await? {
            Some(event) => Message::read(&event.data).map(Some),
            None => Ok(None),
        }
    }
}
