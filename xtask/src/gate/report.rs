//! How each lane ended, as a table.

use std::process::ExitCode;
use std::time::Duration;

pub(super) enum Outcome {
    Passed,
    Failed(String),
    /// Allowed by the repository, with its reason and what really was in the way.
    Skipped {
        reason: String,
        error: String,
    },
}

#[derive(Default)]
pub(super) struct Report {
    lanes: Vec<(&'static str, Duration, Outcome)>,
}

impl Report {
    /// Takes the result of a lane and says it at once where it is not the good one.
    pub(super) fn add(&mut self, lane: &'static str, took: Duration, outcome: Outcome) {
        match &outcome {
            Outcome::Passed => println!("--- {lane} passed in {}", shown(took)),
            Outcome::Failed(error) => println!("--- {lane} FAILED in {}: {error}", shown(took)),
            Outcome::Skipped { error, .. } => println!("--- {lane} SKIPPED: {error}"),
        }
        self.lanes.push((lane, took, outcome));
    }

    /// Prints the table and the verdict.
    pub(super) fn print(&self, took: Duration) -> ExitCode {
        println!("\n{:<16} {:>10}  outcome", "lane", "time");
        for (lane, took, outcome) in &self.lanes {
            let outcome = match outcome {
                Outcome::Passed => "passed".to_owned(),
                Outcome::Failed(error) => format!("FAILED: {}", error.lines().next().unwrap_or_default()),
                Outcome::Skipped { reason, .. } => format!("SKIPPED: {reason}"),
            };
            println!("{lane:<16} {:>10}  {outcome}", shown(*took));
        }
        let count = |wanted: fn(&Outcome) -> bool| self.lanes.iter().filter(|(_, _, outcome)| wanted(outcome)).count();
        let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
        let skipped = count(|outcome| matches!(outcome, Outcome::Skipped { .. }));
        let good = self.lanes.len() - failed - skipped;
        println!(
            "\n{good} of {} lanes are good, {skipped} were skipped, {failed} are bad: {}",
            self.lanes.len(),
            shown(took)
        );
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}
