//! How long jobs that are over are kept.

use super::{Jobs, record::now_ms, room::Room};
use crate::events::JobState;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Time passes also when no job ends.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);
/// Jobs that end within this time are looked at together.
const TOGETHER: Duration = Duration::from_secs(1);

/// How long jobs that are over are kept. What they made stays in their folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// For so many days after their end; 0 for ever.
    pub days: u32,
    /// The last so many; 0 for all. Those that wait for a word of the user do not count.
    pub count: usize,
}

impl Retention {
    /// What counts when nobody says anything.
    pub const DEFAULT: Self = Self { days: 30, count: 1000 };
}

impl Default for Retention {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A job that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Over {
    id: String,
    state: JobState,
    /// Since when, in milliseconds since 1970.
    since_ms: u64,
}

impl Retention {
    /// Those that are no longer kept.
    fn expired(self, mut over: Vec<Over>, now_ms: u64) -> Vec<String> {
        over.sort_by_key(|job| job.since_ms);
        let oldest = match self.days {
            0 => 0,
            days => now_ms.saturating_sub(u64::from(days) * DAY_MS),
        };
        let settled = over.iter().filter(|job| is_settled(job.state) && job.since_ms >= oldest).count();
        let mut surplus = match self.count {
            0 => 0,
            count => settled.saturating_sub(count),
        };
        over.retain(|job| {
            let is_old = job.since_ms < oldest;
            let is_surplus = !is_old && is_settled(job.state) && surplus > 0;
            surplus -= usize::from(is_surplus);
            is_old || is_surplus
        });
        over.into_iter().map(|job| job.id).collect()
    }
}

/// Whether nobody has to decide anything any more.
fn is_settled(state: JobState) -> bool {
    match state {
        JobState::Done | JobState::Failed | JobState::Cancelled => true,
        JobState::Lost | JobState::Unknown | JobState::Held => false,
        JobState::Queued | JobState::Submitting | JobState::Running | JobState::Fetching => false,
    }
}

/// Forgets jobs when their time has come, until the room is gone.
pub(super) async fn keep(room: Weak<Room>, ended: Arc<Notify>, mut setting: watch::Receiver<Retention>) {
    loop {
        setting.mark_unchanged();
        {
            let Some(room) = room.upgrade() else { return };
            if room.restored().await.is_ok() {
                forget_expired(&Jobs(room)).await;
            }
        }
        // Whichever it is, it is time to look.
        let _looked = timeout(LOOK_EVERY, async {
            tokio::select! {
                () = ended.notified() => {}
                _ = setting.changed() => {}
            }
        })
        .await;
        sleep(TOGETHER).await;
    }
}

async fn forget_expired(jobs: &Jobs) {
    let mut over = Vec::new();
    for job in jobs.0.all() {
        if job.is_over() {
            let since_ms = job.course().await.since_ms;
            over.push(Over { id: job.ticket.id.clone(), state: job.state(), since_ms });
        }
    }
    let retention = *jobs.0.retention.borrow();
    for id in retention.expired(over, now_ms()) {
        match jobs.discard(&id, false).await {
            Ok(()) => tracing::debug!(job = id, "no longer kept"),
            // It may have been reopened; else it is tried again.
            Err(error) => tracing::debug!(job = id, %error, "cannot be forgotten"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY_MS, Over, Retention};
    use crate::events::JobState;

    fn over(id: &str, state: JobState, days_ago: u64) -> Over {
        Over { id: id.to_owned(), state, since_ms: (100 - days_ago) * DAY_MS }
    }

    fn jobs() -> Vec<Over> {
        vec![
            over("new", JobState::Done, 0),
            over("week", JobState::Failed, 7),
            over("unknown", JobState::Unknown, 8),
            over("fortnight", JobState::Cancelled, 14),
            over("lost", JobState::Lost, 50),
            over("ancient", JobState::Done, 60),
        ]
    }

    fn expired(days: u32, count: usize) -> Vec<String> {
        Retention { days, count }.expired(jobs(), 100 * DAY_MS)
    }

    #[test]
    fn days_count_for_all_and_numbers_only_for_what_is_settled() {
        assert_eq!(expired(0, 0), [""; 0]);
        assert_eq!(expired(30, 0), ["ancient", "lost"]);
        assert_eq!(expired(30, 3), ["ancient", "lost"]);
        assert_eq!(expired(30, 2), ["ancient", "lost", "fortnight"]);
        assert_eq!(expired(0, 1), ["ancient", "fortnight", "week"]);
        assert_eq!(expired(1, 1), ["ancient", "lost", "fortnight", "unknown", "week"]);
    }
}
