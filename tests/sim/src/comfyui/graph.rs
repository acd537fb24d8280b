//! The order in which the nodes of a workflow run.

use std::collections::{HashMap, HashSet};

use crate::json::Json;

/// The node and output that an input is linked to.
pub(super) fn link(value: &Json) -> Option<(&str, i64)> {
    match value.as_list()? {
        [Json::String(node), Json::Bool(slot)] => Some((node, i64::from(*slot))),
        [Json::String(node), slot] => Some((node, slot.as_i64()?)),
        _ => None,
    }
}

/// One of the outputs of a node; as in Python, negative numbers count from the end.
pub(super) fn slot<T>(outputs: &[T], slot: i64) -> Option<&T> {
    let index = if slot < 0 { slot + outputs.len() as i64 } else { slot };
    outputs.get(usize::try_from(index).ok()?)
}

/// The nodes that remain to be run. What is cached, and what only cached nodes need, is left out.
pub(super) struct Plan<'a> {
    prompt: &'a Json,
    /// In the order of discovery, which decides between nodes that are equally good to run next.
    pending: Vec<String>,
    blockers: HashMap<String, HashSet<String>>,
    /// Which nodes wait for a node, in the order of discovery.
    waiting: HashMap<String, Vec<String>>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(prompt: &'a Json, outputs: &[String], is_cached: &dyn Fn(&str) -> bool) -> Self {
        let mut plan = Self { prompt, pending: Vec::new(), blockers: HashMap::new(), waiting: HashMap::new() };
        for output in outputs {
            plan.add(output, is_cached);
        }
        plan
    }

    fn add(&mut self, node: &str, is_cached: &dyn Fn(&str) -> bool) {
        let (mut stack, mut links) = (vec![node.to_owned()], Vec::new());
        while let Some(id) = stack.pop() {
            if self.blockers.contains_key(&id) {
                continue;
            }
            self.pending.push(id.clone());
            self.blockers.insert(id.clone(), HashSet::new());
            self.waiting.insert(id.clone(), Vec::new());
            let inputs = self.prompt.get(&id).and_then(|node| node.get("inputs")).and_then(Json::members);
            for (source, _) in inputs.unwrap_or_default().iter().filter_map(|(_, value)| link(value)) {
                if !is_cached(source) {
                    stack.push(source.to_owned());
                    links.push((source.to_owned(), id.clone()));
                }
            }
        }
        for (source, target) in links {
            if let Some(blockers) = self.blockers.get_mut(&target)
                && blockers.insert(source.clone())
            {
                self.waiting.entry(source).or_default().push(target);
            }
        }
    }

    /// The next node: an output that is ready, else one that leads to an output soon, else the first.
    pub(super) fn next(&self, is_output: &dyn Fn(&str) -> bool) -> Option<String> {
        let ready: Vec<&String> = self.pending.iter().filter(|id| self.blockers[*id].is_empty()).collect();
        let leads = |id: &str, steps: usize| self.leads(id, steps, is_output);
        let best = (0..3).find_map(|steps| ready.iter().find(|id| leads(id, steps)));
        best.or(ready.first()).map(|id| (*id).clone())
    }

    fn leads(&self, id: &str, steps: usize, is_output: &dyn Fn(&str) -> bool) -> bool {
        match steps {
            0 => is_output(id),
            _ => self.waiting[id].iter().any(|target| self.leads(target, steps - 1, is_output)),
        }
    }

    pub(super) fn complete(&mut self, id: &str) {
        self.pending.retain(|pending| pending != id);
        for target in self.waiting.remove(id).unwrap_or_default() {
            if let Some(blockers) = self.blockers.get_mut(&target) {
                blockers.remove(id);
            }
        }
        self.blockers.remove(id);
    }
}
