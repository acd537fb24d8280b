//! Bodies that are read piece by piece.

use crate::{
    Result,
    abi::{BodyStreamBox, Header, HttpStream, RVec},
    request::field,
};

/// An answer whose body is still coming. Dropping it ends the request.
pub struct Stream {
    /// The status, known before the body.
    pub status: u16,
    headers: RVec<Header>,
    body: BodyStreamBox,
}

impl Stream {
    pub(crate) fn new(stream: HttpStream) -> Self {
        Self { status: stream.status, headers: stream.headers, body: stream.body }
    }

    /// The first header field of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        field(&self.headers, name)
    }

    /// The next piece, `None` when the body is complete. Dropping the future loses nothing.
    ///
    /// # Errors
    /// `TRANSPORT` for a body that was cut short, `TIMEOUT` for one that stalled, `LIMIT` over the cap.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let piece = self.body.next().await.into_result()?;
        Ok(piece.into_option().map(RVec::into_vec))
    }
}
