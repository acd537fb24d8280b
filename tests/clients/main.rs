//! The host as its clients meet it: real processes, their socket, the bridge and the commands.
//!
//! What cannot be asked of a process itself is read from `/proc`, so this runs on Linux.

#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]
// The lint spares only functions that carry `#[test]` themselves.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod bridge;
mod commands;
mod copy;
mod crowd;
mod hand_over;
mod home;
mod idle;
mod jobs;
mod metrics;
mod printing;
mod processes;
mod protocol;
mod recovery;
mod redaction;
mod safety;
mod schema;
mod serve;
mod settings;
mod slow_reader;
mod store;
mod talk;
mod terminal;
mod trials;
mod watch;

use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What comes of it, which must not take for ever.
async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("{what} did not come within {PATIENCE:?}"))
}

/// Looks again and again until there is something.
async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come within {PATIENCE:?}");
        sleep(Duration::from_millis(5)).await;
    }
}
