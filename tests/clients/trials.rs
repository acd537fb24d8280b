//! Many short lives of a bridge. None leaves anything behind.

use crate::{
    home::Home,
    processes,
    talk::{Bridge, Talk},
    until,
};
use serde_json::Value;
use std::process::Stdio;

/// `MDD_TRIALS` asks for more.
fn trials() -> usize {
    std::env::var("MDD_TRIALS").ok().map_or(20, |text| text.parse().expect("MDD_TRIALS is a number"))
}

#[tokio::test]
async fn no_trial_leaves_a_process() {
    let home = Home::empty();
    for trial in 0..trials() {
        let (mut bridge, _) = Bridge::greeted(&home).await;
        match trial % 4 {
            // The program closes its end.
            0 => {
                bridge.talk.finish().await;
                assert_eq!(bridge.ended().await, Some(0), "trial {trial}");
            }
            // The bridge is killed.
            1 => bridge.child.kill().await.unwrap(),
            // The program dies: both pipes are closed at once.
            2 => {
                bridge.talk = Talk::over(replacement().await.0, replacement().await.1);
                assert_eq!(bridge.ended().await, Some(0), "trial {trial}");
            }
            // The host is stopped below it, and the program leaves at once.
            _ => {
                bridge.talk.request("host.stop", Value::Null).await;
                bridge.talk.finish().await;
                assert_eq!(bridge.ended().await, Some(0), "trial {trial}");
            }
        }
        let output = home.output(&["stop"]).await;
        assert!(output.status.success(), "trial {trial}: {}", String::from_utf8_lossy(&output.stderr));
        until("the end of all", || processes::naming(home.state()).is_empty().then_some(())).await;
        assert!(!home.socket().exists(), "trial {trial}");
    }
}

/// Pipes of a program that ends at once.
async fn replacement() -> (tokio::process::ChildStdout, tokio::process::ChildStdin) {
    let mut child = tokio::process::Command::new("true").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let ends = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
    child.wait().await.unwrap();
    ends
}
