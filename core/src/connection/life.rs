//! The states of a backend, pure: time, randomness and the outcome of every question come in, commands go out.

mod silence;
mod state;
mod step;
mod tempo;

pub use state::{Ask, Command, Connected, Evidence, Fault, Input, Phase, Push, Silence, State, Words};
pub use step::Step;
pub use tempo::{CHECK_EVERY, LONGEST, SHORTEST, Tempo};

use super::Backoff;
use crate::diagnosis::{Class, Reason};
use mdd_driver_api::model::{Identity, Sample, Verdict};
use std::time::Duration;
use tokio::time::Instant;

/// While a change is under way.
const CHECK_SOON: Duration = Duration::from_secs(1);
/// Without a push channel that the backend should have.
const CHECK_POLLING: Duration = Duration::from_secs(2);
/// Good answers in a row that end a change.
const SETTLED: u8 = 3;
/// Whoever has opened its port and gives no good answer is starting, and after this time it is stuck.
const STARTING: Duration = Duration::from_secs(300);
/// After a port was opened, pauses are no longer than those after so many failures…
const SOFTENED: u32 = 2;
/// …but not more often than this.
const SOFTEN_EVERY: Duration = Duration::from_secs(60);
/// Between two questions to a backend that needs its user.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// As long as a fault of driver or host keeps the pauses growing.
const FAULT_MEMORY: Duration = Duration::from_secs(600);

/// The life of one backend.
#[derive(Debug)]
pub struct Life {
    state: State,
    backoff: Backoff,
    watch_backoff: Backoff,
    /// A key was refused although it is set: only its change, an open door, or another process that may want another key
    /// makes it worthwhile to show it again.
    key_refused: bool,
    has_key: bool,
    /// The driver's last panic or the host's last fault: for a while after it a good answer proves nothing.
    faulted: Option<Instant>,
    /// The good answer that made it connected.
    first_sample: Option<Sample>,
    /// The explanation for faults that the machine itself states.
    words: Words,
    tempo: Tempo,
    /// The host itself was late since a question on the way to connected was asked: no answer proves nothing.
    doubt: bool,
    /// Until when and how many times as patient it is, as the host was late.
    strained: Option<(Instant, u32)>,
    /// Nobody listened, in this outage.
    was_closed: bool,
    /// When somebody did again.
    opened: Option<Instant>,
    /// When the pauses were last made shorter for that.
    softened: Option<Instant>,
}

impl Words {
    /// The reason why a backend that works does not answer.
    pub(super) fn busy(&self, seen: &str) -> Reason {
        observed(&self.busy_silent, seen)
    }
}

/// Adds what was seen to a reason that says where.
fn observed(template: &Reason, seen: &str) -> Reason {
    let seen = mdd_driver_api::text::printable(seen, 300);
    if seen.is_empty() {
        return template.clone();
    }
    Reason { observation: format!("{}: {seen}", template.observation), ..template.clone() }
}

impl Life {
    /// A backend that has not been tried yet.
    pub fn new(words: Words, has_key: bool, now: Instant) -> Self {
        Self {
            state: State::Waiting { reason: words.not_tried.clone(), next_try: now },
            backoff: Backoff::default(),
            watch_backoff: Backoff::default(),
            key_refused: false,
            has_key,
            faulted: None,
            first_sample: None,
            words,
            tempo: Tempo::new(CHECK_EVERY, now),
            doubt: false,
            strained: None,
            was_closed: false,
            opened: None,
            softened: None,
        }
    }

    /// The same with another tempo.
    #[must_use]
    pub fn paced(self, tempo: Tempo) -> Self {
        Self { tempo, ..self }
    }

    /// A backend that discovery has just recognised: its identity comes as the first input.
    pub fn recognised(words: Words, has_key: bool, now: Instant) -> Self {
        let mut life = Self::new(words, has_key, now);
        life.enter(Phase::Identify, now);
        life
    }

    /// Where it stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The explanations that it states by itself.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// What is said when its process, of which something is known now, is stopped.
    pub fn explain_suspension(&mut self, suspended: Reason) {
        self.words.suspended = suspended;
    }

    /// Number of the attempt that is under way or comes next; 0 while connected.
    pub fn attempt(&self) -> u32 {
        match self.state {
            State::Disabled | State::Connected(_) => 0,
            State::Waiting { .. } | State::Connecting { .. } | State::Refused { .. } => self.backoff.failures() + 1,
        }
    }

    /// When [`Input::Tick`] is due.
    pub fn due(&self) -> Option<Instant> {
        match &self.state {
            State::Disabled => None,
            State::Waiting { next_try, .. } => Some(*next_try),
            State::Connecting { deadline, .. } => Some(*deadline),
            State::Refused { due, .. } => Some(*due),
            State::Connected(connected) => {
                let check = match connected.check {
                    Ask::At(at) => Some(at),
                    Ask::UnderWay => None,
                };
                let push = match connected.push {
                    Push::None | Push::Open => None,
                    Push::Opening(at, _) | Push::Down(at, _) => Some(at),
                };
                check.into_iter().chain(push).min()
            }
        }
    }

    /// Takes in what happened and says what is to be done. `random` is uniform over all of `u64`.
    pub fn handle(&mut self, input: Input, now: Instant, random: u64) -> Vec<Command> {
        match input {
            Input::Disable => {
                self.state = State::Disabled;
                vec![Command::Abandon, Command::DropInstance]
            }
            Input::TryNow => self.try_now(now),
            Input::Tick => self.tick(now, random),
            Input::Dialed(result) => self.dialed(result, now, random),
            Input::Identified(result) => self.identified(result, now, random),
            Input::Checked(result) => self.checked(result, now, random),
            Input::Status(sample) => self.status(sample, now),
            Input::Problem(problem) => self.problem(problem),
            Input::Changed => match self.state {
                State::Connected(_) => vec![Command::Inspect],
                _ => vec![],
            },
            Input::WatchEnded(fault) => self.watch_ended(fault, now, random),
            Input::Listens => self.listens(now),
            Input::Evidence(evidence) => self.evidence(evidence, now),
            Input::Exited(reason) => self.exited(reason, now),
            Input::Doubted => match &mut self.state {
                State::Connected(connected) => connected.ask(),
                _ => vec![],
            },
            Input::Late(by) => self.late(by, now),
            Input::Woke => self.woke(now),
        }
    }

    /// Its turn has come sooner than the pause would end.
    fn listens(&mut self, now: Instant) -> Vec<Command> {
        match &self.state {
            State::Waiting { .. } => {
                if self.softened.is_none_or(|at| now.duration_since(at) >= SOFTEN_EVERY) {
                    self.softened = Some(now);
                    self.backoff.soften(SOFTENED);
                }
                self.begin(now)
            }
            State::Refused { asking: false, .. } => {
                self.key_refused = false;
                self.ask_refused(now)
            }
            State::Disabled | State::Connecting { .. } | State::Connected(_) | State::Refused { .. } => vec![],
        }
    }

    fn try_now(&mut self, now: Instant) -> Vec<Command> {
        match &mut self.state {
            State::Disabled | State::Waiting { .. } => self.begin(now),
            State::Refused { asking, .. } => {
                if *asking {
                    return vec![];
                }
                self.key_refused = false;
                self.begin(now)
            }
            State::Connecting { .. } => vec![],
            State::Connected(connected) => {
                let mut commands = connected.ask();
                commands.push(Command::Inspect);
                commands
            }
        }
    }

    fn begin(&mut self, now: Instant) -> Vec<Command> {
        self.enter(Phase::Dial, now);
        vec![Command::Dial]
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        let last = match &self.state {
            State::Waiting { reason, .. } | State::Refused { reason, .. } => Some(reason.clone()),
            State::Connecting { last, .. } => last.clone(),
            State::Disabled | State::Connected(_) => None,
        };
        let last = last.filter(|reason| *reason != self.words.not_tried);
        self.doubt = false;
        self.state = State::Connecting { phase, deadline: now + phase.deadline(), last };
    }

    fn tick(&mut self, now: Instant, random: u64) -> Vec<Command> {
        if self.due().is_none_or(|due| now < due) {
            return vec![];
        }
        match &self.state {
            State::Disabled => vec![],
            State::Waiting { .. } => self.begin(now),
            State::Connecting { phase: Phase::Watch, .. } => self.connected_without_push(now, random),
            State::Connecting { .. } => {
                let reason = self.words.no_answer.clone();
                let fault = Fault { class: Class::Silent, reason, may_start: true };
                self.failed(fault, now, random)
            }
            State::Refused { asking: false, .. } => self.ask_refused(now),
            State::Refused { asking: true, reason, .. } => {
                let reason = reason.clone();
                self.refused(reason, now);
                vec![Command::Abandon]
            }
            State::Connected(_) => self.tick_connected(now, random),
        }
    }

    fn ask_refused(&mut self, now: Instant) -> Vec<Command> {
        self.doubt = false;
        if let State::Refused { due, asking, .. } = &mut self.state {
            *due = now + Phase::Identify.deadline();
            *asking = true;
        }
        vec![Command::Identify]
    }

    fn dialed(&mut self, result: Result<(), Fault>, now: Instant, random: u64) -> Vec<Command> {
        match (&self.state, result) {
            (State::Connecting { phase: Phase::Dial, .. }, Ok(())) => {
                if self.was_closed {
                    self.opened.get_or_insert(now);
                }
                self.enter(Phase::Identify, now);
                vec![Command::Identify]
            }
            (State::Connecting { phase: Phase::Dial, .. }, Err(fault)) => self.unanswered(fault, now, random),
            (State::Connected(_), result) => self.dialed_in_silence(result, now, random),
            _ => vec![],
        }
    }

    fn identified(&mut self, result: Result<Identity, Fault>, now: Instant, random: u64) -> Vec<Command> {
        match &self.state {
            State::Connecting { phase: Phase::Identify, .. } | State::Refused { asking: true, .. } => {}
            _ => return vec![],
        }
        let identity = match result {
            Ok(identity) => identity,
            Err(fault) => return self.unanswered(fault, now, random),
        };
        match identity.verdict {
            Verdict::Mine => self.go_on(now),
            Verdict::Locked if self.has_key && !self.key_refused => self.go_on(now),
            Verdict::Locked => {
                let reason = match &self.state {
                    // The answer to the key says more than the closed door.
                    State::Refused { reason, .. } if self.key_refused => reason.clone(),
                    _ if self.key_refused => observed(&self.words.key_refused, &identity.seen),
                    _ => observed(&self.words.needs_key, &identity.seen),
                };
                self.refused(reason, now);
                vec![]
            }
            _ => {
                self.refused(observed(&self.words.wrong_service, &identity.seen), now);
                vec![]
            }
        }
    }

    fn go_on(&mut self, now: Instant) -> Vec<Command> {
        self.enter(Phase::Check, now);
        vec![Command::Promote, Command::Check]
    }

    fn checked(&mut self, result: Result<Sample, Fault>, now: Instant, random: u64) -> Vec<Command> {
        match (&mut self.state, result) {
            (State::Connecting { phase: Phase::Check, .. }, Ok(sample)) => {
                // It is what it should be and has answered well. But a driver that has just panicked did so too.
                if self.faulted.is_none_or(|at| now.duration_since(at) > FAULT_MEMORY) {
                    self.backoff.reset();
                }
                self.first_sample = Some(sample);
                self.key_refused = false;
                self.enter(Phase::Watch, now);
                vec![Command::Watch]
            }
            (State::Connecting { phase: Phase::Check, .. }, Err(fault)) => self.unanswered(fault, now, random),
            (State::Connected(connected), Ok(sample)) => connected.answered(sample, now, &self.tempo),
            (State::Connected(_), Err(fault)) => self.missed(fault, now, random),
            _ => vec![],
        }
    }

    fn tick_connected(&mut self, now: Instant, random: u64) -> Vec<Command> {
        let no_live_updates = self.words.no_live_updates.clone();
        let State::Connected(connected) = &mut self.state else { return vec![] };
        let mut commands = Vec::new();
        let is_stopped = connected.process == Some(Evidence::Stopped);
        match connected.push.clone() {
            Push::Down(at, reason) if at <= now && is_stopped => {
                connected.push = Push::Down(self.tempo.beat(now, CHECK_SOON), reason);
            }
            Push::Down(at, reason) if at <= now => {
                connected.push = Push::Opening(now + Phase::Watch.deadline(), reason);
                commands.push(Command::Watch);
            }
            Push::Opening(at, _) if at <= now => {
                connected.push = Push::Down(now + self.watch_backoff.next(random), no_live_updates);
                commands.push(Command::StopWatch);
            }
            Push::None | Push::Open | Push::Down(..) | Push::Opening(..) => {}
        }
        if matches!(connected.check, Ask::At(at) if at <= now) {
            match connected.ask() {
                // It is stopped: there is nobody who could answer.
                asked if asked.is_empty() => connected.check = Ask::At(self.tempo.beat(now, CHECK_SOON)),
                asked => commands.extend(asked),
            }
        }
        commands
    }

    fn status(&mut self, sample: Sample, now: Instant) -> Vec<Command> {
        match &mut self.state {
            State::Connecting { phase: Phase::Watch, .. } => self.connected(Push::Open, Some(sample), now),
            State::Connected(connected) => {
                self.watch_backoff.reset();
                connected.push = Push::Open;
                connected.heard = Some(now);
                connected.take(sample);
                // News from a backend that seemed silent: ask at once whether it answers again.
                if connected.silence.is_some() && matches!(connected.check, Ask::At(_)) {
                    connected.check = Ask::At(now);
                }
                connected.refresh(now)
            }
            _ => vec![],
        }
    }

    fn problem(&mut self, problem: Option<Reason>) -> Vec<Command> {
        if let State::Connected(connected) = &mut self.state {
            connected.problem = problem;
        }
        vec![]
    }

    fn watch_ended(&mut self, fault: Option<Fault>, now: Instant, random: u64) -> Vec<Command> {
        match (&mut self.state, fault) {
            (State::Connecting { phase: Phase::Watch, .. }, None) => self.connected(Push::None, None, now),
            (State::Connecting { phase: Phase::Watch, .. }, Some(fault)) if fault.class == Class::OurFault => {
                self.failed(fault, now, random)
            }
            (State::Connecting { phase: Phase::Watch, .. }, Some(fault)) => {
                let push = Push::Down(now + self.watch_backoff.next(random), fault.reason);
                self.connected(push, None, now)
            }
            (State::Connected(connected), None) => {
                connected.push = Push::None;
                vec![]
            }
            (State::Connected(_), Some(fault)) if fault.class == Class::OurFault => self.failed(fault, now, random),
            (State::Connected(connected), Some(fault)) => {
                connected.push = Push::Down(now + self.watch_backoff.next(random), fault.reason);
                // A channel that breaks is often the first sign of a loss.
                connected.ask()
            }
            _ => vec![],
        }
    }

    fn connected_without_push(&mut self, now: Instant, random: u64) -> Vec<Command> {
        let push = Push::Down(now + self.watch_backoff.next(random), self.words.no_live_updates.clone());
        let mut commands = vec![Command::StopWatch];
        commands.extend(self.connected(push, None, now));
        commands
    }

    fn connected(&mut self, push: Push, sample: Option<Sample>, now: Instant) -> Vec<Command> {
        if matches!(push, Push::Open) {
            self.watch_backoff.reset();
        }
        let mut connected = Connected::new(push, now, &self.tempo);
        (self.was_closed, self.opened) = (false, None);
        for sample in self.first_sample.take().into_iter().chain(sample) {
            connected.take(sample);
        }
        self.state = State::Connected(Box::new(connected));
        vec![Command::Inspect]
    }

    /// A question on the way to connected has failed.
    fn unanswered(&mut self, fault: Fault, now: Instant, random: u64) -> Vec<Command> {
        let is_doubtful = std::mem::take(&mut self.doubt) && fault.class == Class::Silent;
        if is_doubtful && let Some(question) = self.ask_again(now) {
            vec![question]
        } else {
            self.failed(fault, now, random)
        }
    }

    /// Whatever was under way has failed: wait and try again, or wait for the user.
    fn failed(&mut self, fault: Fault, now: Instant, random: u64) -> Vec<Command> {
        let mut commands = vec![Command::Abandon];
        let fault = self.starting(fault, now);
        if fault.class == Class::Gone {
            // Whoever comes next may want another key.
            self.key_refused = false;
        }
        if fault.class == Class::NeedsYou {
            self.key_refused |= self.has_key && self.has_shown_its_key();
            self.refused(fault.reason, now);
        } else {
            let next_try = now + self.backoff.next(random);
            self.state = State::Waiting { reason: fault.reason, next_try };
        }
        if fault.class == Class::OurFault {
            self.faulted = Some(now);
            commands.push(Command::DropInstance);
        }
        commands
    }

    /// Whoever has opened its port a while ago is not in order *yet*.
    fn starting(&mut self, fault: Fault, now: Instant) -> Fault {
        if fault.class == Class::Gone {
            (self.was_closed, self.opened) = (true, None);
            return fault;
        }
        match self.opened.map(|opened| now.duration_since(opened)) {
            Some(open) if fault.may_start && open < STARTING => {
                let seen = format!("for {} s; {}", open.as_secs(), fault.reason.observation);
                Fault { reason: observed(&self.words.starting, &seen), ..fault }
            }
            Some(_) | None => fault,
        }
    }

    /// Keys are shown once it is known who asks for them.
    fn has_shown_its_key(&self) -> bool {
        match &self.state {
            State::Connected(_) | State::Connecting { phase: Phase::Check | Phase::Watch, .. } => true,
            State::Connecting { phase: Phase::Dial | Phase::Identify, .. } => false,
            State::Disabled | State::Waiting { .. } | State::Refused { .. } => false,
        }
    }

    fn refused(&mut self, reason: Reason, now: Instant) {
        self.state = State::Refused { reason, due: now + ASK_AGAIN, asking: false };
    }
}

#[cfg(test)]
mod tests;
