//! The state of a backend as clients see it.

use super::{Connected, Evidence, Life, Phase, Push, State, Words};
use crate::{
    diagnosis::Reason,
    events::{Detail, StateName},
};
use tokio::time::Instant;

/// State, detail, reason and the time of the next attempt.
pub(super) struct Seen {
    pub(super) state: StateName,
    pub(super) detail: Detail,
    pub(super) reason: Option<Reason>,
    pub(super) next_try: Option<Instant>,
}

pub(super) fn seen(life: &Life) -> Seen {
    let plain = |state, detail| Seen { state, detail, reason: None, next_try: None };
    match life.state() {
        State::Disabled => plain(StateName::Disabled, Detail::Off),
        State::Waiting { reason, next_try } => Seen {
            reason: Some(reason.clone()),
            next_try: Some(*next_try),
            ..plain(StateName::Disconnected, Detail::Waiting)
        },
        State::Refused { reason, due, asking } => Seen {
            reason: Some(reason.clone()),
            next_try: (!asking).then_some(*due),
            ..plain(StateName::Disconnected, Detail::Refused)
        },
        State::Connecting { phase, last, .. } => {
            let detail = match phase {
                Phase::Dial => Detail::Dial,
                Phase::Identify => Detail::Identify,
                Phase::Check => Detail::Check,
                Phase::Watch => Detail::Watch,
            };
            Seen { reason: last.clone(), ..plain(StateName::Connecting, detail) }
        }
        State::Connected(connected) => {
            let (detail, reason) = connected_detail(connected, life.words());
            Seen { reason, ..plain(StateName::Connected, detail) }
        }
    }
}

/// Whether jobs could go there; `None` while that is not known or not wanted.
pub(super) fn usable(seen: &Seen) -> Option<bool> {
    match (seen.state, seen.detail) {
        (StateName::Connected, Detail::Unresponsive | Detail::Suspended) => Some(false),
        (StateName::Connected, _) => Some(true),
        // The first attempt has not ended yet.
        (StateName::Connecting, _) if seen.reason.is_none() => None,
        (StateName::Disconnected, _) if seen.reason.as_ref().is_some_and(|reason| reason.code == "not-tried") => None,
        (StateName::Connecting | StateName::Disconnected, _) => Some(false),
        (StateName::Disabled, _) => None,
    }
}

/// The worst of what is known wins.
fn connected_detail(connected: &Connected, words: &Words) -> (Detail, Option<Reason>) {
    if connected.process == Some(Evidence::Stopped) {
        return (Detail::Suspended, Some(words.suspended.clone()));
    }
    if let Some(exit) = connected.exited.as_ref().filter(|exit| exit.was_stopped) {
        return (Detail::Suspended, Some(exit.reason.clone()));
    }
    if let Some(silence) = &connected.silence {
        match (connected.process, silence.misses) {
            (Some(Evidence::Works), _) => {
                return (Detail::Busy, Some(words.busy(&silence.reason.observation)));
            }
            // Whoever does nothing and does not answer will hardly do so a second later.
            (Some(Evidence::Idle), _) | (_, 2..) => return (Detail::Unresponsive, Some(silence.reason.clone())),
            (Some(Evidence::Unclear | Evidence::Stopped) | None, _) => {}
        }
    }
    if let Push::Down(_, reason) | Push::Opening(_, reason) = &connected.push {
        return (Detail::Degraded, Some(reason.clone()));
    }
    if let Some(problem) = &connected.problem {
        return (Detail::Degraded, Some(problem.clone()));
    }
    match connected.queue {
        Some(queue) if queue.running > 0 => (Detail::Busy, None),
        _ => (Detail::Ready, None),
    }
}
