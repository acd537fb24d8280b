//! Files on their way to an app (`POST /upload`, since Gradio 3.34 or somewhat earlier).

use crate::{app::App, problem};
use mdd_driver_api::{
    DriverError, ErrorKind, Request, Response, Result,
    abi::{Segment, SegmentKind},
    model::JobFile,
    multipart::{Part, multipart},
    text::printable,
};
use std::time::Duration;

/// For the server's part of it, after the last byte.
const PATIENCE: Duration = Duration::from_secs(60);
/// A slower way is none, in bytes per second.
const SLOWEST: u64 = 256 * 1024;

impl App {
    /// Brings a file of the job to the server.
    ///
    /// # Errors
    /// Whatever went wrong, no work was started.
    pub async fn upload(&self, file: &JobFile) -> Result<String> {
        let content = Segment::named(SegmentKind::FILE, &file.handle);
        self.upload_as(&file.name, &file.media_type, content, file.bytes).await
    }

    /// Brings content to the server under a name.
    ///
    /// # Errors
    /// Whatever went wrong, no work was started.
    pub async fn upload_as(&self, name: &str, media_type: &str, content: Segment, bytes: u64) -> Result<String> {
        let config = self.config().await.map_err(DriverError::without_effect)?;
        let within = PATIENCE + Duration::from_secs(bytes / SLOWEST);
        let request = || {
            let parts = vec![Part::file("files", name, media_type, content.clone())];
            let request = multipart(Request::post(&config.path("/upload")), self.host().random(), parts);
            request.head_within(within).total_within(within)
        };
        let answer = self.send(request).await.map_err(DriverError::without_effect)?;
        self.uploaded(name, answer).map_err(DriverError::without_effect)
    }

    /// The server's path: a list of one. With a wrong field name it would be an empty one.
    fn uploaded(&self, name: &str, answer: Response) -> Result<String> {
        let refused = |answer: &Response| {
            let text = format!("it answered {} to the file \"{}\"", answer.in_words(), printable(name, 80));
            problem::UPLOAD_REFUSED.error(self.kind(), ErrorKind::REJECTED, text).with_status(answer.status)
        };
        match answer.status {
            200 => {
                let paths: Option<Vec<String>> = answer.json().ok();
                let path = paths.and_then(|paths| paths.into_iter().next()).filter(|path| !path.is_empty());
                path.ok_or_else(|| refused(&answer))
            }
            429 | 502..=504 => {
                let words = answer.in_words();
                Err(answer.success().err().unwrap_or_else(|| DriverError::new(ErrorKind::PROTOCOL, words)))
            }
            _ => Err(refused(&answer)),
        }
    }
}
