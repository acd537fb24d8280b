//! The simulators against their recordings, their traps and their faults.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report, in its helpers as well")]

mod comfyui;
mod faults;
mod http;
mod litellm;
mod normal;
mod process;
mod recordings;
mod replay;
mod websocket;

use std::{future::Future, time::Duration};

/// Far more than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something that must come.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

/// Repeats a request until its result is as wanted.
async fn eventually<T, F: Future<Output = T>>(
    what: &str,
    mut ask: impl FnMut() -> F,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let asking = async {
        loop {
            let result = ask().await;
            if wanted(&result) {
                return result;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(what, asking).await
}
