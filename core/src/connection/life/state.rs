//! The states, what moves between them, and what comes out.

use super::{CHECK_POLLING, CHECK_SOON, SETTLED, Tempo};
use crate::diagnosis::{Class, Reason};
use mdd_driver_api::model::{Identity, Queue, Sample};
use std::time::Duration;
use tokio::time::Instant;

/// Between two looks at what an idle backend holds.
const REFRESH_EVERY: Duration = Duration::from_secs(60);
/// The same after its work; many short jobs are looked at together.
const REFRESH_AFTER_WORK: Duration = Duration::from_secs(5);

/// Where a backend stands.
#[derive(Debug, Clone)]
pub enum State {
    /// Switched off by the user.
    Disabled,
    /// Until `next_try`.
    Waiting {
        /// Why.
        reason: Reason,
        /// When.
        next_try: Instant,
    },
    /// On the way.
    Connecting {
        /// The step that is under way.
        phase: Phase,
        /// When it has failed.
        deadline: Instant,
        /// Why the attempt before this one failed.
        last: Option<Reason>,
    },
    /// Usable.
    Connected(Box<Connected>),
    /// Only the user can change it; asked again every 30 s with one unauthenticated question.
    Refused {
        /// Why.
        reason: Reason,
        /// When it is asked again, or must have answered.
        due: Instant,
        /// Whether the question is under way.
        asking: bool,
    },
}

/// The steps of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Opening a TCP connection.
    Dial,
    /// Asking what it is.
    Identify,
    /// Waiting for the first good answer.
    Check,
    /// Waiting for the first news of the push channel.
    Watch,
}

impl Phase {
    /// How long the step may take. A service that is asked something that it does not know may need 4 s.
    pub const fn deadline(self) -> Duration {
        match self {
            // The transport gives up first, and knows why.
            Self::Dial => Duration::from_secs(4),
            Self::Identify => Duration::from_secs(6),
            Self::Check | Self::Watch => Duration::from_secs(3),
        }
    }
}

/// What is known of a connected backend.
#[derive(Debug, Clone)]
pub struct Connected {
    /// The next check.
    pub check: Ask,
    /// Good answers in a row, as far as they are counted.
    pub answers: u8,
    /// The last good answer.
    pub answered: Instant,
    /// The last news of the push channel.
    pub heard: Option<Instant>,
    /// A row of unanswered checks.
    pub silence: Option<Silence>,
    /// The host itself was late since the last question was asked: that it got no answer proves nothing.
    pub doubt: bool,
    /// What the process that serves it is up to, where that is known.
    pub process: Option<Evidence>,
    /// When it was last seen working.
    pub worked: Option<Instant>,
    /// When somebody last accepted a connection in its silence.
    pub accepted: Option<Instant>,
    /// Its process has ended, and nobody has answered since.
    pub exited: Option<Exit>,
    /// The push channel.
    pub push: Push,
    /// What the driver says is missing.
    pub problem: Option<Reason>,
    /// What it has to do.
    pub queue: Option<Queue>,
    /// What changes with a restart.
    pub boot: Option<String>,
    /// When the inventory was last asked for.
    pub inspected: Instant,
    /// It has had something to do since then.
    pub has_worked: bool,
}

/// The end of a process.
#[derive(Debug, Clone)]
pub struct Exit {
    /// In words.
    pub reason: Reason,
    /// It was stopped to the last: it is of no use before somebody in its place has answered.
    pub was_stopped: bool,
}

/// A row of unanswered checks.
#[derive(Debug, Clone)]
pub struct Silence {
    /// When the first one went without an answer.
    pub since: Instant,
    /// How many.
    pub misses: u32,
    /// Why the last one failed.
    pub reason: Reason,
}

/// What the operating system says of the process that serves a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// It uses a processor or a disk.
    Works,
    /// It lives and does nothing.
    Idle,
    /// It lives, and who does the work cannot be seen.
    Unclear,
    /// Somebody has stopped it.
    Stopped,
}

/// A repeated question.
#[derive(Debug, Clone, Copy)]
pub enum Ask {
    /// Comes next.
    At(Instant),
    /// Is under way; it ends by itself after [`Phase::Check`]'s deadline.
    UnderWay,
}

/// The push channel of a connected backend.
#[derive(Debug, Clone)]
pub enum Push {
    /// The kind has none: checks tell everything.
    None,
    /// It is open.
    Open,
    /// It is being opened again.
    Opening(Instant, Reason),
    /// It will be opened again.
    Down(Instant, Reason),
}

/// A failure as the machine sees it.
#[derive(Debug, Clone)]
pub struct Fault {
    /// What kind.
    pub class: Class,
    /// Why, for people.
    pub reason: Reason,
    /// Whether a service that is still starting behaves so.
    pub may_start: bool,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The backend was added or switched on, or somebody asked for a try now.
    TryNow,
    /// The user switched it off.
    Disable,
    /// Time has passed; due after [`Life::due`](super::Life::due).
    Tick,
    /// The answer to [`Command::Dial`].
    Dialed(Result<(), Fault>),
    /// The answer to [`Command::Identify`].
    Identified(Result<Identity, Fault>),
    /// The answer to [`Command::Check`].
    Checked(Result<Sample, Fault>),
    /// [`Command::Watch`] reported the first or the next sample.
    Status(Sample),
    /// [`Command::Watch`] reported that a part is missing, or is there again.
    Problem(Option<Reason>),
    /// [`Command::Watch`] reported that the inventory has changed.
    Changed,
    /// [`Command::Watch`] ended; `None` when the kind has no push channel.
    WatchEnded(Option<Fault>),
    /// Somebody has begun to listen where it should be.
    Listens,
    /// What its process is up to, while it is connected.
    Evidence(Evidence),
    /// The process that served it has ended, in these words.
    Exited(Reason),
    /// The network broke under a job.
    Doubted,
    /// The host itself did not run for so long, or hardly.
    Late(Duration),
    /// The machine has slept.
    Woke,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Open a TCP connection and close it.
    Dial,
    /// Ask what it is, without secrets.
    Identify,
    /// Let the instance use its secrets: it is one of ours.
    Promote,
    /// Ask for a sample.
    Check,
    /// Open the push channel.
    Watch,
    /// Close it.
    StopWatch,
    /// Read the inventory, beside everything else.
    Inspect,
    /// The same, if there is something in it that changes by itself.
    Refresh,
    /// Drop every question that is under way, the push channel included.
    Abandon,
    /// Drop the driver's instance: the next question makes a new one.
    DropInstance,
}

/// Reasons that the machine states by itself.
#[derive(Debug, Clone)]
pub struct Words {
    /// The state before the first attempt.
    pub not_tried: Reason,
    /// A step or check took longer than its deadline.
    pub no_answer: Reason,
    /// A connected backend was silent for too long.
    pub stopped_answering: Reason,
    /// No channel was opened within its deadline.
    pub no_live_updates: Reason,
    /// Another program answered; the observation is added.
    pub wrong_service: Reason,
    /// It is locked; the observation is added.
    pub needs_key: Reason,
    /// It is locked, and the key was refused; the observation is added.
    pub key_refused: Reason,
    /// Its process is stopped.
    pub suspended: Reason,
    /// It works so hard that it does not answer; the observation is added.
    pub busy_silent: Reason,
    /// Its port was opened a while ago; the observation is added.
    pub starting: Reason,
}

impl Connected {
    /// Connected by a good answer just now.
    pub(super) fn new(push: Push, now: Instant, tempo: &Tempo) -> Self {
        let mut connected = Self {
            check: Ask::At(now),
            answers: 1,
            answered: now,
            heard: None,
            silence: None,
            doubt: false,
            process: None,
            worked: None,
            accepted: None,
            exited: None,
            push,
            problem: None,
            queue: None,
            boot: None,
            inspected: now,
            has_worked: false,
        };
        connected.check = Ask::At(tempo.beat(now, connected.pace(tempo)));
        connected
    }

    /// Checks now, unless that is under way or cannot be answered.
    pub(super) fn ask(&mut self) -> Vec<Command> {
        if self.process == Some(Evidence::Stopped) {
            return vec![];
        }
        match std::mem::replace(&mut self.check, Ask::UnderWay) {
            Ask::At(_) => {
                self.doubt = false;
                vec![Command::Check]
            }
            Ask::UnderWay => vec![],
        }
    }

    /// A check was answered.
    pub(super) fn answered(&mut self, sample: Sample, now: Instant, tempo: &Tempo) -> Vec<Command> {
        let other_boot = sample.boot.is_some() && self.boot.is_some() && sample.boot != self.boot;
        // Somebody has taken the place of the process that has ended.
        let restarted = other_boot || self.exited.take().is_some();
        self.answers = if self.silence.take().is_some() || restarted { 1 } else { self.answers.saturating_add(1) };
        self.answered = now;
        // What its process did in the silence before proves nothing for the next one.
        self.process = self.process.filter(|seen| *seen == Evidence::Stopped);
        self.take(sample);
        self.check = Ask::At(tempo.beat(now, self.pace(tempo)));
        if restarted {
            self.inspected = now;
            return vec![Command::Inspect];
        }
        self.refresh(now)
    }

    /// What it holds is looked at again when it has done its work, and now and then while it has none.
    pub(super) fn refresh(&mut self, now: Instant) -> Vec<Command> {
        let Some(queue) = self.queue else { return vec![] };
        let works = queue.running > 0 || queue.pending.is_some_and(|pending| pending > 0);
        self.has_worked |= works;
        let pause = if self.has_worked { REFRESH_AFTER_WORK } else { REFRESH_EVERY };
        if works || self.silence.is_some() || now.duration_since(self.inspected) < pause {
            return vec![];
        }
        (self.inspected, self.has_worked) = (now, false);
        vec![Command::Refresh]
    }

    pub(super) fn take(&mut self, sample: Sample) {
        self.queue = sample.queue.or(self.queue);
        if sample.boot.is_some() {
            self.boot = sample.boot;
        }
    }

    pub(super) fn pace(&self, tempo: &Tempo) -> Duration {
        match self.push {
            _ if self.answers < SETTLED => CHECK_SOON.min(tempo.interval()),
            Push::None | Push::Open => tempo.interval(),
            Push::Opening(..) | Push::Down(..) => CHECK_POLLING.min(tempo.interval()),
        }
    }
}
