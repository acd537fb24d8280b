//! Decides what a job needs next from what queue and history say of it. No I/O in here, and no clock of its own.

use crate::{history::Ending, queue::Place};
use mdd_driver_api::{Stage, model::Resume};
use std::time::Duration;

/// A submission whose answer was lost may still be under way to the queue for so long.
pub(crate) const SETTLE: Duration = Duration::from_secs(15);
/// Between looks where nothing else tells.
const UNHEARD: Duration = Duration::from_secs(2);
/// The same while a socket tells, too.
const HEARD: Duration = Duration::from_secs(10);
/// The same after a cancel.
const CANCELLING: Duration = Duration::from_millis(500);
/// A node that works without steps stops when it is done. Nobody waits longer than this for that; the host gives up
/// after 10 s, and then nobody knows what became of the job.
const STUBBORN: Duration = Duration::from_secs(8);

/// What two reads that were answered, of the queue and then of the history, say of a job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sighting {
    /// In the queue.
    At(Place),
    /// In the history.
    Over(Ending),
    /// In neither.
    Absent,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Next {
    /// Look again later.
    Wait,
    /// It has come further: write that down.
    Reached(Stage),
    /// Ask the server to end it where it is.
    Cancel(Place),
    /// It came to its end.
    Over(Ending),
    /// Cancelled, as asked. The server may need a while to notice.
    Cancelled { still_running: bool },
    /// The server never had it.
    NotAccepted,
    /// The server had it and has it no more.
    Lost,
}

/// One job that may be at the server.
#[derive(Debug)]
pub(crate) struct Tracker {
    stage: Stage,
    /// It was in the queue, so that its absence means that it is gone.
    seen: bool,
    /// When this run began to look for it, on the host's clock.
    began: Duration,
    /// How long it may have been there by then.
    age: Duration,
    /// The server is another process than the one that it was sent to.
    restarted: bool,
    /// Looks in a row that did not find it.
    misses: u32,
    cancel: Option<Cancel>,
}

#[derive(Debug)]
struct Cancel {
    since: Duration,
    /// Where the job was when the server was last asked to end it.
    asked_at: Option<Place>,
}

impl Tracker {
    /// A job that was sent just now and acknowledged.
    pub(crate) fn acked(now: Duration) -> Self {
        Self {
            stage: Stage::ACKED,
            seen: false,
            began: now,
            age: Duration::ZERO,
            restarted: false,
            misses: 0,
            cancel: None,
        }
    }

    /// A job that an earlier run has left.
    pub(crate) fn resumed(checkpoint: &Resume, now: Duration) -> Self {
        Self {
            stage: Stage(checkpoint.stage),
            seen: checkpoint.stage >= Stage::RUNNING.0,
            began: now,
            age: Duration::from_millis(checkpoint.age_ms),
            restarted: checkpoint.same_boot == Some(false),
            misses: 0,
            cancel: None,
        }
    }

    /// The user wants it to end.
    pub(crate) fn cancel(&mut self, now: Duration) {
        self.cancel.get_or_insert(Cancel { since: now, asked_at: None });
    }

    pub(crate) fn is_cancelling(&self) -> bool {
        self.cancel.is_some()
    }

    /// How long to wait for the next look.
    pub(crate) fn pause(&self, is_heard: bool) -> Duration {
        match (&self.cancel, self.misses) {
            (Some(_), 0) => CANCELLING,
            (_, 0) if is_heard => HEARD,
            _ => UNHEARD,
        }
    }

    pub(crate) fn saw(&mut self, sighting: Sighting, now: Duration) -> Next {
        match sighting {
            Sighting::At(place) => {
                (self.misses, self.seen) = (0, true);
                let stage = match place {
                    Place::Waiting { .. } => Stage::ACKED,
                    Place::Running => Stage::RUNNING,
                };
                let is_further = stage.0 > self.stage.0;
                self.stage = Stage(stage.0.max(self.stage.0));
                match &mut self.cancel {
                    Some(cancel) => cancel.at(place, now),
                    None if is_further => Next::Reached(stage),
                    None => Next::Wait,
                }
            }
            Sighting::Over(_) if self.is_cancelling() => Next::Cancelled { still_running: false },
            Sighting::Over(ending) => Next::Over(ending),
            Sighting::Absent => self.missed(now),
        }
    }

    fn missed(&mut self, now: Duration) -> Next {
        self.misses += 1;
        if !self.has_settled(now) {
            Next::Wait
        } else if self.is_cancelling() {
            Next::Cancelled { still_running: false }
        } else if self.seen || self.stage.0 >= Stage::ACKED.0 {
            Next::Lost
        } else {
            Next::NotAccepted
        }
    }

    /// Whether what is not there will not come any more. That the server is another process is told from outside, by
    /// who holds the port: it saves waiting, but not the second look.
    fn has_settled(&self, now: Duration) -> bool {
        let age = self.age.saturating_add(now.saturating_sub(self.began));
        self.seen || self.misses >= 2 && (self.restarted || age >= SETTLE)
    }
}

impl Cancel {
    /// Asks once for a waiting job, and once more if it has begun to run nevertheless.
    fn at(&mut self, place: Place, now: Duration) -> Next {
        let was_running = self.asked_at == Some(Place::Running);
        let is_running = place == Place::Running;
        if now.saturating_sub(self.since) >= STUBBORN && self.asked_at.is_some() {
            return Next::Cancelled { still_running: true };
        }
        if self.asked_at.is_none() || is_running && !was_running {
            self.asked_at = Some(place);
            return Next::Cancel(place);
        }
        Next::Wait
    }
}

#[cfg(test)]
mod tests {
    use super::{CANCELLING, HEARD, Next, SETTLE, STUBBORN, Sighting, Tracker, UNHEARD};
    use crate::{harvest::Harvest, history::Ending, queue::Place};
    use mdd_driver_api::{Stage, model::Resume};
    use std::time::Duration;

    /// The host's clock begins with the host, so that a checkpoint may be older than it.
    const NOW: Duration = Duration::from_secs(1);
    const WAITING: Sighting = Sighting::At(Place::Waiting { place: 0, length: 1 });
    const RUNNING: Sighting = Sighting::At(Place::Running);
    const CANCEL_WAITING: Next = Next::Cancel(Place::Waiting { place: 0, length: 1 });
    const CANCEL_RUNNING: Next = Next::Cancel(Place::Running);

    fn resumed(stage: Stage, age: Duration, same_boot: Option<bool>) -> Tracker {
        let mut checkpoint = Resume::default();
        checkpoint.stage = stage.0;
        checkpoint.age_ms = u64::try_from(age.as_millis()).unwrap();
        checkpoint.same_boot = same_boot;
        Tracker::resumed(&checkpoint, NOW)
    }

    fn over() -> Sighting {
        Sighting::Over(Ending::Done(Harvest::default()))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_job_goes_through_the_queue_to_its_end() {
        let mut tracker = Tracker::acked(NOW);
        assert_eq!(tracker.saw(WAITING, NOW), Next::Wait);
        assert_eq!(tracker.saw(RUNNING, NOW), Next::Reached(Stage::RUNNING));
        assert_eq!(tracker.saw(RUNNING, NOW), Next::Wait);
        assert_eq!(tracker.saw(over(), NOW), Next::Over(Ending::Done(Harvest::default())));
    }

    #[test]
    fn a_job_that_was_seen_and_is_gone_is_lost() {
        let mut tracker = Tracker::acked(NOW);
        tracker.saw(RUNNING, NOW);
        assert_eq!(tracker.saw(Sighting::Absent, NOW), Next::Lost);
        for stage in [Stage::RUNNING, Stage::FETCHING] {
            assert_eq!(resumed(stage, seconds(0), Some(true)).saw(Sighting::Absent, NOW), Next::Lost, "{stage:?}");
        }
    }

    #[test]
    fn a_job_that_was_acknowledged_may_come_late() {
        let mut tracker = Tracker::acked(NOW);
        assert_eq!(tracker.saw(Sighting::Absent, NOW), Next::Wait);
        assert_eq!(tracker.saw(Sighting::Absent, NOW + seconds(5)), Next::Wait);
        assert_eq!(tracker.saw(RUNNING, NOW + seconds(6)), Next::Reached(Stage::RUNNING));
        let mut tracker = Tracker::acked(NOW);
        assert_eq!(tracker.saw(Sighting::Absent, NOW + SETTLE), Next::Wait);
        assert_eq!(tracker.saw(Sighting::Absent, NOW + SETTLE + UNHEARD), Next::Lost);
        // Nobody has just sent what was written down long ago.
        let mut old = resumed(Stage::ACKED, seconds(60), None);
        assert_eq!(old.saw(Sighting::Absent, NOW), Next::Wait);
        assert_eq!(old.saw(Sighting::Absent, NOW + UNHEARD), Next::Lost);
    }

    #[test]
    fn an_unacknowledged_job_takes_the_settle_time_and_two_looks() {
        for same_boot in [Some(true), None] {
            let mut tracker = resumed(Stage::SENT, seconds(4), same_boot);
            for after in [0, 2, 4, 10] {
                assert_eq!(tracker.saw(Sighting::Absent, NOW + seconds(after)), Next::Wait, "{after}");
            }
            assert_eq!(tracker.saw(Sighting::Absent, NOW + seconds(11)), Next::NotAccepted);
            let mut old = resumed(Stage::SENT, seconds(60), same_boot);
            assert_eq!(old.saw(Sighting::Absent, NOW), Next::Wait);
            assert_eq!(old.saw(Sighting::Absent, NOW + UNHEARD), Next::NotAccepted);
        }
    }

    #[test]
    fn a_look_that_finds_it_starts_the_count_again() {
        let mut tracker = resumed(Stage::SENT, seconds(60), None);
        assert_eq!(tracker.saw(Sighting::Absent, NOW), Next::Wait);
        assert_eq!(tracker.saw(WAITING, NOW), Next::Reached(Stage::ACKED));
        assert_eq!(tracker.saw(Sighting::Absent, NOW), Next::Lost);
    }

    #[test]
    fn a_restart_settles_it_at_the_second_look() {
        for (stage, end) in [(Stage::SENT, Next::NotAccepted), (Stage::ACKED, Next::Lost)] {
            let mut tracker = resumed(stage, seconds(0), Some(false));
            assert_eq!(tracker.saw(Sighting::Absent, NOW), Next::Wait);
            assert_eq!(tracker.saw(Sighting::Absent, NOW + UNHEARD), end);
        }
        // It was seen in the queue.
        assert_eq!(resumed(Stage::RUNNING, seconds(0), Some(false)).saw(Sighting::Absent, NOW), Next::Lost);
        // What is there is there, whatever is believed of the process.
        assert_eq!(resumed(Stage::SENT, seconds(0), Some(false)).saw(RUNNING, NOW), Next::Reached(Stage::RUNNING));
    }

    #[test]
    fn a_waiting_job_is_cancelled_once_and_again_when_it_runs() {
        let mut tracker = Tracker::acked(NOW);
        tracker.saw(WAITING, NOW);
        tracker.cancel(NOW);
        assert_eq!(tracker.saw(WAITING, NOW), CANCEL_WAITING);
        assert_eq!(tracker.saw(WAITING, NOW), Next::Wait);
        assert_eq!(tracker.saw(RUNNING, NOW), CANCEL_RUNNING);
        assert_eq!(tracker.saw(RUNNING, NOW), Next::Wait);
        assert_eq!(tracker.saw(Sighting::Absent, NOW), Next::Cancelled { still_running: false });
    }

    #[test]
    fn whatever_it_came_to_meanwhile_it_is_cancelled() {
        let mut tracker = Tracker::acked(NOW);
        tracker.cancel(NOW);
        assert_eq!(tracker.saw(over(), NOW), Next::Cancelled { still_running: false });
    }

    #[test]
    fn a_node_without_steps_is_not_waited_for() {
        let mut tracker = Tracker::acked(NOW);
        tracker.cancel(NOW);
        assert_eq!(tracker.saw(RUNNING, NOW), CANCEL_RUNNING);
        tracker.cancel(NOW + STUBBORN);
        assert_eq!(tracker.saw(RUNNING, NOW + STUBBORN), Next::Cancelled { still_running: true });
        // Never without having asked.
        let mut late = Tracker::acked(NOW);
        late.cancel(NOW);
        assert_eq!(late.saw(RUNNING, NOW + STUBBORN), CANCEL_RUNNING);
    }

    #[test]
    fn a_cancelled_job_that_may_still_come_is_waited_for() {
        let mut tracker = resumed(Stage::SENT, seconds(0), None);
        tracker.cancel(NOW);
        assert_eq!(tracker.saw(Sighting::Absent, NOW), Next::Wait);
        assert_eq!(tracker.saw(WAITING, NOW + seconds(3)), CANCEL_WAITING);
        assert_eq!(tracker.saw(Sighting::Absent, NOW + seconds(3)), Next::Cancelled { still_running: false });
        let mut never = resumed(Stage::SENT, SETTLE, None);
        never.cancel(NOW);
        assert_eq!(never.saw(Sighting::Absent, NOW), Next::Wait);
        assert_eq!(never.saw(Sighting::Absent, NOW + UNHEARD), Next::Cancelled { still_running: false });
    }

    #[test]
    fn looks_are_rare_only_while_a_socket_tells() {
        let mut tracker = Tracker::acked(NOW);
        assert_eq!((tracker.pause(true), tracker.pause(false)), (HEARD, UNHEARD));
        tracker.saw(Sighting::Absent, NOW);
        assert_eq!(tracker.pause(true), UNHEARD);
        tracker.saw(RUNNING, NOW);
        tracker.cancel(NOW);
        assert_eq!((tracker.pause(true), tracker.pause(false)), (CANCELLING, CANCELLING));
    }
}
