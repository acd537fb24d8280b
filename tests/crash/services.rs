//! The simulated services of one world, and what goes wrong with them meanwhile.

use crate::{PATIENCE, chance::Chance};
use mdd_sim::{Fault, JobState, Ledger, Options, Sim};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// A service works on one job at a time, and one that may be there blocks it for a quarter of a minute.
const PICTURES: usize = 5;

#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) pictures: Vec<Arc<Sim>>,
    pub(crate) chats: Arc<Sim>,
}

impl Services {
    pub(crate) async fn start() -> Self {
        let mut pictures = Vec::new();
        for index in 0..PICTURES {
            let version = if index % 2 == 0 { "0.33.0" } else { "0.3.64" };
            pictures.push(Arc::new(Sim::start(Options::new("comfyui").version(version)).await.unwrap()));
        }
        // Results take their time from here, so that a host is also killed while they come.
        pictures[0].inject(Fault::Slow(Duration::from_millis(300)).on("/view")).await;
        Self { pictures, chats: Arc::new(Sim::start("litellm").await.unwrap()) }
    }

    pub(crate) fn addresses(&self) -> Vec<(String, String)> {
        let pictures = self.pictures.iter().map(|sim| ("comfyui".to_owned(), sim.url()));
        pictures.chain([("litellm".to_owned(), self.chats.url())]).collect()
    }

    pub(crate) fn of_pictures(&self) -> Vec<Ledger> {
        self.pictures.iter().map(|sim| sim.ledger()).collect()
    }

    /// Something goes wrong, once.
    pub(crate) async fn trouble(&self, chance: &mut Chance) {
        let sim = &self.pictures[chance.below(PICTURES as u64) as usize];
        match chance.below(9) {
            0..3 => sim.inject(Fault::CutAnswer.times(1)).await,
            3 => sim.inject(Fault::SlowJob(chance.up_to(1500)).times(1)).await,
            4 => sim.inject(Fault::LateJob(chance.up_to(1500)).times(1)).await,
            5 => sim.inject(Fault::Reset.on("/queue").times(1)).await,
            6 => sim.inject(Fault::Drop.on("/history").times(1)).await,
            // In the middle of a result.
            7 => sim.inject(Fault::HalfJson.on("/view").times(1)).await,
            // Suspended, with whatever is in its buffer.
            _ => {
                // The first one keeps its slow results.
                let sim = &self.pictures[1 + chance.below(PICTURES as u64 - 1) as usize];
                sim.inject(Fault::Freeze).await;
                tokio::time::sleep(chance.up_to(600)).await;
                sim.clear_faults().await;
            }
        }
    }

    pub(crate) async fn end_of_trouble(&self) {
        for sim in &self.pictures {
            sim.clear_faults().await;
        }
    }

    /// Whatever was accepted has come to its end.
    pub(crate) async fn rest(&self) {
        for sim in self.pictures.iter().chain([&self.chats]) {
            let over = |ledger: &Ledger| ledger.jobs.iter().all(|job: &mdd_sim::Job| job.state.is_final());
            sim.wait_for(over, PATIENCE).await.unwrap();
        }
    }
}

/// How often a picture was begun, by the service's id of it.
pub(crate) fn runs(ledgers: &[Ledger], id: &str) -> usize {
    ledgers.iter().map(|ledger| ledger.runs(id)).sum()
}

/// Whether any service has it.
pub(crate) fn has(ledgers: &[Ledger], id: &str) -> bool {
    ledgers.iter().any(|ledger| ledger.accepted(id) > 0)
}

/// How many different ids were begun.
pub(crate) fn begun(ledgers: &[Ledger]) -> usize {
    ledgers.iter().flat_map(|ledger| &ledger.jobs).filter(|job| job.runs > 0).count()
}

/// Work on pictures that were finished, or not.
pub(crate) fn unfinished(ledgers: &[Ledger]) -> Vec<String> {
    let jobs = ledgers.iter().flat_map(|ledger| &ledger.jobs);
    jobs.filter(|job| job.state != JobState::Finished).map(|job| format!("{job:?}")).collect()
}

/// A picture of a colour that no other job has.
pub(crate) fn picture(color: u64, chance: &mut Chance) -> Value {
    let mut workflow = json!({
        "1": {"class_type": "EmptyImage", "inputs": {"width": 256, "height": 256, "batch_size": 1, "color": color}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "mdd"}},
    });
    if chance.one_in(2) {
        let steps = 1 + chance.below(6);
        let inputs = json!({"image": ["1", 0], "steps": steps, "delay": 0.05, "preview": true});
        workflow["3"] = json!({"class_type": "LabSlow", "inputs": inputs});
        workflow["2"]["inputs"]["images"] = json!(["3", 0]);
    }
    workflow
}

pub(crate) fn chat(chance: &mut Chance) -> Value {
    let model = if chance.one_in(2) { "slow" } else { "mock-gpt" };
    json!({"model": model, "messages": [{"role": "user", "content": "hi"}]})
}
