//! The life of one WebSocket: greeting, feature flags, and silence towards everything else.

use std::sync::Arc;

use super::{
    events::{Hub, text_message},
    process::Process,
    status,
};
use crate::{
    json::{self, Json, object},
    server::{Incoming, Socket},
    service::{Answer, Reply, Request, Upgrade},
    uuid,
};

/// Answers `GET /ws`.
pub(super) fn upgrade(process: Arc<Process>, request: &Request) -> Answer {
    let upgrade = request.header("upgrade");
    if !upgrade.is_some_and(|value| value.trim().eq_ignore_ascii_case("websocket")) {
        let got = upgrade.map_or("None", str::trim);
        let text = format!("No WebSocket UPGRADE hdr: {got}\n Can \"Upgrade\" only to \"WebSocket\".");
        return Reply::text(400, "text/plain; charset=utf-8", text).into();
    }
    let client_id = request.parameter("clientId").filter(|id| !id.is_empty()).unwrap_or_else(uuid::hex);
    let id = client_id.clone();
    Answer::Socket(Upgrade { client_id, run: Box::new(|socket| Box::pin(live(process, id, socket))) })
}

async fn live(process: Arc<Process>, id: String, mut socket: Socket) {
    let sender = socket.sender();
    process.hub.register(&id, sender.clone());
    let _registration = Registration { hub: Arc::clone(&process.hub), id: id.clone() };
    let status = object! { "status" => process.queue.info(), "sid" => &id };
    sender.greet(text_message("status", status)).await;
    let current = process.current().clone();
    if let (Some(node), true) = (current.node, current.client_id.as_deref() == Some(&id)) {
        sender.send(text_message("executing", object! { "node" => node })).await;
    }
    let mut first = true;
    while let Some(message) = socket.next().await {
        let Incoming::Text(text) = message else { continue };
        // A text that is no JSON object raises inside the server before it notes that a message came.
        let Ok(message @ Json::Object(_)) = json::parse(text.as_bytes()) else { continue };
        if first && message.get("type").and_then(Json::as_str) == Some("feature_flags") {
            let flag = message.get("data").and_then(|flags| flags.get("supports_preview_metadata"));
            process.hub.set_supports_metadata(&id, flag == Some(&Json::Bool(true)));
            sender.send(text_message("feature_flags", status::features(process.release))).await;
        }
        first = false;
    }
}

/// Ends with the socket, however it ends.
struct Registration {
    hub: Arc<Hub>,
    id: String,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.hub.unregister(&self.id);
    }
}
