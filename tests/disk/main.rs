//! What the journal does with the disk, seen by strace: every acknowledgement comes after its sync, and calls that fail
//! cost no job that was acknowledged. Fails when that is not so, and when it cannot see that it is not so.
//!
//! `MDD_DISK_FAULTS` says at how many calls of each sort the disk fails (8 without it).

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "it talks to the person or the lane that has started it")]

#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod order;
#[cfg(target_os = "linux")]
mod submitting;

/// Only Linux has strace.
#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    use anyhow::ensure;
    let began = std::time::Instant::now();
    let violations = order::violations(&[]).await?;
    ensure!(violations.is_empty(), "acknowledged before it was durable: {violations:#?}");
    println!("{} acknowledgements, each after its write and its sync", order::JOBS);
    let control = order::violations(&[("MDD_TEST_JOURNAL_OFF", "1")]).await?;
    ensure!(control.len() == order::JOBS, "without syncs the same must be noticed: {control:#?}");
    println!("without syncs, {} of {} are found to be too early", control.len(), order::JOBS);
    let depth = std::env::var("MDD_DISK_FAULTS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let tally = faults::run(depth).await?;
    println!("{tally}");
    ensure!(tally.hits > 0, "no fault was ever met");
    println!("{:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}
