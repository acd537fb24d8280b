//! One host with its services and its client, from the first start over every kill to the end of the last job.

use crate::{
    PATIENCE,
    chance::Chance,
    client::{self, Submitted},
    journal,
    judge::judge,
    report::{Point, Report},
    services::{self, Services},
};
use mdd_core::{
    events::JobView,
    rpc::{Client, JobList, Nothing},
};
use mdd_tests::{Served, ServedHome};
use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

pub(crate) struct World {
    services: Services,
    home: ServedHome,
    chance: Chance,
    report: Report,
}

impl World {
    pub(crate) async fn start(chance: Chance) -> Self {
        let services = Services::start().await;
        let home = ServedHome::new(&["comfyui", "litellm"], &services.addresses());
        Self { services, home, chance, report: Report::default() }
    }

    pub(crate) async fn run(mut self, kills: u64) -> Report {
        let submitted = Arc::<Submitted>::default();
        let client = client::submit(self.home.state(), self.chance.fork(), submitted.clone());
        let mut client = tokio::spawn(client);
        for _ in 0..kills {
            let host = self.serve();
            let (point, host) = self.live(host).await;
            host.kill().await;
            self.report.kills += 1;
            self.look(point);
            assert!(!client.is_finished(), "{:?}\n{}", client.await, self.home.log());
        }
        let host = self.serve();
        self.services.end_of_trouble().await;
        submitted.stop.store(true, Ordering::SeqCst);
        let stopped = timeout(PATIENCE, &mut client).await;
        stopped.unwrap_or_else(|_| panic!("the client waits\n{}", self.home.log())).unwrap();
        let jobs = self.ends(&host).await;
        self.services.rest().await;
        self.report.repeated = *submitted.again.lock().unwrap();
        let acked = submitted.acked.lock().unwrap().clone();
        judge(&acked, &jobs, &self.services, &mut self.report);
        host.kill().await;
        self.report
    }

    fn serve(&self) -> Served {
        // What is judged at the end must still be there.
        self.home.serve_under(&[], &[("MDD_JOBS_KEEP_COUNT", "0")])
    }

    /// A while in the life of a host; tells whether it was still coming back at the end of it.
    async fn live(&mut self, host: Served) -> (Option<Point>, Served) {
        if self.chance.one_in(4) {
            // While it opens its journal and finds its jobs again, or soon after.
            let life = self.chance.up_to(150);
            let restored = timeout(life, async {
                let (mut client, _) = host.answers(&self.home.state()).await;
                client.call::<_, JobList>("jobs.list", &Nothing {}).await
            });
            let point = restored.await.is_err().then_some(Point::Recovery);
            return (point, host);
        }
        let (_client, took) = host.answers(&self.home.state()).await;
        self.report.ready.push(took);
        let life = Instant::now() + Duration::from_millis(40) + self.chance.up_to(700);
        if self.chance.one_in(2) {
            let (services, mut chance) = (self.services.clone(), self.chance.fork());
            // It may well outlive the host.
            tokio::spawn(async move { services.trouble(&mut chance).await });
        }
        sleep(life.saturating_duration_since(Instant::now())).await;
        (None, host)
    }

    /// Notes at which points the kill has hit.
    fn look(&mut self, point: Option<Point>) {
        let ledgers = self.services.of_pictures();
        let mut points: BTreeSet<Point> = point.into_iter().collect();
        for row in journal::read(&self.home.state()) {
            let point = match row.state.as_str() {
                "queued" => Point::Queued,
                "submitting" if services::has(&ledgers, &row.attempt) => Point::AnswerLost,
                "submitting" => Point::Submitting,
                "running" => Point::Running,
                "fetching" => Point::Fetching,
                _ => continue,
            };
            points.insert(point);
        }
        points.into_iter().for_each(|point| self.report.hit(point));
    }

    /// Waits until every job is over.
    async fn ends(&mut self, host: &Served) -> Vec<JobView> {
        let (mut client, took) = host.answers(&self.home.state()).await;
        self.report.ready.push(took);
        let deadline = Instant::now() + 2 * PATIENCE;
        loop {
            let jobs = list(&mut client).await;
            let open: Vec<&JobView> = jobs.iter().filter(|job| !job.state.is_final()).collect();
            if open.is_empty() {
                return jobs;
            }
            assert!(Instant::now() < deadline, "these do not end: {open:#?}\n{}", self.home.log());
            sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn list(client: &mut Client) -> Vec<JobView> {
    client.call::<_, JobList>("jobs.list", &Nothing {}).await.unwrap().jobs
}
