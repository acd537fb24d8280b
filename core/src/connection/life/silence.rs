//! A connected backend that does not answer: busy, unresponsive, suspended or gone are different facts.

use super::{Ask, Command, Connected, Evidence, Fault, Life, Phase, Silence, State, observed, state::Exit};
use crate::diagnosis::{Class, Reason};
use std::time::Duration;
use tokio::time::Instant;

/// Silence that ends a connection when nothing else speaks for the backend.
pub(super) const SILENCE: Duration = Duration::from_secs(30);
/// Whatever happens to a backend, it shows within this time, unless the host itself is in trouble.
pub(super) const SHOWS_WITHIN: Duration = Duration::from_secs(15);
/// For an answer to a check.
const PATIENCE: Duration = Duration::from_secs(3);
/// Even if little of [`SHOWS_WITHIN`] is left.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);
/// From the first miss to the question that confirms it.
const CONFIRM: Duration = Duration::from_millis(250);
/// After a miss that was confirmed.
const WHILE_SILENT: Duration = Duration::from_secs(1);
/// While it works, or may: each question that it has no time for lies in its queue.
const WHILE_WORKING: Duration = Duration::from_secs(5);
/// As long ago its last sign of life may be.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// After the host was late, its own measurements are doubted for so long.
const DISTRUST: Duration = Duration::from_secs(10);
/// For each this much that the host was late, it is as patient again; 8 times at the most.
const STRAIN: Duration = Duration::from_millis(250);

impl Life {
    /// How long a check that begins now may take.
    pub fn patience(&self, now: Instant) -> Duration {
        let patience = match &self.state {
            // Once it shows there is no haste any more, and whoever is slow may answer late.
            State::Connected(connected) if connected.silence.as_ref().is_some_and(|silence| silence.misses == 1) => {
                // The last tenth is for the steps in between.
                let left = (connected.answered + SHOWS_WITHIN.mul_f64(0.95)).saturating_duration_since(now);
                left.clamp(LEAST_PATIENCE, PATIENCE)
            }
            _ => PATIENCE,
        };
        match self.strained {
            Some((until, factor)) if now < until => patience * factor,
            _ => patience,
        }
    }

    /// The host did not run for a while: what it waited for may have come in that time.
    pub(super) fn late(&mut self, by: Duration, now: Instant) -> Vec<Command> {
        let factor = 1 + u32::try_from(by.as_millis() / STRAIN.as_millis()).unwrap_or(u32::MAX).min(7);
        let before = self.strained.filter(|(until, _)| now < *until).map_or(1, |(_, factor)| factor);
        self.strained = Some((now + DISTRUST, factor.max(before)));
        match &mut self.state {
            State::Connecting { deadline, .. } => (*deadline, self.doubt) = (*deadline + by, true),
            State::Refused { due, asking: true, .. } => (*due, self.doubt) = (*due + by, true),
            State::Connected(connected) => connected.doubt = true,
            State::Disabled | State::Waiting { .. } | State::Refused { .. } => {}
        }
        vec![]
    }

    /// Repeats the question that got no answer on the way to connected.
    pub(super) fn ask_again(&mut self, now: Instant) -> Option<Command> {
        let (until, question, phase) = match &mut self.state {
            State::Connecting { phase: phase @ Phase::Dial, deadline, .. } => (deadline, Command::Dial, *phase),
            State::Connecting { phase: phase @ Phase::Identify, deadline, .. } => (deadline, Command::Identify, *phase),
            State::Connecting { phase: phase @ Phase::Check, deadline, .. } => (deadline, Command::Check, *phase),
            State::Refused { due, asking: true, .. } => (due, Command::Identify, Phase::Identify),
            State::Connecting { phase: Phase::Watch, .. } | State::Refused { .. } => return None,
            State::Disabled | State::Waiting { .. } | State::Connected(_) => return None,
        };
        *until = now + phase.deadline();
        Some(question)
    }

    /// The machine has slept: connections may be gone, and services may be back.
    pub(super) fn woke(&mut self, now: Instant) -> Vec<Command> {
        match &mut self.state {
            State::Disabled | State::Connecting { .. } => vec![],
            State::Waiting { .. } => self.begin(now),
            State::Refused { asking, .. } if *asking => vec![],
            State::Refused { .. } => self.ask_refused(now),
            State::Connected(connected) => {
                connected.doubt = true;
                connected.silence = None;
                connected.ask()
            }
        }
    }

    pub(super) fn evidence(&mut self, evidence: Evidence, now: Instant) -> Vec<Command> {
        let State::Connected(connected) = &mut self.state else { return vec![] };
        let before = connected.process.replace(evidence);
        match evidence {
            Evidence::Works => connected.worked = Some(now),
            // Nothing that is not answered now tells more than that.
            Evidence::Stopped => {
                connected.silence = None;
                connected.doubt = true;
            }
            Evidence::Idle | Evidence::Unclear => {}
        }
        if before == Some(Evidence::Stopped) && evidence != Evidence::Stopped {
            connected.doubt = true;
            connected.answers = 0;
            return connected.ask();
        }
        vec![]
    }

    /// Its process has ended. Another one may hold the port, so that is asked.
    pub(super) fn exited(&mut self, reason: Reason, now: Instant) -> Vec<Command> {
        if matches!(self.state, State::Refused { asking: false, .. }) {
            return self.listens(now);
        }
        let State::Connected(connected) = &mut self.state else { return vec![] };
        let was_stopped = connected.process.take() == Some(Evidence::Stopped);
        connected.exited = Some(Exit { reason, was_stopped });
        connected.worked = None;
        connected.ask()
    }

    /// A check of a connected backend failed.
    pub(super) fn missed(&mut self, fault: Fault, now: Instant, random: u64) -> Vec<Command> {
        let State::Connected(connected) = &mut self.state else { return vec![] };
        let seen = match fault.class {
            Class::NeedsYou | Class::OurFault => return self.failed(fault, now, random),
            Class::Gone => return self.lost(fault, now, random),
            Class::Silent => Seen::Nothing,
            Class::Odd => Seen::SomethingOdd,
        };
        if connected.process == Some(Evidence::Stopped) {
            connected.check = Ask::At(now + WHILE_SILENT);
            return vec![];
        }
        if seen == Seen::Nothing && std::mem::take(&mut connected.doubt) {
            connected.check = Ask::At(now);
            return vec![];
        }
        let before = connected.silence.take();
        let since = before.as_ref().map_or(now, |silence| silence.since);
        let misses = before.map_or(0, |silence| silence.misses).saturating_add(1);
        // One odd answer may be a connection that was cut in the wrong moment; two are another service.
        if misses > 1 && (seen == Seen::SomethingOdd || is_cut_off(&fault)) {
            return self.lost(fault, now, random);
        }
        let is_long = now.duration_since(since) >= SILENCE;
        let is_doubtful = is_long && !connected.is_spoken_for(now);
        if is_doubtful && !connected.may_work_unseen() {
            let reason = observed(&self.words.stopped_answering, &fault.reason.observation);
            return self.lost(Fault { reason, ..fault }, now, random);
        }
        let again = match connected.process {
            // A connection that was cut is asked anew at once if its process has ended.
            None if connected.exited.is_some() => Duration::ZERO,
            Some(Evidence::Works) => WHILE_WORKING,
            _ if misses == 1 => CONFIRM,
            _ if is_long => WHILE_WORKING,
            _ => WHILE_SILENT,
        };
        connected.answers = 0;
        connected.silence = Some(Silence { since, misses, reason: fault.reason });
        if is_doubtful {
            // The last sign of life that there can be: somebody accepts connections there.
            (connected.check, connected.doubt) = (Ask::UnderWay, false);
            return vec![Command::Dial];
        }
        connected.check = Ask::At(now + again);
        vec![]
    }

    /// A backend that has been silent for long was dialled.
    pub(super) fn dialed_in_silence(&mut self, result: Result<(), Fault>, now: Instant, random: u64) -> Vec<Command> {
        let State::Connected(connected) = &mut self.state else { return vec![] };
        connected.check = Ask::At(now + WHILE_WORKING);
        match result {
            Err(fault) if is_cut_off(&fault) && connected.doubt => connected.check = Ask::At(now),
            Err(fault) if fault.class != Class::Silent || is_cut_off(&fault) => return self.lost(fault, now, random),
            // A queue of connections that is full has an owner, too.
            Ok(()) | Err(_) => connected.accepted = Some(now),
        }
        vec![]
    }

    /// The connection is over. That its process has ended says more than what came of it.
    fn lost(&mut self, fault: Fault, now: Instant, random: u64) -> Vec<Command> {
        let exited = match &mut self.state {
            State::Connected(connected) => connected.exited.take(),
            _ => None,
        };
        match exited {
            Some(Exit { reason, .. }) => {
                self.failed(Fault { class: Class::Gone, reason, may_start: false }, now, random)
            }
            None => self.failed(fault, now, random),
        }
    }
}

/// What came in place of a good answer.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Seen {
    Nothing,
    SomethingOdd,
}

/// Its machine does not even accept connections.
fn is_cut_off(fault: &Fault) -> bool {
    fault.reason.code == "connect-timeout"
}

impl Connected {
    /// Whether anything but answers says that it lives.
    fn is_spoken_for(&self, now: Instant) -> bool {
        let within = |time: Duration, at: Option<Instant>| at.is_some_and(|at| now.duration_since(at) <= time);
        // Where no process is seen, whether it still accepts connections says more than what it had to do.
        let has_a_job = self.queue.is_some_and(|queue| queue.running > 0) && self.process == Some(Evidence::Idle);
        self.process == Some(Evidence::Stopped)
            || within(SIGN_OF_LIFE, self.worked)
            || within(SIGN_OF_LIFE, self.heard)
            || within(SILENCE, self.accepted)
            || has_a_job
    }

    /// Nobody can tell whether it works: its process is on another machine, hidden, or only passes connections on.
    fn may_work_unseen(&self) -> bool {
        match self.process {
            None => self.exited.is_none(),
            Some(Evidence::Unclear) => true,
            Some(Evidence::Works | Evidence::Idle | Evidence::Stopped) => false,
        }
    }
}
