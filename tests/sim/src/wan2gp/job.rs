//! A job as the server tells of it.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::json::{Json, object};

/// One job. It lives as long as the process.
pub(super) struct Job {
    pub(super) id: String,
    /// Its number in the ledger.
    pub(super) number: u64,
    pub(super) tasks: usize,
    pub(super) cancel_requested: bool,
    created: f64,
    updated: f64,
    events: Vec<Json>,
    result: Option<Json>,
}

/// Something that went wrong in a job.
pub(super) struct Fault {
    pub(super) message: String,
    /// Number of the task, from 1, where it was the task's.
    pub(super) task: Option<usize>,
    pub(super) stage: &'static str,
}

impl Fault {
    fn told(&self) -> Json {
        let task = self.task.map_or(Json::Null, Json::from);
        object! {
            "message" => &self.message,
            "task_index" => task.clone(),
            "task_id" => task,
            "stage" => self.stage,
            "cancelled" => self.stage == "cancelled",
        }
    }
}

/// How a job ended.
#[derive(Default)]
pub(super) struct End {
    /// Paths of what was made, in order.
    pub(super) files: Vec<String>,
    pub(super) fault: Option<Fault>,
    /// The same as the gallery knows it.
    pub(super) items: Vec<Json>,
}

impl Job {
    pub(super) fn new(id: String, number: u64, tasks: usize) -> Self {
        let now = now();
        Self {
            id,
            number,
            tasks,
            cancel_requested: false,
            created: now,
            updated: now,
            events: Vec::new(),
            result: None,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.result.is_some()
    }

    pub(super) fn event(&mut self, kind: &str, data: Json) {
        self.updated = now();
        self.events.push(object! { "kind" => kind, "timestamp" => self.updated, "data" => data });
    }

    /// The numbers are those of the recordings: WanGP itself does not count further.
    pub(super) fn progress(&mut self, status: &str, raw: &str, percent: usize, steps: Option<(usize, usize)>) {
        let step = |number: Option<usize>| number.map_or(Json::Null, Json::from);
        let data = object! {
            "phase" => "inference",
            "status" => status,
            "progress" => percent,
            "current_step" => step(steps.map(|(step, _)| step)),
            "total_steps" => step(steps.map(|(_, total)| total)),
            "raw_phase" => raw,
            "unit" => Json::Null,
        };
        self.event("progress", data);
    }

    pub(super) fn end(&mut self, end: End) {
        let End { files, fault, items } = end;
        let of_task = fault.as_ref().is_some_and(|fault| fault.task.is_some());
        let errors: Vec<Json> = fault.iter().map(Fault::told).collect();
        if let Some(error) = errors.first() {
            self.event("error", error.clone());
        }
        let mut result = object! {
            "success" => fault.is_none(),
            "cancelled" => fault.is_some_and(|fault| fault.stage == "cancelled"),
            "generated_files" => Json::List(files.iter().map(Json::from).collect()),
            "errors" => Json::List(errors),
            "total_tasks" => self.tasks,
            "successful_tasks" => files.len(),
            "failed_tasks" => usize::from(of_task),
            "artifacts" => Json::List(Vec::new()),
        };
        self.event("completed", result.clone());
        result.set("gallery_items", Json::List(items));
        self.result = Some(result);
    }

    /// The newest `limit` events.
    pub(super) fn snapshot(&self, limit: usize) -> Json {
        let events = self.events[self.events.len().saturating_sub(limit)..].to_vec();
        object! {
            "job_id" => &self.id,
            "done" => self.is_done(),
            "cancel_requested" => self.cancel_requested,
            "webui_submission_ready" => false,
            "webui_load_queue_token" => "",
            "created_at" => self.created,
            "updated_at" => self.updated,
            "events" => Json::List(events),
            "result" => self.result.clone().unwrap_or(Json::Null),
        }
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}
