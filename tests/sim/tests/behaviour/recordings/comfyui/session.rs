//! What the recorder did, done again.

use std::time::Duration;

use mdd_sim::Sim;
use serde_json::{Value, json};

use crate::{
    http::{get, post, post_text},
    websocket::{Event, Socket},
};

/// The client id of the recordings.
pub(crate) const CLIENT: &str = "11111111-2222-4333-8444-555555555555";

/// The client id of the later part of the recordings.
const LATER_CLIENT: &str = "33333333-2222-4333-8444-555555555555";

pub(crate) fn empty_image(color: u32) -> Value {
    json!({
        "1": empty_image_node(color),
        "2": { "class_type": "SaveImage", "inputs": { "images": ["1", 0], "filename_prefix": "lab" } },
    })
}

pub(crate) fn slow(color: u32, steps: u32) -> Value {
    slow_with(color, json!({ "image": ["1", 0], "steps": steps, "delay": 0.1, "preview": false }))
}

pub(crate) fn slow_with(color: u32, inputs: Value) -> Value {
    json!({
        "1": empty_image_node(color),
        "3": { "class_type": "LabSlow", "inputs": inputs },
        "2": { "class_type": "SaveImage", "inputs": { "images": ["3", 0], "filename_prefix": "lab" } },
    })
}

pub(crate) fn failing() -> Value {
    json!({
        "1": empty_image_node(255),
        "7": { "class_type": "LabError", "inputs": { "image": ["1", 0] } },
        "2": { "class_type": "SaveImage", "inputs": { "images": ["7", 0], "filename_prefix": "x" } },
    })
}

pub(crate) fn empty_image_node(color: u32) -> Value {
    json!({ "class_type": "EmptyImage", "inputs": { "width": 64, "height": 64, "batch_size": 1, "color": color } })
}

/// A client with a socket, alone with its server.
pub(crate) struct Session<'a> {
    pub(crate) sim: &'a Sim,
    pub(crate) socket: Socket,
    client: &'static str,
    /// The id of the job posted last.
    pub(crate) last: String,
    /// The number of the next submission.
    next: u64,
}

impl<'a> Session<'a> {
    pub(crate) async fn open(sim: &'a Sim) -> Self {
        Self::open_as(sim, CLIENT).await
    }

    async fn open_as(sim: &'a Sim, client: &'static str) -> Self {
        Session { sim, socket: Socket::greeted(sim, client).await, client, last: String::new(), next: 0 }
    }

    /// Posts a workflow.
    pub(crate) async fn post(&mut self, workflow: Value) {
        self.post_with(workflow, json!({})).await;
    }

    /// Posts a workflow with more members in the body.
    pub(crate) async fn post_with(&mut self, workflow: Value, more: Value) {
        let mut body = json!({ "prompt": workflow, "client_id": self.client });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let response = post(self.sim, "/prompt", &body).await;
        assert_eq!(response.status, 200, "{}", response.text());
        self.last = response.json()["prompt_id"].as_str().unwrap().to_owned();
        self.next += u64::from(body.get("number").is_none());
        // Jobs are sorted by the millisecond of their creation.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }

    /// Runs a workflow to its end and returns its events.
    pub(crate) async fn run(&mut self, workflow: Value) -> Vec<Event> {
        self.post(workflow).await;
        self.end().await
    }

    /// The events up to the end of the job posted last.
    pub(crate) async fn end(&mut self) -> Vec<Event> {
        self.socket.until_end_of(&self.last).await
    }

    pub(crate) async fn wait_for_kind(&mut self, kind: &str) {
        self.socket.until(|event| event.kind() == kind).await;
    }

    /// Interrupts whatever runs and waits until it has ended.
    pub(crate) async fn interrupt(&mut self) {
        post(self.sim, "/interrupt", &json!({})).await;
        self.end().await;
    }

    /// Uses up numbers with submissions that are refused, so that the next job gets this one.
    pub(crate) async fn skip_to(&mut self, number: u64) {
        assert!(self.next <= number, "number {number} is already gone");
        while self.next < number {
            assert_eq!(post_text(self.sim, "/prompt", "{}").await.status, 400);
            self.next += 1;
        }
    }

    pub(crate) async fn last_history(&self) -> Value {
        get(self.sim, &format!("/history/{}", self.last)).await.json()
    }

    /// Job 27 is running, behind it three of normal priority, one at the front, and one with a number of its own.
    /// Returns the ids in the order of posting.
    pub(crate) async fn fill_queue(&mut self) -> Vec<String> {
        let mut ids = Vec::new();
        self.post(slow(100, 40)).await;
        ids.push(self.last.clone());
        self.wait_for_kind("executing").await;
        for color in 101..104 {
            self.post(slow(color, 40)).await;
            ids.push(self.last.clone());
        }
        self.post_with(slow(200, 1), json!({ "front": true })).await;
        ids.push(self.last.clone());
        self.post_with(slow(201, 1), json!({ "number": -5 })).await;
        ids.push(self.last.clone());
        ids
    }
}

/// Everything that the recorder did before it looked at the busy queue.
pub(crate) async fn whole(sim: &Sim, workflow: &Value) {
    let mut session = Session::open(sim).await;
    session.run(workflow.clone()).await;
    session.run(workflow.clone()).await;
    for color in 2..6 {
        session.run(empty_image(color)).await;
    }
    session.skip_to(9).await;
    session.post_with(workflow.clone(), json!({ "prompt_id": "deadbeef-0000-4000-8000-000000000001" })).await;
    session.end().await;
    session.skip_to(21).await;
    session.run(workflow.clone()).await;
    session.skip_to(24).await;
    session.run(workflow.clone()).await;
    session.run(workflow.clone()).await;
    session.run(failing()).await;
    session.fill_queue().await;
}

/// Two jobs of the later part.
pub(crate) struct Later {
    pub(crate) cancelled: String,
    pub(crate) completed: String,
}

/// 24 jobs in all, 14 files, and at the end two cancelled jobs and a completed one.
pub(crate) async fn with_cancelled(sim: &Sim) -> Later {
    let mut session = Session::open_as(sim, LATER_CLIENT).await;
    for color in 1..14 {
        session.run(empty_image(color)).await;
    }
    for _ in 0..8 {
        session.run(empty_image(13)).await;
    }
    session.skip_to(38).await;
    session.cancelled_run(1000, 0).await;
    let cancelled = session.last.clone();
    session.skip_to(40).await;
    session.cancelled_run(1002, 2).await;
    session.run(empty_image(255)).await;
    Later { cancelled, completed: session.last }
}

impl Session<'_> {
    async fn cancelled_run(&mut self, color: u32, shot: u32) {
        let workflow = json!({ "workflow": { "id": format!("wf-{shot}") } });
        let tags = json!({ "lab_tag": format!("shot-{shot}"), "extra_pnginfo": workflow });
        self.post_with(slow(color, 60), json!({ "extra_data": tags })).await;
        self.wait_for_kind("progress").await;
        let cancel = post(self.sim, &format!("/api/jobs/{}/cancel", self.last), &json!({})).await;
        assert_eq!(cancel.json(), json!({ "cancelled": true }));
        self.end().await;
    }
}
