//! The states, what moves between them, and what comes out.

use super::{CHECK_EVERY, CHECK_POLLING};
use crate::diagnosis::{Class, Reason};
use mdd_driver_api::model::{Identity, Queue, Sample};
use std::time::Duration;
use tokio::time::Instant;

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
    /// The first unanswered check of a row, and why the last one failed.
    pub silent: Option<(Instant, u32, Reason)>,
    /// The push channel.
    pub push: Push,
    /// What the driver says is missing.
    pub problem: Option<Reason>,
    /// What it has to do.
    pub queue: Option<Queue>,
    /// What changes with a restart.
    pub boot: Option<String>,
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
}

impl Connected {
    /// Checks now, unless that is under way.
    pub(super) fn ask(&mut self) -> Vec<Command> {
        match std::mem::replace(&mut self.check, Ask::UnderWay) {
            Ask::At(_) => vec![Command::Check],
            Ask::UnderWay => vec![],
        }
    }

    /// A check was answered.
    pub(super) fn answered(&mut self, sample: Sample, now: Instant) -> Vec<Command> {
        let restarted = sample.boot.is_some() && self.boot.is_some() && sample.boot != self.boot;
        self.silent = None;
        self.take(sample);
        self.check = Ask::At(now + self.pace());
        if restarted { vec![Command::Inspect] } else { vec![] }
    }

    pub(super) fn take(&mut self, sample: Sample) {
        self.queue = sample.queue.or(self.queue);
        if sample.boot.is_some() {
            self.boot = sample.boot;
        }
    }

    pub(super) fn pace(&self) -> Duration {
        match self.push {
            Push::None | Push::Open => CHECK_EVERY,
            Push::Opening(..) | Push::Down(..) => CHECK_POLLING,
        }
    }
}
