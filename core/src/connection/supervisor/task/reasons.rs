//! What is said of a backend, in the words of the catalogue.

use crate::{
    connection::{Backend, Fault, Words},
    diagnosis::{Class, Reason, Remedy, key_or_login},
    discovery::sockets,
    process,
};
use mdd_driver_api::{DriverError, ErrorKind, manifest::Declaration};

pub(super) fn fault(error: &DriverError, declaration: &Declaration) -> Fault {
    let class = Class::of(error);
    let drops = matches!(error.code.as_str(), "connection-reset" | "closed-without-answer");
    let may_start = class == Class::Silent || drops || (500..600).contains(&error.http_status);
    Fault { class, reason: Reason::of_error(error, declaration), may_start }
}

/// Whoever answers there belongs to the user, as far as anybody can say: else it gets no secret and no job.
pub(super) async fn own(backend: &Backend) -> Result<(), Fault> {
    if backend.is_trusted {
        return Ok(());
    }
    match sockets::doubt_about(&backend.endpoint).await {
        None => Ok(()),
        Some(doubt) => {
            let reason = Reason::needs_your_word(doubt, &backend.driver.manifest.driver, &backend.id());
            Err(Fault { class: Class::NeedsYou, reason, may_start: false })
        }
    }
}

/// Whoever has set a key wonders which one was not accepted, and does not look for a missing one.
pub(super) fn refused_key(fault: Fault, error: &DriverError, backend: &Backend) -> Fault {
    let Some(source) = backend.source_of_keys().filter(|_| error.kind == ErrorKind::AUTH) else { return fault };
    let observation = format!("{}; the key comes from {source}", fault.reason.observation);
    let reason = match fault.reason.code.as_str() {
        "needs-key" => Reason::new("key-refused", observation, &backend.driver.manifest.driver),
        _ => Reason { observation, ..fault.reason },
    };
    Fault { reason, ..fault }
}

/// Its process is stopped, and this is how it goes on.
pub(super) fn suspended(backend: &Backend, pid: u32) -> Reason {
    let observation = format!("process {pid}, which holds {}, is stopped", backend.endpoint.subject());
    let mut reason = Reason::new("suspended", observation, &backend.driver.manifest.driver);
    if let Some(command) = process::continuing(pid) {
        // A restart would lose what it works on.
        reason.remedies = vec![Remedy::continue_process(command)];
    }
    reason
}

pub(super) fn words(backend: &Backend) -> Words {
    let declaration = &backend.driver.manifest.driver;
    let reason = |code, observation: &str| Reason::new(code, observation, declaration);
    let place = backend.endpoint.subject();
    let source = backend.source_of_keys().unwrap_or_default();
    Words {
        not_tried: reason("not-tried", "it has not been tried yet"),
        no_answer: reason("no-answer", &format!("{place} gave no answer in time")),
        stopped_answering: reason("stopped-answering", &format!("{place} has stopped answering")),
        no_live_updates: reason("no-live-updates", "the live connection gave no sign of life"),
        wrong_service: reason("wrong-service", &format!("{place} is something else")),
        needs_key: reason("needs-key", &format!("{place} wants {}", key_or_login(declaration))),
        key_refused: reason("key-refused", &format!("{place} does not accept the key that comes from {source}")),
        suspended: reason("suspended", &format!("the process that holds {place} is stopped")),
        busy_silent: reason("busy-silent", "its process is at work and does not answer meanwhile"),
        starting: reason("starting", &format!("{place} is open")),
    }
}
