//! Response times of the last checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, time::Duration};

/// Five minutes of checks, one a second at most.
const KEPT: usize = 300;

/// A ring of response times.
#[derive(Debug, Default)]
pub struct Latency {
    samples: VecDeque<Duration>,
}

/// Response times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LatencyView {
    /// Of the last check.
    pub last: f64,
    /// Half of the kept ones are faster.
    pub p50: f64,
    /// Nineteen of twenty are faster.
    pub p95: f64,
    /// Ninety-nine of a hundred are faster.
    pub p99: f64,
}

impl Latency {
    /// Adds the time of an answered check.
    pub fn add(&mut self, time: Duration) {
        if self.samples.len() == KEPT {
            self.samples.pop_front();
        }
        self.samples.push_back(time);
    }

    /// The figures, once there is a sample.
    pub fn view(&self) -> Option<LatencyView> {
        let last = *self.samples.back()?;
        let mut sorted: Vec<_> = self.samples.iter().copied().collect();
        sorted.sort_unstable();
        let at = |percent| millis(quantile(&sorted, percent));
        Some(LatencyView { last: millis(last), p50: at(50), p95: at(95), p99: at(99) })
    }
}

/// Nearest rank: the smallest sample that at least `percent` of the samples do not exceed.
fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

/// With three digits behind the point: the fastest answers take a tenth of a millisecond.
pub(super) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::Latency;
    use std::time::Duration;

    #[test]
    fn percentiles_are_of_the_kept_samples() {
        let mut latency = Latency::default();
        assert_eq!(latency.view(), None);
        for ms in 1..=400 {
            latency.add(Duration::from_millis(ms));
        }
        let view = latency.view().unwrap();
        assert_eq!((view.last, view.p50, view.p95, view.p99), (400.0, 250.0, 385.0, 397.0));
    }

    #[test]
    fn one_sample_is_every_percentile() {
        let mut latency = Latency::default();
        latency.add(Duration::from_micros(1234));
        let view = latency.view().unwrap();
        assert_eq!((view.last, view.p50, view.p95, view.p99), (1.234, 1.234, 1.234, 1.234));
    }
}
