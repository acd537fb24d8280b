//! Lines from somebody who may send anything: without end, without line ends, without UTF-8.

use std::io::{self, BufRead as _};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// No request is longer, in bytes. Files of jobs are named by path, so payloads are the largest thing that comes.
pub const MAX_LINE: usize = 8 << 20;

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A line without its end.
    Whole(Vec<u8>),
    /// A line that was longer than allowed; it was read and dropped.
    TooLong,
}

/// Reads lines. What was read of a line stays in here when the future is dropped.
#[derive(Debug)]
pub struct LineReader<R> {
    reader: R,
    max: usize,
    line: Vec<u8>,
    dropping: bool,
}

impl<R: AsyncBufRead + Unpin> LineReader<R> {
    /// Lines of at most `max` bytes.
    pub fn new(reader: R, max: usize) -> Self {
        Self { reader, max, line: Vec::new(), dropping: false }
    }

    /// The next line; `None` at the end. Half a line before the end is none.
    ///
    /// # Errors
    /// Those of the reader.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let piece = self.reader.fill_buf().await?;
            if piece.is_empty() {
                return Ok(None);
            }
            let used = (&mut &*piece).skip_until(b'\n')?;
            let ends = piece[used - 1] == b'\n';
            let taken = &piece[..used - usize::from(ends)];
            if !self.dropping {
                if self.line.len() + taken.len() > self.max {
                    self.dropping = true;
                    self.line = Vec::new();
                } else {
                    self.line.extend_from_slice(taken);
                }
            }
            self.reader.consume(used);
            if ends {
                return Ok(Some(self.finish()));
            }
        }
    }

    fn finish(&mut self) -> Line {
        if std::mem::take(&mut self.dropping) {
            return Line::TooLong;
        }
        let mut line = std::mem::take(&mut self.line);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Line::Whole(line)
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, LineReader};
    use tokio::io::BufReader;

    async fn lines(bytes: &[u8], max: usize) -> Vec<Line> {
        let mut reader = LineReader::new(BufReader::with_capacity(3, bytes), max);
        let mut lines = Vec::new();
        while let Some(line) = reader.next().await.unwrap() {
            lines.push(line);
        }
        lines
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_costs_only_itself() {
        let whole = |text: &str| Line::Whole(text.into());
        let seen = lines(b"one\r\n\nabcdefghijklmnop\ntwo\nhalf", 8).await;
        assert_eq!(seen, [whole("one"), whole(""), Line::TooLong, whole("two")]);
    }

    #[tokio::test]
    async fn a_line_of_just_the_allowed_length_is_whole() {
        assert_eq!(lines(b"12345678\n", 8).await, [Line::Whole(b"12345678".to_vec())]);
        assert_eq!(lines(b"123456789\n", 8).await, [Line::TooLong]);
    }
}
