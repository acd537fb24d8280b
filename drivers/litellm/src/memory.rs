//! What one instance has learned, so that nothing is asked more often than it can change.

use std::time::Duration;

/// A key may be revoked while the proxy runs. Newer proxies prove it with every backlog besides.
const ACCEPTED_FOR: Duration = Duration::from_secs(600);
/// After an answer that decided nothing.
const UNDECIDED_FOR: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    pub(crate) key: Standing,
    pub(crate) backlog: Backlog,
}

/// Whether the proxy takes our key, or our having none. Times are those of the host's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not asked yet, or refused: the next check asks.
    #[default]
    Unknown,
    /// It did then.
    Accepted(Duration),
    /// It was asked then and did not say.
    Undecided(Duration),
}

/// Whether the proxy tells what it works on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Backlog {
    /// As far as is known.
    #[default]
    Asked,
    /// It does not know the page, or the key is not good for it.
    Absent,
}

impl Standing {
    /// Whether it is time to ask.
    pub(crate) fn is_due(self, now: Duration) -> bool {
        match self {
            Self::Unknown => true,
            Self::Accepted(then) => now.saturating_sub(then) >= ACCEPTED_FOR,
            Self::Undecided(then) => now.saturating_sub(then) >= UNDECIDED_FOR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ACCEPTED_FOR, Standing, UNDECIDED_FOR};
    use std::time::Duration;

    #[test]
    fn a_key_is_asked_about_at_once_and_then_rarely() {
        let then = Duration::from_secs(50);
        let second = Duration::from_secs(1);
        assert!(Standing::default().is_due(then));
        for (standing, period) in [(Standing::Accepted(then), ACCEPTED_FOR), (Standing::Undecided(then), UNDECIDED_FOR)]
        {
            assert!(!standing.is_due(then));
            assert!(!standing.is_due(then + period - second));
            assert!(standing.is_due(then + period));
        }
    }
}
