//! The worker: takes one job after another from the queue and runs it.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use super::{
    graph::{self, Plan},
    process::{Process, now_ms},
    progress::Progress,
    queue::{Entry, Item},
    work::{self, Failure, Output, Task},
};
use crate::{
    json::{Json, list, object},
    ledger::JobState,
};

/// Runs jobs for as long as the process lives.
pub(super) async fn work(process: Arc<Process>) {
    let mut cache = Cache::default();
    loop {
        let item = process.queue.next().await;
        process.book.job_is(item.number, JobState::Started);
        if process.take_free_memory() {
            cache.clear();
        }
        let (entry, state) = Run::new(&process, &item, &mut cache).finish().await;
        process.queue.done(entry);
        if let Some(client_id) = item.client_id() {
            let end = object! { "node" => Json::Null, "prompt_id" => &item.prompt_id };
            process.hub.send("executing", end, Some(client_id));
        }
        process.book.job_is(item.number, state);
    }
}

/// What nodes produced, by a hash of their class, their inputs and everything before them.
type Cache = HashMap<u64, Done>;

#[derive(Clone)]
struct Done {
    outputs: Vec<Output>,
    /// What the node shows, if anything.
    shown: Option<Json>,
}

/// One run of one job.
struct Run<'a> {
    process: &'a Process,
    item: &'a Arc<Item>,
    cache: &'a mut Cache,
    signatures: HashMap<String, u64>,
    progress: Progress<'a>,
    executed: Vec<String>,
    messages: Vec<Json>,
}

impl<'a> Run<'a> {
    fn new(process: &'a Process, item: &'a Arc<Item>, cache: &'a mut Cache) -> Self {
        let signatures = signatures(process, &item.prompt);
        // Only what this job can use is kept.
        cache.retain(|signature, _| signatures.values().any(|known| known == signature));
        let progress = Progress::new(process, &item.prompt_id, item.client_id());
        Self { process, item, cache, signatures, progress, executed: Vec::new(), messages: Vec::new() }
    }

    async fn finish(mut self) -> (Entry, JobState) {
        // An interruption asked for while nothing ran is forgotten.
        self.process.take_interrupt();
        self.process.current().client_id = self.item.client_id().map(str::to_owned);
        self.message("execution_start", object! {}, false);
        let nodes = self.nodes();
        let cached: Vec<String> = nodes.iter().filter(|id| self.cached(id).is_some()).cloned().collect();
        self.message("execution_cached", object! { "nodes" => cached }, false);
        let state = match self.run_all().await {
            Ok(()) => {
                self.message("execution_success", object! {}, false);
                JobState::Finished
            }
            Err((node, failure)) => self.fail(&node, failure),
        };
        self.process.current().node = None;
        (self.entry(&nodes, state), state)
    }

    async fn run_all(&mut self) -> Result<(), (String, Failure)> {
        let cached: HashSet<String> = self.nodes().into_iter().filter(|id| self.cached(id).is_some()).collect();
        let mut plan = Plan::new(&self.item.prompt, &self.item.outputs, &|id| cached.contains(id));
        let outputs = self.item.outputs.clone();
        while let Some(id) = plan.next(&|id| outputs.iter().any(|output| output == id)) {
            self.run_node(&id).await.map_err(|failure| (id.clone(), failure))?;
            plan.complete(&id);
        }
        Ok(())
    }

    async fn run_node(&mut self, id: &str) -> Result<(), Failure> {
        if let Some(done) = self.cached(id) {
            let shown = done.shown.clone().unwrap_or(Json::Null);
            self.send_executed(id, shown);
            self.progress.finish(id);
            return Ok(());
        }
        self.progress.start(id);
        if let Some(client_id) = self.item.client_id() {
            self.process.current().node = Some(id.to_owned());
            let executing = object! { "node" => id, "display_node" => id, "prompt_id" => &self.item.prompt_id };
            self.process.hub.send("executing", executing, Some(client_id));
        }
        let task = Task { process: self.process, item: self.item, id, inputs: self.inputs(id) };
        let done = work::run(task, &mut self.progress).await?;
        if let Some(shown) = &done.shown {
            self.send_executed(id, shown.clone());
        }
        self.cache.insert(self.signatures[id], Done { outputs: done.outputs, shown: done.shown });
        self.progress.finish(id);
        self.executed.push(id.to_owned());
        Ok(())
    }

    /// The inputs of a node with links replaced by what they lead to.
    fn inputs(&self, id: &str) -> Vec<(String, Output)> {
        let inputs = self.item.prompt.get(id).and_then(|node| node.get("inputs")).and_then(Json::members);
        let value = |(name, value): &(String, Json)| {
            let output = match graph::link(value) {
                Some((source, slot)) => graph::slot(&self.cached(source)?.outputs, slot)?.clone(),
                None => Output::Plain(value.clone()),
            };
            Some((name.clone(), output))
        };
        inputs.unwrap_or_default().iter().filter_map(value).collect()
    }

    fn fail(&mut self, node: &str, failure: Failure) -> JobState {
        let class = self.item.prompt.get(node).and_then(|node| node.get("class_type")).cloned();
        let mut data = object! { "node_id" => node, "node_type" => class, "executed" => self.executed.clone() };
        match failure {
            Failure::Interrupted => {
                self.message("execution_interrupted", data, true);
                JobState::Cancelled
            }
            Failure::Raised(raised) => {
                data.set("exception_message", format!("{}\n", raised.message));
                data.set("exception_type", raised.kind);
                data.set("traceback", raised.traceback);
                data.set("current_inputs", raised.inputs);
                data.set("current_outputs", self.nodes());
                self.message("execution_error", data, false);
                JobState::Failed
            }
        }
    }

    /// Notes a message for the history and sends it to the job's client; to all clients if the job has none and
    /// the message is meant for everybody.
    fn message(&mut self, kind: &str, details: Json, for_all: bool) {
        let mut data = object! {};
        // The recorded order: `nodes` stands before the id, everything else after it.
        if let Some(nodes) = details.get("nodes") {
            data.set("nodes", nodes);
        }
        data.set("prompt_id", &self.item.prompt_id);
        for (key, value) in details.members().unwrap_or_default() {
            data.set(key, value);
        }
        data.set("timestamp", now_ms());
        self.messages.push(list![kind, &data]);
        if self.item.client_id().is_some() || for_all {
            self.process.hub.send(kind, data, self.item.client_id());
        }
    }

    fn send_executed(&self, id: &str, output: Json) {
        if let Some(client_id) = self.item.client_id() {
            let data = object! {
                "node" => id, "display_node" => id, "output" => output, "prompt_id" => &self.item.prompt_id
            };
            self.process.hub.send("executed", data, Some(client_id));
        }
    }

    fn entry(&self, nodes: &[String], state: JobState) -> Entry {
        let (mut outputs, mut meta) = (object! {}, object! {});
        for id in nodes {
            if let Some(shown) = self.cached(id).and_then(|done| done.shown.clone()) {
                outputs.set(id, shown);
                let place = object! {
                    "node_id" => id, "display_node" => id, "parent_node" => Json::Null, "real_node_id" => id
                };
                meta.set(id, place);
            }
        }
        let completed = state == JobState::Finished;
        let status = object! {
            "status_str" => if completed { "success" } else { "error" },
            "completed" => completed,
            "messages" => Json::List(self.messages.clone()),
        };
        Entry { item: Arc::clone(self.item), outputs, status, meta }
    }

    fn nodes(&self) -> Vec<String> {
        self.item.prompt.members().unwrap_or_default().iter().map(|(id, _)| id.clone()).collect()
    }

    fn cached(&self, id: &str) -> Option<&Done> {
        self.cache.get(self.signatures.get(id)?)
    }
}

/// A hash of every node that changes with its class, its inputs and everything before it.
fn signatures(process: &Process, prompt: &Json) -> HashMap<String, u64> {
    let mut known = HashMap::new();
    for (id, _) in prompt.members().unwrap_or_default() {
        signature(process, prompt, id, &mut known);
    }
    known
}

fn signature(process: &Process, prompt: &Json, id: &str, known: &mut HashMap<String, u64>) -> u64 {
    if let Some(signature) = known.get(id) {
        return *signature;
    }
    // A cycle ends here; validation has refused it anyway.
    known.insert(id.to_owned(), 0);
    let mut hasher = DefaultHasher::new();
    let node = prompt.get(id).unwrap_or(&Json::Null);
    node.get("class_type").map(Json::to_python).hash(&mut hasher);
    for (name, value) in node.get("inputs").and_then(Json::members).unwrap_or_default() {
        name.hash(&mut hasher);
        match graph::link(value) {
            Some((source, slot)) => (signature(process, prompt, source, known), slot).hash(&mut hasher),
            None => value.to_python().hash(&mut hasher),
        }
    }
    if node.get("class_type").and_then(Json::as_str) == Some("LoadImage") {
        let image = node.get("inputs").and_then(|inputs| inputs.get("image")).and_then(Json::as_str);
        image.and_then(|name| process.files.find_annotated(name)).map(|file| file.bytes).hash(&mut hasher);
    }
    let signature = hasher.finish();
    known.insert(id.to_owned(), signature);
    signature
}
