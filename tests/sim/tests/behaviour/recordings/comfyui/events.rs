//! Recorded sequences of WebSocket events.

use mdd_sim::Sim;
use serde_json::{Value, json};

use super::{
    super::lines,
    session::{CLIENT, Session, empty_image, empty_image_node, failing, slow_with},
};
use crate::{
    http::{post, post_text},
    normal::{Normal, assert_same},
    websocket::{Event, Socket},
};

pub(crate) async fn compare(sim: &Sim, folder: &str, name: &str) {
    let recorded: Vec<Event> = lines(folder, name).iter().map(recorded_event).collect();
    let mut session = Session::open(sim).await;
    let (recorded, seen) = match name {
        "ws_events.jsonl" => (recorded, session.run(empty_image(255)).await),
        "ws_events_cached.jsonl" => {
            session.run(empty_image(255)).await;
            (recorded, session.run(empty_image(255)).await)
        }
        "ws_events_preview.jsonl" => {
            session.run(empty_image(255)).await;
            (recorded, session.run(with_previews()).await)
        }
        "ws_events_preview_metadata.jsonl" => {
            session.run(empty_image(255)).await;
            session.run(empty_image(256)).await;
            let flags = json!({ "type": "feature_flags", "data": { "supports_preview_metadata": true } });
            session.socket.send(flags.to_string()).await;
            assert_eq!(session.socket.next().await.kind(), "feature_flags");
            (recorded, session.run(with_previews()).await)
        }
        "ws_events_text_binary.jsonl" => (recorded, session.run(with_text()).await),
        "ws_events_error.jsonl" => (of_jobs(recorded), of_jobs(with_error(session).await)),
        "ws_events_interrupted.jsonl" => (recorded.clone(), interrupted(session, recorded.len()).await),
        "ws_events_resume.jsonl" => {
            let seen = resumed(session, recorded.len()).await;
            (without_values(recorded), without_values(seen))
        }
        _ => panic!("{folder}/{name} is compared with nothing"),
    };
    let (mut expected, mut got) = (Normal::default(), Normal::default());
    for (index, (seen, recorded)) in seen.iter().zip(&recorded).enumerate() {
        let (seen, recorded) = (comparable(&mut got, seen), comparable(&mut expected, recorded));
        assert_same(&seen, &recorded, &format!("{folder}/{name}: event {index}"));
    }
    assert_eq!(seen.len(), recorded.len(), "{folder}/{name}");
}

fn with_previews() -> Value {
    slow_with(100, json!({ "image": ["1", 0], "steps": 3, "delay": 0.1, "preview": true }))
}

fn with_text() -> Value {
    json!({
        "1": empty_image_node(7),
        "4": { "class_type": "GetImageSize", "inputs": { "image": ["1", 0] } },
        "5": { "class_type": "PreviewAny", "inputs": { "source": ["4", 0] } },
        "6": { "class_type": "PreviewImage", "inputs": { "images": ["1", 0] } },
    })
}

/// Jobs without a client come first: of each, only `progress_state` is seen, by everybody.
async fn with_error(mut session: Session<'_>) -> Vec<Event> {
    session.run(empty_image(255)).await;
    let anonymous = json!({ "prompt": empty_image(255) }).to_string();
    let count = if session.sim.version() == "0.3.64" { 1 } else { 2 };
    for _ in 0..count {
        assert_eq!(post_text(session.sim, "/prompt", &anonymous).await.status, 200);
    }
    session.run(failing()).await
}

/// `status` tells of other jobs as well, at moments that differ from run to run.
fn of_jobs(events: Vec<Event>) -> Vec<Event> {
    events.into_iter().filter(|event| event.kind() != "status").collect()
}

/// From the interruption of the running job into the first events of the next.
async fn interrupted(mut session: Session<'_>, count: usize) -> Vec<Event> {
    let ids = session.fill_queue().await;
    session.wait_for_kind("progress").await;
    assert_eq!(post(session.sim, "/queue", &json!({ "delete": [ids[1]] })).await.status, 200);
    assert_eq!(post(session.sim, "/interrupt", &json!({ "prompt_id": ids[0] })).await.status, 200);
    let mut events = session.socket.until(|event| event.kind() == "execution_interrupted").await;
    events.drain(..events.len() - 1);
    while events.len() < count {
        events.push(session.socket.next().await);
    }
    events
}

/// A client that comes back while its job runs.
async fn resumed(mut session: Session<'_>, count: usize) -> Vec<Event> {
    let inputs = json!({ "image": ["1", 0], "steps": 30, "delay": 0.1, "preview": false });
    session.post(slow_with(100, inputs)).await;
    session.wait_for_kind("progress").await;
    let sim = session.sim;
    session.socket.close().await;
    let mut socket = Socket::open(sim, CLIENT).await;
    let mut events = Vec::new();
    while events.len() < count {
        events.push(socket.next().await);
    }
    events
}

/// How far the job was when the client came back is chance; that both events agree is not.
fn without_values(events: Vec<Event>) -> Vec<Event> {
    let mut last = None;
    let without = |event| match event {
        Event::Text(mut event) if event["type"] == "progress_state" => {
            let value = event["data"]["nodes"]["3"]["value"].take();
            assert!(value.is_u64(), "{value}");
            last = Some(value);
            Event::Text(event)
        }
        Event::Text(mut event) if event["type"] == "progress" => {
            assert_eq!(last, Some(event["data"]["value"].take()));
            Event::Text(event)
        }
        other => other,
    };
    events.into_iter().map(without).collect()
}

/// An event with everything normalised; of a binary one its header and the kind of its picture.
fn comparable(normal: &mut Normal, event: &Event) -> Value {
    match event {
        Event::Text(event) => normal.value(event),
        Event::Binary(bytes) => binary(normal, bytes),
    }
}

fn binary(normal: &mut Normal, bytes: &[u8]) -> Value {
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let picture = |from: usize| json!(bytes[from..from + 3]);
    let length = number(4) as usize;
    match number(0) {
        1 => json!({ "type": 1, "format": number(4), "picture": picture(8) }),
        3 => json!({ "type": 3, "rest": String::from_utf8_lossy(&bytes[4..]) }),
        4 => {
            let text = std::str::from_utf8(&bytes[8..8 + length]).expect("the metadata are text");
            let order = text.split('"').skip(1).step_by(2).filter(|word| word.contains("_id")).collect::<Vec<_>>();
            let metadata = normal.value(&serde_json::from_str(text).unwrap());
            json!({ "type": 4, "metadata": metadata, "order": order, "picture": picture(8 + length) })
        }
        other => panic!("unknown binary event {other}"),
    }
}

fn recorded_event(line: &Value) -> Event {
    match line["kind"].as_str() {
        Some("text") => Event::Text(line["msg"].clone()),
        Some("binary") => {
            let bytes = base64(line["base64"].as_str().unwrap());
            assert_eq!(bytes.len() as u64, line["len"], "the recording is whole");
            Event::Binary(bytes)
        }
        _ => panic!("unknown line {line}"),
    }
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    for group in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 6 | u32::from(digit(*byte))) << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}
