//! A host in a process of its own, whose memory is measured.

use mdd_core::events::Snapshot;
use mdd_tests::mdd_host;
use std::{ffi::OsString, path::Path, process::Stdio, time::Duration};
use tokio::{io::AsyncReadExt as _, process::Command};

/// What it showed in the end, and the most memory that it held, in KiB.
pub(crate) struct Seen {
    pub(crate) snapshot: Snapshot,
    pub(crate) peak: u64,
}

/// Lets a host look at backends for a while.
pub(crate) async fn look(home: &Path, plugins: &Path, seconds: u32, backends: &[String]) -> Seen {
    let mut options: Vec<OsString> = vec!["--no-discovery".into(), "--wait".into(), seconds.to_string().into()];
    for backend in backends {
        options.extend(["--backend".into(), backend.into()]);
    }
    look_with(home, plugins, &options).await
}

/// The same with any options of `mdd-host status`.
pub(crate) async fn look_with(home: &Path, plugins: &Path, options: &[OsString]) -> Seen {
    let mut command = mdd_host(home);
    command.args(["status", "--json", "--quiet"]).args(options);
    command.arg("--plugins").arg(plugins).stdout(Stdio::piped()).stdin(Stdio::null());
    let mut child = Command::from(command).kill_on_drop(true).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id().unwrap());
    let mut stdout = child.stdout.take().unwrap();
    let mut text = String::new();
    let mut peak = 0;
    {
        let mut reading = std::pin::pin!(stdout.read_to_string(&mut text));
        let mut looks = tokio::time::interval(Duration::from_millis(200));
        loop {
            tokio::select! {
                read = &mut reading => {
                    read.unwrap();
                    break;
                }
                _ = looks.tick() => peak = peak.max(high_water(&status).unwrap_or(0)),
            }
        }
    }
    assert!(child.wait().await.unwrap().success(), "{text}");
    let snapshot = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    Seen { snapshot, peak }
}

fn high_water(status: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()
}
