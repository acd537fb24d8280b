//! The picture of a connection's life as a table: which step may follow which.

use crate::events::Detail;
use std::fmt;

/// A step from one of the finer words to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    from: Detail,
    to: Detail,
}

const ALL: [Detail; 12] = [
    Detail::Off,
    Detail::Waiting,
    Detail::Refused,
    Detail::Dial,
    Detail::Identify,
    Detail::Check,
    Detail::Watch,
    Detail::Ready,
    Detail::Busy,
    Detail::Degraded,
    Detail::Unresponsive,
    Detail::Suspended,
];

impl Step {
    /// What has happened between two words; `None` when they are the same.
    pub fn between(from: Detail, to: Detail) -> Option<Self> {
        (from != to).then_some(Self { from, to })
    }

    /// Every step that a connection can take.
    pub fn all() -> impl Iterator<Item = Self> {
        let pairs = ALL.into_iter().flat_map(|from| ALL.into_iter().map(move |to| Self { from, to }));
        pairs.filter(|step| step.is_legal())
    }

    /// Whether the state machine can take it.
    pub fn is_legal(self) -> bool {
        use Detail::{
            Busy, Check, Degraded, Dial, Identify, Off, Ready, Refused, Suspended, Unresponsive, Waiting, Watch,
        };
        let Self { from, to } = self;
        match to {
            Off => from != Off,
            Waiting => !matches!(from, Off | Waiting),
            Refused => !matches!(from, Off | Waiting | Watch | Refused),
            Dial => matches!(from, Off | Waiting | Refused),
            Identify => from == Dial,
            Check => matches!(from, Identify | Refused),
            Watch => from == Check,
            Ready | Busy | Degraded => from != to && (from == Watch || is_connected(from)),
            // What is stopped cannot miss an answer.
            Unresponsive => !matches!(from, Unresponsive | Suspended) && is_connected(from),
            Suspended => from != Suspended && is_connected(from),
        }
    }
}

fn is_connected(detail: Detail) -> bool {
    use Detail::{Busy, Check, Degraded, Dial, Identify, Off, Ready, Refused, Suspended, Unresponsive, Waiting, Watch};
    match detail {
        Ready | Busy | Degraded | Unresponsive | Suspended => true,
        Off | Waiting | Refused | Dial | Identify | Check | Watch => false,
    }
}

impl fmt::Display for Step {
    /// `waiting→dial`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}→{}", self.from, self.to)
    }
}
