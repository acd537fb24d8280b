//! What a service answers, and when.

use super::{super::fault, World};
use crate::{connection::life::Input, diagnosis::Class};
use mdd_driver_api::model::{Identity, Queue, Sample};

/// What the service is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connection::life::tests) enum Service {
    /// Answers after so many milliseconds.
    Up(u64),
    /// Nobody listens.
    Down,
    /// Listens, and answers 503.
    Starting,
    /// Its loop is blocked by work: the process is busy, nobody is answered.
    Busy,
    /// Accepts connections and does nothing.
    Hung,
    /// Stopped by a signal.
    Stopped,
    /// Packets go nowhere.
    CutOff,
    /// Another program has the port.
    Stranger,
    /// It wants another key.
    Locked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Dial,
    Identify,
    Check,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) since: u64,
    /// When it is given up.
    pub(super) until: u64,
}

impl World {
    /// When an answer comes, as things stand.
    pub(super) fn answered_at(&self, asked: &Asked) -> u64 {
        match (self.service, asked.question) {
            (Service::Up(latency), Question::Check | Question::Identify) => asked.since.max(self.since) + latency,
            (Service::Down | Service::Starting | Service::Stranger | Service::Locked, _) => {
                asked.since.max(self.since) + 2
            }
            (Service::Up(_) | Service::Busy | Service::Hung | Service::Stopped, Question::Dial) => {
                asked.since.max(self.since) + 1
            }
            (Service::Busy | Service::Hung | Service::Stopped | Service::CutOff, _) => u64::MAX,
        }
    }

    pub(super) fn outcome(&mut self, question: Question, in_time: bool) -> Input {
        // Whichever deadline of a question to a machine that is off comes first, unless a connection is left from before.
        let dials = question == Question::Dial || !self.has_old_connection && self.random.below(8) == 0;
        let nobody = self.service == Service::CutOff && dials;
        let silent = fault(Class::Silent, if nobody { "connect-timeout" } else { "no-answer" });
        let refused = fault(Class::Gone, "connection-refused");
        let starting = crate::connection::Fault { may_start: true, ..fault(Class::Odd, "unexpected-answer") };
        match (question, self.service) {
            (Question::Dial, _) if !in_time => Input::Dialed(Err(silent)),
            (Question::Dial, Service::Down) => Input::Dialed(Err(refused)),
            (Question::Dial, _) => Input::Dialed(Ok(())),
            (Question::Identify, _) if !in_time => Input::Identified(Err(silent)),
            (Question::Identify, Service::Up(_)) => {
                self.identified = true;
                Input::Identified(Ok(Identity::mine(95, "it")))
            }
            (Question::Identify, Service::Locked) => {
                self.identified = true;
                Input::Identified(Ok(Identity::locked(95, "a key")))
            }
            (Question::Identify, Service::Stranger) => Input::Identified(Ok(Identity::no("a web page"))),
            (Question::Identify, Service::Starting) => Input::Identified(Err(starting)),
            (Question::Identify, _) => Input::Identified(Err(refused)),
            (Question::Check, _) if !in_time => Input::Checked(Err(silent)),
            (Question::Check, Service::Up(_)) => {
                let running = u32::from(self.random.below(3) == 0);
                Input::Checked(Ok(Sample::with_queue(Queue { running, pending: None })))
            }
            (Question::Check, Service::Locked) => Input::Checked(Err(fault(Class::NeedsYou, "lamp.key-rejected"))),
            (Question::Check, Service::Stranger) => Input::Checked(Err(fault(Class::Odd, "unexpected-answer"))),
            (Question::Check, Service::Starting) => Input::Checked(Err(starting)),
            (Question::Check, _) => Input::Checked(Err(refused)),
        }
    }
}
