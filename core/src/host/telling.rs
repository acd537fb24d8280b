//! What a host tells of its services: news to people, and histories to the next host.

use crate::{
    events::{Bus, Change, Subscription, Update},
    health::{Records, Teller},
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, interval_at, sleep_until},
};

/// Between two times that the histories are written down: what a sudden end may cost.
const KEEP_EVERY: Duration = Duration::from_secs(60);

/// Tells people what becomes of the services.
pub(super) async fn tell(bus: Arc<Bus>) {
    let (mut teller, mut news) = (Teller::default(), Subscription::new(&bus));
    loop {
        let due = teller.due();
        tokio::select! {
            update = news.next() => {
                show(&mut teller, update);
                continue;
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
        }
        let at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        for notice in teller.speak(Instant::now(), &at) {
            tracing::info!(backend = notice.backend.as_deref().unwrap_or_default(), "{}", notice.text);
            bus.notify(notice);
        }
    }
}

fn show(teller: &mut Teller, update: Update) {
    let now = Instant::now();
    match update {
        Update::Snapshot(snapshot) => {
            snapshot.jobs.iter().for_each(|job| teller.see_job(job));
            snapshot.backends.iter().for_each(|backend| teller.see(backend, now));
        }
        Update::Changes { changes, .. } => {
            for change in changes {
                match change.change {
                    Change::Backend(backend) => teller.see(&backend, now),
                    Change::BackendRemoved(id) => teller.forget(&id),
                    Change::Job(job) => teller.see_job(&job),
                    Change::JobRemoved(_) | Change::Notice(_) | Change::Store(_) => {}
                }
            }
        }
    }
}

/// Writes the histories down, again and again.
pub(super) async fn keep(records: Records) {
    let mut times = interval_at(Instant::now() + KEEP_EVERY, KEEP_EVERY);
    loop {
        times.tick().await;
        let records = records.clone();
        // A panic there is logged by its thread and costs this one copy.
        let _written = spawn_blocking(move || save(&records)).await;
    }
}

/// Writes the histories down.
pub(super) fn save(records: &Records) {
    if let Err(error) = records.save() {
        tracing::warn!(%error, "the history of the services could not be written down");
    }
}
