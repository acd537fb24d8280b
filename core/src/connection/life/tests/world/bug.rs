//! Faults of the state machine, put into it on purpose.

use super::World;
use crate::{
    connection::{
        backoff::CAP,
        life::{Ask, Command, Phase, Push, State, tests::fault},
    },
    diagnosis::Class,
};
use std::time::Duration;

/// A fault of the machine that the checks must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connection::life::tests) enum Bug {
    NoFloor,
    NoJitter,
    LastAttempt,
    EarlyReset,
    TwoProbes,
    LeavesProbeBehind,
    BusyIsDead,
    UnseenIsDead,
    NobodyIsLost,
    BlamesTheServiceForTheHost,
    SlowToConfirm,
    RefusedForEver,
    ShowsTheKeyAgain,
    NeverReopensLiveUpdates,
    ConnectedWithoutIdentity,
}

pub(in crate::connection::life::tests) const BUGS: [Bug; 15] = [
    Bug::NoFloor,
    Bug::NoJitter,
    Bug::LastAttempt,
    Bug::EarlyReset,
    Bug::TwoProbes,
    Bug::LeavesProbeBehind,
    Bug::BusyIsDead,
    Bug::UnseenIsDead,
    Bug::NobodyIsLost,
    Bug::BlamesTheServiceForTheHost,
    Bug::SlowToConfirm,
    Bug::RefusedForEver,
    Bug::ShowsTheKeyAgain,
    Bug::NeverReopensLiveUpdates,
    Bug::ConnectedWithoutIdentity,
];

impl World {
    /// What a faulty machine would do.
    pub(super) fn spoil(&mut self, commands: &mut Vec<Command>, dialed: bool, missed: bool) {
        let now = self.instant(self.now);
        match (self.bug, &mut self.life.state) {
            (Some(Bug::NoFloor), State::Waiting { next_try, .. }) => *next_try = now,
            (Some(Bug::NoJitter), State::Waiting { next_try, .. }) if commands.contains(&Command::Abandon) => {
                *next_try = now + Duration::from_millis(250 << self.life.backoff.failures().min(7)).min(CAP);
            }
            (Some(Bug::LastAttempt), State::Waiting { next_try, .. }) if self.life.backoff.failures() >= 10 => {
                *next_try = now + Duration::from_secs(1_000_000);
            }
            (Some(Bug::EarlyReset), _) if dialed => self.life.backoff.reset(),
            (Some(Bug::TwoProbes), State::Connected(connected)) if missed => {
                if let Ask::At(_) = connected.check {
                    commands.extend([Command::Check, Command::Check]);
                    connected.check = Ask::UnderWay;
                }
            }
            (Some(Bug::UnseenIsDead), State::Connected(_)) if commands[..] == [Command::Dial] => {
                *commands = self.life.failed(fault(Class::Silent, "stopped-answering"), now, 0);
            }
            (Some(Bug::NobodyIsLost), State::Connected(connected)) if commands[..] == [Command::Dial] => {
                commands.clear();
                connected.check = Ask::At(now + Duration::from_secs(5));
            }
            (Some(Bug::LeavesProbeBehind), _) => commands.retain(|command| *command != Command::Abandon),
            (Some(Bug::SlowToConfirm), State::Connected(connected)) if missed && connected.silence.is_some() => {
                connected.check = Ask::At(now + Duration::from_secs(20));
            }
            (Some(Bug::RefusedForEver), State::Refused { due, asking: false, .. }) => {
                *due = now + Duration::from_secs(1_000_000);
            }
            (Some(Bug::ShowsTheKeyAgain), _) => self.life.key_refused = false,
            (Some(Bug::NeverReopensLiveUpdates), State::Connected(connected)) => {
                if let Push::Down(at, _) = &mut connected.push {
                    *at = now + Duration::from_secs(1_000_000);
                }
            }
            (Some(Bug::ConnectedWithoutIdentity), State::Connecting { phase: Phase::Identify, .. }) if dialed => {
                commands.clear();
                commands.extend(self.life.go_on(now));
            }
            _ => {}
        }
    }
}
