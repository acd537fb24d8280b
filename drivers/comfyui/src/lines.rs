//! Which client ids have an open socket. Events of a job come only to the id that it was sent with.

use crate::{
    mailbox::Mailboxes,
    socket::{self, Ear, Heard},
};
use mdd_driver_api::{Host, Result, tracing};
use std::{
    collections::BTreeSet,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// From the end of a socket, or from not needing one, to the next thought of it.
const PAUSE: Duration = Duration::from_secs(5);

/// The open sockets of an instance.
#[derive(Clone, Default)]
pub(crate) struct Lines {
    pub(crate) mailboxes: Mailboxes,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    /// The id of the socket that `watch` holds; jobs are sent with it.
    main: Option<String>,
    /// Those of sockets that runs hold, for jobs that were sent with an id of before.
    aside: BTreeSet<String>,
}

/// A line stands until this is dropped.
pub(crate) struct Line<'a> {
    lines: &'a Lines,
    id: String,
}

impl Lines {
    /// The socket of `watch` is open.
    pub(crate) fn stand(&self, id: &str) -> Line<'_> {
        self.open().main = Some(id.to_owned());
        Line { lines: self, id: id.to_owned() }
    }

    /// The id to send jobs with, while there is one that hears.
    pub(crate) fn main(&self) -> Option<String> {
        self.open().main.clone()
    }

    /// Whether what happens to jobs of that id is heard.
    pub(crate) fn hears(&self, id: &str) -> bool {
        let open = self.open();
        open.main.as_deref() == Some(id) || open.aside.contains(id)
    }

    /// Listens for a job that was sent with the id of an earlier socket, for as long as it is polled. Only for speed:
    /// the job is polled as well.
    pub(crate) async fn listen_aside(&self, host: &Host, id: &str) -> Infallible {
        loop {
            if self.claim(id) {
                let line = Line { lines: self, id: id.to_owned() };
                let end = self.read(host, id).await;
                drop(line);
                tracing::debug!(?end, "a socket for a job of before ended");
            }
            host.sleep(PAUSE).await;
        }
    }

    /// Whether to open a socket with that id. One while `watch` has none would meet the same end, and a second one with
    /// the same id would make the first one deaf.
    fn claim(&self, id: &str) -> bool {
        let mut open = self.open();
        let elsewhere = open.main.as_deref().is_some_and(|main| main != id);
        elsewhere && open.aside.insert(id.to_owned())
    }

    async fn read(&self, host: &Host, id: &str) -> Result<()> {
        let mut socket = socket::open(host, id).await?;
        let mut ear = Ear::new(self.mailboxes.clone());
        while ear.hear(socket.next().await?) != Heard::Closed {}
        Ok(())
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let mut open = self.lines.open();
        if open.main.as_deref() == Some(self.id.as_str()) {
            open.main = None;
        }
        open.aside.remove(&self.id);
        drop(open);
        self.lines.mailboxes.look();
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, Lines};

    #[test]
    fn a_line_hears_until_it_is_dropped() {
        let lines = Lines::default();
        assert!(!lines.claim("old"), "there is no main socket");
        let main = lines.stand("new");
        assert!(lines.hears("new") && !lines.hears("old"));
        assert!(lines.claim("old"));
        let aside = Line { lines: &lines, id: "old".to_owned() };
        assert!(lines.hears("old"));
        assert!(!lines.claim("old") && !lines.claim("new"), "no id has two sockets");
        drop(aside);
        assert!(!lines.hears("old") && lines.hears("new"));
        drop(main);
        assert_eq!(lines.main(), None);
    }

    #[test]
    fn a_line_that_was_followed_by_another_ends_only_itself() {
        let lines = Lines::default();
        let first = lines.stand("first");
        let second = lines.stand("second");
        drop(first);
        assert_eq!(lines.main().as_deref(), Some("second"));
        drop(second);
        assert_eq!(lines.main(), None);
    }
}
