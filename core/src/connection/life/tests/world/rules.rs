//! What must hold at every moment, whatever happens.

use super::{Service, World};
use crate::{
    connection::view,
    events::{Detail, StateName},
};

impl World {
    pub(super) fn check_rules(&mut self) -> Result<(), String> {
        if self.life.due().is_none() && self.asked.is_empty() {
            return Err("it waits for nothing".to_owned());
        }
        let seen = view::seen(&self.life);
        let usable =
            seen.state == StateName::Connected && !matches!(seen.detail, Detail::Unresponsive | Detail::Suspended);
        // What the host cannot know: it did not run, or has just begun to.
        let since = self.since.max(if self.last_late > 0 { self.last_late + 25_000 } else { 0 });
        let held = self.now.saturating_sub(since);
        let wrong = match self.service {
            Service::Up(latency) if latency < 1_000 => {
                if seen.detail == Detail::Unresponsive && self.now - self.since > 20_000 {
                    return Err("a healthy service is shown as unresponsive".to_owned());
                }
                let limited = self.push_works && seen.detail == Detail::Degraded;
                !usable && held > 75_000 || limited && held.min(self.now - self.push_since) > 75_000
            }
            Service::Down | Service::Starting | Service::Stranger | Service::Locked => usable && held > 15_000,
            // Another machine, whose processes nobody sees.
            Service::CutOff if self.is_connected() && !self.has_process && held > 75_000 => {
                return Err("a machine that is off is not given up".to_owned());
            }
            Service::Hung | Service::CutOff => usable && held > 15_000,
            Service::Stopped => usable && held > 15_000,
            Service::Up(_) | Service::Busy => false,
        };
        if !wrong {
            self.wrong_since = None;
            return Ok(());
        }
        let since = *self.wrong_since.get_or_insert(self.now);
        // A push channel that was reopened may just be breaking again.
        if self.now - since > 1_000 || usable {
            return Err(format!("{:?} for {held} ms is shown as {} ({})", self.service, seen.state, seen.detail));
        }
        Ok(())
    }
}
