//! Notices a socket that is open and answers pings but gets no messages any more.
//!
//! Two things cause that at real servers: a second socket with the same clientId that took over (why every socket of ours
//! has its own), and another program that stopped reading, for which the server waits before it tells anybody else.
//! The queue depth that `GET /prompt` tells is compared with the last one that the socket told. A job may come and go
//! while an answer is on its way, so a difference is only a doubt: deaf is what still differs a while later without
//! having said anything in between.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// From the doubt to the second look.
pub(crate) const GRACE: Duration = Duration::from_secs(3);

/// No status has come yet.
const UNTOLD: u64 = u64::MAX;
/// One came without a depth, so there is nothing to compare with.
const UNREADABLE: u64 = u64::MAX - 1;

/// What one socket has said so far. Atomic only because its two users are halves of one `Send` future.
#[derive(Debug)]
pub(crate) struct Hearing {
    messages: AtomicU64,
    depth: AtomicU64,
}

/// A difference, and how much the socket had said by then.
#[derive(Debug)]
pub(crate) struct Doubt {
    messages: u64,
}

impl Hearing {
    pub(crate) fn new() -> Self {
        Self { messages: AtomicU64::new(0), depth: AtomicU64::new(UNTOLD) }
    }

    /// The socket said something.
    pub(crate) fn message(&self) {
        self.messages.fetch_add(1, Relaxed);
    }

    /// It told the state of the queue.
    pub(crate) fn status(&self, depth: Option<u32>) {
        self.depth.store(depth.map_or(UNREADABLE, u64::from), Relaxed);
    }

    /// The depth as it was asked for elsewhere.
    pub(crate) fn polled(&self, depth: u32) -> Option<Doubt> {
        let told = self.depth.load(Relaxed);
        let differs = told != u64::from(depth) && told != UNREADABLE;
        differs.then(|| Doubt { messages: self.messages.load(Relaxed) })
    }

    /// Whether the socket has said anything since.
    pub(crate) fn heard_since(&self, doubt: &Doubt) -> bool {
        self.messages.load(Relaxed) != doubt.messages
    }
}

#[cfg(test)]
mod tests {
    use super::Hearing;

    fn told(depth: u32) -> Hearing {
        let hearing = Hearing::new();
        hearing.message();
        hearing.status(Some(depth));
        hearing
    }

    #[test]
    fn a_depth_that_was_told_raises_no_doubt() {
        assert!(told(0).polled(0).is_none());
        assert!(told(3).polled(3).is_none());
    }

    #[test]
    fn a_depth_that_was_not_told_does() {
        let hearing = told(0);
        let doubt = hearing.polled(1).unwrap();
        assert!(!hearing.heard_since(&doubt));
        assert!(hearing.polled(1).is_some());
    }

    #[test]
    fn any_message_disperses_it() {
        let hearing = told(0);
        let doubt = hearing.polled(1).unwrap();
        hearing.message();
        assert!(hearing.heard_since(&doubt));
    }

    #[test]
    fn a_job_that_came_and_went_while_the_answer_was_on_its_way_is_no_proof() {
        let hearing = told(1);
        hearing.message();
        hearing.status(Some(0));
        let doubt = hearing.polled(1).unwrap();
        // Nothing is said on an idle server; the second look agrees with what was told.
        assert!(!hearing.heard_since(&doubt));
        assert!(hearing.polled(0).is_none());
    }

    #[test]
    fn a_socket_that_never_told_anything_is_doubted() {
        assert!(Hearing::new().polled(0).is_some());
    }

    #[test]
    fn a_status_without_a_depth_cannot_be_compared() {
        let hearing = told(0);
        hearing.status(None);
        assert!(hearing.polled(1).is_none());
        hearing.status(Some(0));
        assert!(hearing.polled(1).is_some());
    }
}
