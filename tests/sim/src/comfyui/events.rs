//! Events to WebSocket clients: one publisher sends to one client after another and waits for each, so that a
//! client that stops reading stops the events of all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    json::{Json, object},
    server::SocketSender,
    tasks::OwnedTask,
};

/// Binary message types (the first four bytes, big-endian).
const PREVIEW_IMAGE: u32 = 1;
const TEXT: u32 = 3;
const PREVIEW_IMAGE_WITH_METADATA: u32 = 4;

/// An encoded preview.
#[derive(Clone, Copy)]
pub(super) enum Format {
    Jpeg = 1,
    Png = 2,
}

/// The registered sockets by client id, and the queue of events to them.
pub(super) struct Hub {
    clients: Mutex<Vec<Client>>,
    outbox: mpsc::UnboundedSender<Event>,
}

struct Client {
    id: String,
    sender: SocketSender,
    supports_metadata: bool,
}

struct Event {
    message: Message,
    /// The only client to get it; all if absent.
    to: Option<String>,
}

impl Hub {
    /// A hub and the task that delivers its events.
    pub(super) fn open() -> (Arc<Self>, OwnedTask) {
        let (outbox, events) = mpsc::unbounded_channel();
        let hub = Arc::new(Self { clients: Mutex::default(), outbox });
        let publisher = OwnedTask::spawn(publish(Arc::clone(&hub), events));
        (hub, publisher)
    }

    /// Registers a socket. One that had the same id gets nothing any more, but stays open.
    pub(super) fn register(&self, id: &str, sender: SocketSender) {
        let mut clients = self.clients();
        clients.retain(|client| client.id != id);
        clients.push(Client { id: id.to_owned(), sender, supports_metadata: false });
    }

    /// Unregisters whatever socket has this id, even if it is not the one that has closed: the recorded trap.
    pub(super) fn unregister(&self, id: &str) {
        self.clients().retain(|client| client.id != id);
    }

    pub(super) fn set_supports_metadata(&self, id: &str, supports: bool) {
        if let Some(client) = self.clients().iter_mut().find(|client| client.id == id) {
            client.supports_metadata = supports;
        }
    }

    pub(super) fn supports_metadata(&self, id: Option<&str>) -> bool {
        self.clients().iter().any(|client| Some(client.id.as_str()) == id && client.supports_metadata)
    }

    /// Queues a text event for one client, or for all.
    pub(super) fn send(&self, kind: &str, data: Json, to: Option<&str>) {
        self.queue(text_message(kind, data), to);
    }

    pub(super) fn send_preview(&self, format: Format, image: &[u8], to: Option<&str>) {
        let parts = [&PREVIEW_IMAGE.to_be_bytes()[..], &(format as u32).to_be_bytes()[..], image];
        self.queue(binary(&parts), to);
    }

    pub(super) fn send_preview_with_metadata(&self, metadata: &Json, image: &[u8], to: Option<&str>) {
        let metadata = metadata.to_python();
        let length = (metadata.len() as u32).to_be_bytes();
        let parts = [&PREVIEW_IMAGE_WITH_METADATA.to_be_bytes()[..], &length[..], metadata.as_bytes(), image];
        self.queue(binary(&parts), to);
    }

    /// A text shown on a node; always sent to everybody.
    pub(super) fn send_text(&self, node: &str, text: &str) {
        let length = (node.len() as u32).to_be_bytes();
        self.queue(binary(&[&TEXT.to_be_bytes()[..], &length[..], node.as_bytes(), text.as_bytes()]), None);
    }

    fn queue(&self, message: Message, to: Option<&str>) {
        // The publisher ends with the process, and so does the need for events.
        let _ = self.outbox.send(Event { message, to: to.map(str::to_owned) });
    }

    fn receivers(&self, to: Option<&str>) -> Vec<SocketSender> {
        let clients = self.clients();
        let wanted = clients.iter().filter(|client| to.is_none_or(|id| client.id == id));
        wanted.map(|client| client.sender.clone()).collect()
    }

    fn clients(&self) -> MutexGuard<'_, Vec<Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn publish(hub: Arc<Hub>, mut events: mpsc::UnboundedReceiver<Event>) {
    while let Some(event) = events.recv().await {
        for receiver in hub.receivers(event.to.as_deref()) {
            receiver.send(event.message.clone()).await;
        }
    }
}

pub(super) fn text_message(kind: &str, data: Json) -> Message {
    Message::text(object! { "type" => kind, "data" => data }.to_python())
}

fn binary(parts: &[&[u8]]) -> Message {
    Message::binary(parts.concat())
}
