//! Time and randomness as drivers get them: a run can be replayed.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    time::{Instant, Sleep},
};

/// The clock of the I/O runtime, which tests may pause, and a generator of numbers that need not be secret.
pub(super) struct Clock {
    io: Handle,
    start: Instant,
    last_ms: AtomicU64,
    state: AtomicU64,
}

impl Clock {
    pub(super) fn new(io: &Handle, seed: Option<u64>) -> Self {
        let _runtime = io.enter();
        Self {
            io: io.clone(),
            start: Instant::now(),
            last_ms: AtomicU64::new(0),
            state: AtomicU64::new(seed.unwrap_or_else(|| RandomState::new().hash_one(0))),
        }
    }

    /// Since the clock was made; never goes back.
    pub(super) fn now_ms(&self) -> u64 {
        let _runtime = self.io.enter();
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.fetch_max(now, Ordering::Relaxed).max(now)
    }

    /// The last answer of [`now_ms`](Self::now_ms).
    pub(super) fn last_ms(&self) -> u64 {
        self.last_ms.load(Ordering::Relaxed)
    }

    pub(super) fn sleep(&self, ms: u64) -> Sleep {
        let _runtime = self.io.enter();
        tokio::time::sleep(Duration::from_millis(ms))
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    pub(super) fn random_u64(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
