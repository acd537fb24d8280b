//! How far a workflow is: the nodes that were reached, and the step within the one that runs.

use crate::message::Event;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Adds up the events of one job.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// What each node of the workflow is called.
    titles: BTreeMap<String, String>,
    /// Nodes that have run, were cached, or run now.
    reached: BTreeSet<String>,
    current: Option<String>,
    /// Step and number of steps of the current node.
    within: (f64, f64),
}

/// What it shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reading {
    /// Nodes that are done, with a part of the current one.
    pub(crate) step: f64,
    /// Nodes of the workflow.
    pub(crate) total: f64,
    /// The current node, and its own step where it has more than one.
    pub(crate) detail: String,
}

impl Meter {
    pub(crate) fn of(workflow: &Value) -> Self {
        let nodes = workflow.as_object().into_iter().flatten();
        let titles = nodes.map(|(id, node)| (id.clone(), title(node))).collect();
        Self { titles, ..Self::default() }
    }

    pub(crate) fn take(&mut self, event: &Event) {
        match event {
            Event::Cached(nodes) => nodes.iter().for_each(|node| self.reach(node)),
            Event::Node(node) => {
                self.reach(node);
                self.current = Some(node.clone());
                self.within = (0.0, 0.0);
            }
            Event::Step { value, max } => self.within = (*value, *max),
            Event::Started | Event::Over => {}
        }
    }

    pub(crate) fn read(&self) -> Reading {
        let current = self.current.as_deref().filter(|node| self.titles.contains_key(*node));
        let done = self.reached.len() - usize::from(current.is_some());
        let (value, max) = self.within;
        let part = if max > 0.0 && current.is_some() { (value / max).clamp(0.0, 1.0) } else { 0.0 };
        let mut detail = current.and_then(|node| self.titles.get(node)).cloned().unwrap_or_default();
        if max > 1.0 {
            detail = format!("{detail} {value}/{max}");
        }
        Reading { step: count(done) + part, total: count(self.titles.len()), detail }
    }

    /// Nodes that a node made while it ran are not counted: nobody knows how many will come.
    fn reach(&mut self, node: &str) {
        if self.titles.contains_key(node) {
            self.reached.insert(node.to_owned());
        }
    }
}

fn count(nodes: usize) -> f64 {
    u32::try_from(nodes).unwrap_or(u32::MAX).into()
}

/// As its author called it in the editor, else its class.
fn title(node: &Value) -> String {
    let given = node.get("_meta").and_then(|meta| meta.get("title")).and_then(Value::as_str);
    let class = node.get("class_type").and_then(Value::as_str);
    mdd_driver_api::text::printable(given.filter(|title| !title.is_empty()).or(class).unwrap_or_default(), 60)
}

#[cfg(test)]
mod tests {
    use super::{Meter, Reading};
    use crate::message::{Event, tests::job_events};
    use serde_json::json;

    fn reading(step: f64, total: f64, detail: &str) -> Reading {
        Reading { step, total, detail: detail.to_owned() }
    }

    #[test]
    fn a_recorded_job_is_measured() {
        let workflow = json!({
            "1": {"class_type": "EmptyImage"},
            "2": {"class_type": "SaveImage", "_meta": {"title": "Keep"}},
            "3": {"class_type": "LabSlow"}
        });
        for version in ["comfyui-0.3.64", "comfyui-0.33.0"] {
            let mut meter = Meter::of(&workflow);
            let mut readings = vec![meter.read()];
            for (_, event) in job_events(version, "ws_events_preview_metadata") {
                meter.take(&event);
                if readings.last() != Some(&meter.read()) {
                    readings.push(meter.read());
                }
            }
            let third = 1.0 / 3.0;
            assert_eq!(
                readings,
                [
                    reading(0.0, 3.0, ""),
                    reading(0.0, 3.0, "EmptyImage"),
                    reading(1.0, 3.0, "LabSlow"),
                    reading(1.0 + third, 3.0, "LabSlow 1/3"),
                    reading(1.0 + 2.0 * third, 3.0, "LabSlow 2/3"),
                    reading(2.0, 3.0, "LabSlow 3/3"),
                    reading(2.0, 3.0, "Keep"),
                ],
                "{version}"
            );
        }
    }

    #[test]
    fn cached_nodes_are_done() {
        let mut meter = Meter::of(&json!({"1": {"class_type": "A"}, "2": {"class_type": "B"}}));
        meter.take(&Event::Cached(vec!["1".to_owned(), "2".to_owned()]));
        assert_eq!(meter.read(), reading(2.0, 2.0, ""));
    }

    #[test]
    fn nodes_that_came_later_and_odd_steps_do_no_harm() {
        let mut meter = Meter::of(&json!({"1": {}}));
        meter.take(&Event::Node("1.0.7".to_owned()));
        meter.take(&Event::Step { value: 5.0, max: 2.0 });
        assert_eq!(meter.read().step, 0.0);
        meter.take(&Event::Node("1".to_owned()));
        for (value, max) in [(9.0, 0.0), (-3.0, 4.0), (9.0, 4.0)] {
            meter.take(&Event::Step { value, max });
            assert!((0.0..=1.0).contains(&meter.read().step), "{value} of {max}");
        }
        assert_eq!(Meter::of(&json!(null)).read(), Reading::default());
    }
}
