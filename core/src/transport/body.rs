//! Bodies out of segments: files are streamed from disk and secrets filled in, neither ever passes through a driver.

use super::{Failure, Policy, policy::Grant};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures_util::{Stream, stream};
use mdd_driver_api::{abi::Segment, abi::SegmentKind, text::printable};
use std::{collections::VecDeque, io, path::PathBuf};
use tokio::{fs::File, io::AsyncReadExt as _};

/// What is read of a file at a time, in bytes. A multiple of 3, so that base64 has no padding in between.
const PIECE: usize = 48 * 1024;

/// A body whose length is known before a byte of it is sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Payload {
    parts: VecDeque<Part>,
    pub(super) len: u64,
}

#[derive(Debug, Clone)]
enum Part {
    Bytes(Bytes),
    File(Source),
}

/// A file and how it is written.
#[derive(Debug, Clone)]
struct Source {
    name: String,
    path: PathBuf,
    /// Its length when it was first looked at, in bytes.
    len: u64,
    base64: bool,
}

impl Payload {
    /// Looks up what the segments name.
    pub(super) async fn of(policy: &Policy, grant: &Grant, segments: &[Segment]) -> Result<Self, Failure> {
        let mut payload = Self::default();
        for segment in segments {
            let part = match segment.kind {
                SegmentKind::BYTES => Part::Bytes(Bytes::copy_from_slice(&segment.bytes)),
                SegmentKind::SECRET_JSON => {
                    let quoted = serde_json::Value::from(grant.secret(&segment.name)?.expose()).to_string();
                    Part::Bytes(quoted.into())
                }
                SegmentKind::SECRET_FORM => {
                    let secret = grant.secret(&segment.name)?.expose().as_bytes();
                    let encoded: String = url::form_urlencoded::byte_serialize(secret).collect();
                    Part::Bytes(encoded.into())
                }
                SegmentKind::FILE => Part::File(Source::of(policy, &segment.name, false).await?),
                SegmentKind::FILE_BASE64 => Part::File(Source::of(policy, &segment.name, true).await?),
                SegmentKind(other) => return Err(Failure::UnknownSegment(other)),
            };
            payload.len += part.len();
            payload.parts.push_back(part);
        }
        Ok(payload)
    }

    /// Whether all of it is in memory already.
    pub(super) fn is_in_memory(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Bytes(_)))
    }

    /// The whole body, for what cannot be streamed. The caller has looked at its length.
    pub(super) async fn whole(self) -> Result<Vec<u8>, Failure> {
        let mut whole = Vec::with_capacity(usize::try_from(self.len).unwrap_or_default());
        let mut writer = Writer::new(self);
        while let Some(piece) = writer.next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }

    /// The body for an HTTP request.
    pub(super) async fn into_http(self) -> Result<reqwest::Body, Failure> {
        if self.is_in_memory() {
            return Ok(self.whole().await?.into());
        }
        Ok(reqwest::Body::wrap_stream(self.into_stream()))
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Failure>> + Send + 'static {
        stream::try_unfold(Writer::new(self), async |mut writer| {
            let piece = writer.next().await?;
            Ok(piece.map(|piece| (piece, writer)))
        })
    }
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(source) if source.base64 => source.len.div_ceil(3) * 4,
            Self::File(source) => source.len,
        }
    }
}

impl Source {
    async fn of(policy: &Policy, name: &str, base64: bool) -> Result<Self, Failure> {
        let mut source =
            Self { name: printable(name, 100), path: policy.file(name).unwrap_or_default(), len: 0, base64 };
        if source.path.as_os_str().is_empty() {
            return Err(source.failure("the job has no such file"));
        }
        let metadata = tokio::fs::metadata(&source.path).await;
        let metadata = metadata.map_err(|error| source.unreadable(&error))?;
        if !metadata.is_file() {
            return Err(source.failure("it is no regular file"));
        }
        source.len = metadata.len();
        Ok(source)
    }

    /// The path is the user's; only the kind of error is told.
    fn unreadable(&self, error: &io::Error) -> Failure {
        self.failure(&error.kind().to_string())
    }

    fn failure(&self, reason: &str) -> Failure {
        Failure::File { name: self.name.clone(), reason: reason.to_owned() }
    }
}

/// A body that is being written: at most one file is open, and one piece of it in memory.
struct Writer {
    parts: VecDeque<Part>,
    open: Option<(Source, File)>,
}

impl Writer {
    fn new(payload: Payload) -> Self {
        Self { parts: payload.parts, open: None }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            if let Some((source, file)) = &mut self.open {
                if source.len > 0 {
                    return read_piece(source, file).await.map(Some);
                }
                self.open = None;
            }
            match self.parts.pop_front() {
                None => return Ok(None),
                Some(Part::Bytes(bytes)) if bytes.is_empty() => {}
                Some(Part::Bytes(bytes)) => return Ok(Some(bytes)),
                Some(Part::File(source)) => {
                    let file = File::open(&source.path).await;
                    let file = file.map_err(|error| source.unreadable(&error))?;
                    self.open = Some((source, file));
                }
            }
        }
    }
}

/// Reads the next piece; `source.len` counts what is left. What was appended to the file meanwhile is not read.
async fn read_piece(source: &mut Source, file: &mut File) -> Result<Bytes, Failure> {
    let want = usize::try_from(source.len).unwrap_or(usize::MAX).min(PIECE);
    let mut piece = vec![0; want];
    match file.read_exact(&mut piece).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(source.failure("it became shorter while it was sent"));
        }
        Err(error) => return Err(source.unreadable(&error)),
    }
    source.len -= want as u64;
    Ok(if source.base64 { BASE64_STANDARD.encode(&piece).into() } else { piece.into() })
}
