//! A host that did not run, or hardly, does not say that its services were down: they and the host are processes of
//! their own, and nothing happens to them.

use crate::service::Service;
use mdd_core::{
    events::{BackendView, NoticeSeverity, Snapshot, StateName},
    rpc::{Client, MetricsAnswer, Nothing},
};
use mdd_tests::{Served, ServedHome, checks};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::time::sleep;

const SOON: Duration = Duration::from_secs(60);
/// Between two looks at what the host shows.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// More than twice any deadline of a check, and than the time between two.
const STOPPED: Duration = Duration::from_secs(10);
const STOPS: u32 = 4;

/// A host with two services of each kind, of which one takes its time.
struct Scene {
    served: Served,
    client: Client,
    _services: Vec<Service>,
    _home: ServedHome,
}

impl Scene {
    async fn connected() -> Self {
        let kinds = [
            ("comfyui", "comfyui"),
            ("litellm", "litellm"),
            ("wan2gp", "wan2gp"),
            ("rvc", "rvc-python"),
            ("audioldm", "audioldm"),
        ];
        let (mut services, mut backends) = (Vec::new(), Vec::new());
        for (kind, simulated) in kinds {
            // A stop comes while the slow one is being asked.
            for options in [&[] as &[&str], &["--fault", "slow=900ms"]] {
                let service = Service::start(simulated, options).await;
                backends.push((kind.to_owned(), service.url.clone()));
                services.push(service);
            }
        }
        let home = ServedHome::new(&kinds.map(|(kind, _)| kind), &backends);
        let served = home.serve();
        let (client, _) = served.answers(&home.state()).await;
        let mut scene = Self { served, client, _services: services, _home: home };
        scene.until(|snapshot, _| snapshot.backends.iter().all(|row| row.state == StateName::Connected)).await;
        scene
    }

    async fn look(&mut self) -> (Snapshot, BTreeMap<String, u64>) {
        let snapshot: Snapshot = self.client.call("snapshot", &Nothing {}).await.unwrap();
        let metrics: MetricsAnswer = self.client.call("metrics", &Nothing {}).await.unwrap();
        let answered = |row: &BackendView| checks(&metrics.text, &row.id).get("answered").copied().unwrap_or_default();
        let answered = snapshot.backends.iter().map(|row| (row.id.clone(), answered(row))).collect();
        (snapshot, answered)
    }

    async fn until(&mut self, wanted: impl Fn(&Snapshot, &BTreeMap<String, u64>) -> bool) {
        let deadline = Instant::now() + SOON;
        loop {
            let (snapshot, answered) = self.look().await;
            if wanted(&snapshot, &answered) {
                return;
            }
            assert!(Instant::now() < deadline, "{snapshot:#?}");
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until each has answered some checks.
    async fn checked(&mut self, times: u64) {
        let (_, before) = self.look().await;
        self.until(|_, now| now.iter().all(|(id, count)| *count >= before[id] + times)).await;
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.served.pid()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// The host does not run for a while.
    async fn stop_for(&self, time: Duration) {
        self.signal(Signal::STOP);
        sleep(time).await;
        self.signal(Signal::CONT);
    }

    /// Nobody was ever said to be down.
    async fn judge(mut self) {
        let (snapshot, _) = self.look().await;
        for row in &snapshot.backends {
            assert_eq!((row.state, row.reconnects), (StateName::Connected, 0), "{row:#?}");
            assert!(row.last_errors.iter().all(|error| error.code == "no-live-updates"), "{row:#?}");
            // Unresponsive counts as down.
            assert!(row.uptime.as_ref().unwrap().session > 0.999_999, "{row:#?}");
        }
        let bad = snapshot.notices.iter().filter(|notice| notice.severity > NoticeSeverity::Info);
        assert_eq!(bad.count(), 0, "{:#?}", snapshot.notices);
    }
}

#[tokio::test]
async fn a_host_that_was_stopped_takes_nobody_for_dead() {
    let mut scene = Scene::connected().await;
    for round in 0..STOPS {
        // At another moment between two checks.
        sleep(Duration::from_millis(900) * round).await;
        scene.stop_for(STOPPED).await;
        scene.checked(2).await;
    }
    scene.judge().await;
}

/// Its time comes in small pieces, each after longer than a check may take: as if hogs had all processors, and no burden
/// for others.
#[tokio::test]
async fn a_host_that_hardly_runs_takes_nobody_for_dead() {
    let mut scene = Scene::connected().await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        scene.stop_for(Duration::from_millis(3_500)).await;
        sleep(Duration::from_millis(150)).await;
    }
    scene.checked(2).await;
    scene.judge().await;
}
