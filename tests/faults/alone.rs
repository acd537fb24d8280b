//! What each entry that could cost memory costs by itself: R1.

use crate::{child::Watched, entry::Entry, http, matrix::closed_port, peer, socket};
use mdd_tests::plugins;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, task::JoinSet};

/// KiB for each fault.
const MOST_MEMORY: u64 = 8 << 10;
/// Beside each other, so that each has a part of the machine.
const AT_ONCE: usize = 12;
/// Each has met it by then, on a loaded machine too.
const SOON: Duration = Duration::from_secs(60);
/// A flood goes on for so long, through a deadline and several attempts.
const GOES_ON: Duration = Duration::from_secs(4);

struct Cost {
    name: &'static str,
    peak: u64,
    met: Duration,
    wrong: Option<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_costs_much_memory() {
    let elsewhere = peer::listen(|_| async {}).await;
    let mut entries = http::entries(&format!("http://127.0.0.1:{}/", elsewhere.number)).await;
    entries.extend(socket::entries().await);
    entries.retain(|entry| entry.heavy);
    let folder = Arc::new(plugins(&["comfyui"]));
    let idle = idle(folder.path()).await;

    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut looks = JoinSet::new();
    let count = entries.len();
    for entry in entries {
        let (folder, places) = (folder.clone(), places.clone());
        looks.spawn(async move {
            let _place = places.acquire().await.unwrap();
            cost(folder.path(), entry).await
        });
    }
    let mut costs = looks.join_all().await;
    costs.sort_by_key(|cost| std::cmp::Reverse(cost.peak));
    for Cost { name, peak, met, .. } in &costs {
        println!("{:6} KiB {met:6.1?} {name}", peak.saturating_sub(idle));
    }
    println!("{count} entries, over {idle} KiB with a closed port");
    let wrong: Vec<_> = costs.iter().filter_map(|cost| cost.wrong.as_ref()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let heavy: Vec<_> = costs.iter().filter(|cost| cost.peak > idle + MOST_MEMORY).map(|cost| cost.name).collect();
    assert!(heavy.is_empty(), "more than {MOST_MEMORY} KiB: {heavy:?}");
}

/// The same host where nobody listens.
async fn idle(folder: &Path) -> u64 {
    let home = tempfile::tempdir().unwrap();
    let mut host = Watched::of(home.path(), folder, &[format!("comfyui=http://127.0.0.1:{}", closed_port())]);
    host.stay(GOES_ON).await;
    host.peak()
}

async fn cost(folder: &Path, entry: Entry) -> Cost {
    let home = tempfile::tempdir().unwrap();
    let mut host = Watched::of(home.path(), folder, &[entry.backend()]);
    let begun = Instant::now();
    host.stay(GOES_ON).await;
    let is_met = host.until(SOON, |snapshot| entry.find(&snapshot.backends).is_some_and(|view| entry.is_right(view)));
    let wrong = (!is_met.await).then(|| format!("{}: {:#?}", entry.name, host.shown().backends));
    Cost { name: entry.name, peak: host.peak(), met: begun.elapsed(), wrong }
}
