//! The state of a backend as clients see it.

use super::{Connected, Life, Phase, Push, State};
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
            let (detail, reason) = connected_detail(connected);
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
fn connected_detail(connected: &Connected) -> (Detail, Option<Reason>) {
    if let Some((_, misses, reason)) = &connected.silent
        && *misses >= 2
    {
        return (Detail::Unresponsive, Some(reason.clone()));
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
