//! Stories of a backend, told without time passing.

mod connecting;
mod late;
mod model;
mod refused;
mod returning;
mod silence;
mod simulation;
mod together;
mod world;

use super::{Command, Connected, Fault, Input, Life, Phase, State, Words};
use crate::diagnosis::{Class, Reason};
use mdd_driver_api::model::{Identity, Sample};
use tokio::time::Instant;

fn reason(code: &str) -> Reason {
    Reason { code: code.to_owned(), observation: code.to_owned(), meaning: String::new(), remedies: vec![] }
}

fn fault(class: Class, code: &str) -> Fault {
    Fault { class, reason: reason(code), may_start: class == Class::Silent }
}

fn words() -> Words {
    Words {
        not_tried: reason("not-tried"),
        no_answer: reason("no-answer"),
        stopped_answering: reason("stopped-answering"),
        no_live_updates: reason("no-live-updates"),
        wrong_service: reason("wrong-service"),
        needs_key: reason("needs-key"),
        key_refused: reason("key-refused"),
        suspended: reason("suspended"),
        busy_silent: reason("busy-silent"),
        starting: reason("starting"),
    }
}

struct Story {
    life: Life,
    now: Instant,
}

impl Story {
    fn with_key(has_key: bool) -> Self {
        let now = Instant::now();
        Self { life: Life::new(words(), has_key, now), now }
    }

    fn new() -> Self {
        Self::with_key(false)
    }

    fn connected() -> Self {
        let mut story = Self::new();
        story.tell(Input::TryNow);
        story.tell(Input::Dialed(Ok(())));
        story.tell(Input::Identified(Ok(Identity::mine(95, "it"))));
        story.tell(Input::Checked(Ok(Sample::default())));
        story.tell(Input::Status(Sample::default()));
        story
    }

    fn tell(&mut self, input: Input) -> Vec<Command> {
        self.life.handle(input, self.now, u64::MAX)
    }

    /// Lets time pass until the machine wants to be woken, and wakes it.
    fn wake(&mut self) -> Vec<Command> {
        self.now = self.life.due().expect("the machine always waits for something");
        self.tell(Input::Tick)
    }

    fn facts(&self) -> &Connected {
        match self.life.state() {
            State::Connected(connected) => connected,
            other => panic!("not connected: {other:?}"),
        }
    }

    fn phase(&self) -> Phase {
        match self.life.state() {
            State::Connecting { phase, .. } => *phase,
            other => panic!("not connecting: {other:?}"),
        }
    }

    fn waits_because_of(&self) -> &str {
        match self.life.state() {
            State::Waiting { reason, .. } => &reason.code,
            other => panic!("not waiting: {other:?}"),
        }
    }

    fn refused_because_of(&self) -> &str {
        match self.life.state() {
            State::Refused { reason, .. } => &reason.code,
            other => panic!("not refused: {other:?}"),
        }
    }
}
