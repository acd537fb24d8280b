//! A host that nobody needs leaves after its idle time, and not before.

use crate::{home::Home, soon, talk::SocketTalk};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

const IDLE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn it_leaves_when_nobody_ever_comes() {
    let home = Home::empty();
    let mut host = home.start_serving(&["--idle-exit", "0.2"]);
    assert!(host.ended().await.success());
    assert!(home.log().contains("nobody needed this host any more"), "{}", home.log());
    assert!(!home.socket().exists());
}

#[tokio::test]
async fn it_stays_for_a_client_and_counts_from_when_that_leaves() {
    let home = Home::empty();
    let mut host = home.serve_with(&["--idle-exit", "1"]).await;
    let mut client = SocketTalk::greeted(&home).await;
    // Longer than the idle time, without a word.
    sleep_until(Instant::now() + IDLE.mul_f32(2.5)).await;
    client.ask("ping", Value::Null).await;
    sleep_until(Instant::now() + IDLE.mul_f32(1.5)).await;
    assert!(host.is_running());
    let left = Instant::now();
    drop(client);
    assert!(host.ended().await.success());
    assert!(left.elapsed() >= IDLE, "it left after {:?}", left.elapsed());
}

#[tokio::test]
async fn a_dismissed_host_leaves_with_its_last_client() {
    let home = Home::empty();
    let mut host = home.serve().await;
    let mut closing = SocketTalk::greeted(&home).await;
    let mut other = SocketTalk::greeted(&home).await;
    closing.ask("host.dismiss", Value::Null).await;
    drop(closing);
    other.ask("ping", Value::Null).await;
    assert!(host.is_running());
    drop(other);
    assert!(host.ended().await.success());
}

#[tokio::test]
async fn a_new_client_takes_the_dismissal_back() {
    let home = Home::empty();
    let mut host = home.serve_with(&["--idle-exit", "1"]).await;
    let mut closing = SocketTalk::greeted(&home).await;
    closing.ask("host.dismiss", Value::Null).await;
    let other = SocketTalk::greeted(&home).await;
    drop(closing);
    let left = Instant::now();
    drop(other);
    assert!(host.ended().await.success());
    assert!(left.elapsed() >= IDLE, "it left after {:?}", left.elapsed());
}

#[tokio::test]
async fn idle_times_that_make_no_sense_are_refused() {
    for time in ["-1", "nan", "inf", "soon", "1e19", "1e300"] {
        let home = Home::empty();
        let output = soon("the end", home.starter(&["serve", &format!("--idle-exit={time}")]).output()).await.unwrap();
        assert_eq!(output.status.code(), Some(2), "{time}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
