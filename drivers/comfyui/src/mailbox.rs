//! What the sockets hear of each open job, kept until its run has time. Only the latest counts, so it never grows.

use crate::{
    message::Event,
    meter::{Meter, Reading},
    preview::Preview,
};
use mdd_driver_api::sync::{Receiver, Sender, channel};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The mailboxes of all open jobs of an instance.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mailboxes(Arc<Mutex<HashMap<String, Slot>>>);

/// News of one job.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Mail {
    pub(crate) reading: Option<Reading>,
    pub(crate) preview: Option<Preview>,
    /// Something happened that queue and history will show.
    pub(crate) look: bool,
}

#[derive(Debug)]
struct Slot {
    meter: Meter,
    moved: bool,
    preview: Option<Preview>,
    look: bool,
    bell: Sender<()>,
}

/// One job's mailbox. It is closed by dropping it.
#[derive(Debug)]
pub(crate) struct Mailbox {
    id: String,
    all: Mailboxes,
    bell: Receiver<()>,
}

impl Mailboxes {
    /// A mailbox for the job with that id.
    pub(crate) fn open(&self, id: &str, meter: Meter) -> Mailbox {
        let (ring, bell) = channel(1);
        let slot = Slot { meter, moved: false, preview: None, look: false, bell: ring };
        self.slots().insert(id.to_owned(), slot);
        Mailbox { id: id.to_owned(), all: self.clone(), bell }
    }

    /// A job that is not ours has no mailbox: what happens to it is nobody's business here.
    pub(crate) fn event(&self, id: &str, event: &Event) {
        self.put(id, |slot| match event {
            Event::Started | Event::Over => slot.look = true,
            Event::Cached(_) | Event::Node(_) | Event::Step { .. } => {
                slot.meter.take(event);
                slot.moved = true;
            }
        });
    }

    pub(crate) fn preview(&self, id: &str, preview: Preview) {
        self.put(id, |slot| slot.preview = Some(preview));
    }

    /// Whatever was heard may not be all: every run shall look for itself.
    pub(crate) fn look(&self) {
        for slot in self.slots().values_mut() {
            slot.look = true;
            slot.ring();
        }
    }

    fn put(&self, id: &str, change: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.slots().get_mut(id) {
            change(slot);
            slot.ring();
        }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn ring(&self) {
        // A full channel has rung already.
        let _rung = self.bell.try_send(());
    }

    fn take(&mut self) -> Mail {
        Mail {
            reading: std::mem::take(&mut self.moved).then(|| self.meter.read()),
            preview: self.preview.take(),
            look: std::mem::take(&mut self.look),
        }
    }
}

impl Mailbox {
    /// Waits for news. Dropping the future loses none.
    pub(crate) async fn next(&self) -> Mail {
        // An error means that another run of the same job has taken over; it gets the news.
        if self.bell.recv().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.all.slots().get_mut(&self.id).map(Slot::take).unwrap_or_default()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let mut slots = self.all.slots();
        // Closing the bell tells which slot is ours.
        self.bell.close();
        if slots.get(&self.id).is_some_and(|slot| slot.bell.is_closed()) {
            slots.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Mail, Mailboxes};
    use crate::{message::Event, meter::Meter, preview::Preview};
    use serde_json::json;
    use std::{future::Future, pin::pin, task::Context};

    fn meter() -> Meter {
        Meter::of(&json!({"1": {"class_type": "A"}, "2": {"class_type": "B"}}))
    }

    /// What is ready without waiting.
    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }

    fn picture(bytes: &[u8]) -> Preview {
        Preview { prompt_id: None, media_type: "image/png".to_owned(), bytes: bytes.to_vec() }
    }

    #[test]
    fn only_the_latest_is_kept_and_no_node_is_lost() {
        let all = Mailboxes::default();
        let mailbox = all.open("a", meter());
        assert_eq!(now(mailbox.next()), None);
        for node in ["1", "2"] {
            all.event("a", &Event::Node(node.to_owned()));
        }
        all.preview("a", picture(b"old"));
        all.preview("a", picture(b"new"));
        let mail = now(mailbox.next()).unwrap();
        let reading = mail.reading.unwrap();
        assert_eq!((reading.step, reading.total, reading.detail.as_str()), (1.0, 2.0, "B"));
        assert_eq!(mail.preview.unwrap().bytes, b"new");
        assert!(!mail.look);
        assert_eq!(now(mailbox.next()), None);
    }

    #[test]
    fn ends_and_losses_call_for_a_look() {
        let all = Mailboxes::default();
        let mailbox = all.open("a", meter());
        all.event("a", &Event::Over);
        assert_eq!(now(mailbox.next()), Some(Mail { look: true, ..Mail::default() }));
        all.look();
        assert!(now(mailbox.next()).unwrap().look);
    }

    #[test]
    fn other_peoples_jobs_leave_nothing_behind() {
        let all = Mailboxes::default();
        let mailbox = all.open("a", meter());
        all.event("b", &Event::Over);
        all.preview("b", picture(b"x"));
        assert_eq!(now(mailbox.next()), None);
        assert_eq!(all.slots().len(), 1);
    }

    #[test]
    fn a_run_that_took_over_keeps_its_mailbox() {
        let all = Mailboxes::default();
        let first = all.open("a", meter());
        let second = all.open("a", meter());
        drop(first);
        all.event("a", &Event::Started);
        assert!(now(second.next()).unwrap().look);
        drop(second);
        assert!(all.slots().is_empty());
    }
}
