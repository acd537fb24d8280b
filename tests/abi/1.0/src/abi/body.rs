//! Bodies of requests: files and secrets are named in them, their bytes stay in the host.

use super::{RString, RVec, SegmentKind};
use abi_stable::StableAbi;

/// A piece of a body. Frozen for the major version; an unknown kind is answered with `UNSUPPORTED`.
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct Segment {
    /// What it stands for.
    pub kind: SegmentKind,
    /// The bytes, for [`SegmentKind::BYTES`].
    pub bytes: RVec<u8>,
    /// The name of the file or secret, for the others.
    pub name: RString,
}

/// A body is the concatenation of its segments.
pub type Body = RVec<Segment>;

impl Segment {
    /// Literal bytes.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self { kind: SegmentKind::BYTES, bytes: RVec::from(bytes.into()), name: RString::new() }
    }

    /// A file or secret by its name.
    pub fn named(kind: SegmentKind, name: &str) -> Self {
        Self { kind, bytes: RVec::new(), name: name.into() }
    }
}
