//! What is measured, and what was promised of it.

use crate::{
    blender, crash, crowd, gradio, idle, jobs, loading, loss, mdns, plugins, reconnect, sizes, soak, sockets, start,
    suite, world::World,
};
use std::pin::Pin;

/// A metric.
pub(crate) struct Goal {
    /// Its name for good.
    pub(crate) id: &'static str,
    pub(crate) metric: &'static str,
    pub(crate) goal: &'static str,
    pub(crate) measure: Measure,
}

pub(crate) type Measure = fn(&World) -> Pin<Box<dyn Future<Output = anyhow::Result<Measured>> + '_>>;

/// What was found.
pub(crate) struct Measured {
    pub(crate) ours: String,
    /// The peer or the floor, with its figure.
    pub(crate) beside: String,
    /// Ours to theirs, where they do the same.
    pub(crate) ratio: Option<f64>,
    pub(crate) verdict: Verdict,
}

#[derive(Clone, Copy)]
pub(crate) enum Verdict {
    Met,
    Missed,
    /// Nothing was promised, or nothing can be compared.
    Open,
}

impl Verdict {
    pub(crate) fn of(met: bool) -> Self {
        if met { Self::Met } else { Self::Missed }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "**missed**",
            Self::Open => "open",
        }
    }
}

macro_rules! goals {
    ($($id:literal $metric:literal, $goal:literal, $measure:path;)*) => {
        /// All of them, in their order.
        pub(crate) const GOALS: &[Goal] = &[$(Goal {
            id: $id, metric: $metric, goal: $goal, measure: |world| Box::pin($measure(world)),
        },)*];
    };
}

goals! {
    "P1" "from the start of the program to the status of five services and its end",
        "25 ms p50, 60 ms p99; a twentieth of the CPU of aiohttp", start::status;
    "P1b" "from the start of the host that stays until a client sees the five connected, with a new store",
        "the first status does not wait for the store", start::first;
    "P2" "five services among five that never answer properly: when the five are connected",
        "20 ms", start::among_bad;
    "P3" "one list of the sockets that listen, eight of them", "100 µs", sockets::few;
    "P3b" "the same with a thousand", "1 ms; 20 times faster than the crate `listeners`, 4 times with programs",
        sockets::many;
    "P3c" "five services on any port among a thousand that listen: from the host's start to all connected", "150 ms",
        sockets::found;
    "P3d" "closed ports that are scanned", "none", sockets::scanned;
    "P4" "a killed service is seen", "2 ms p50, 10 ms p99", loss::killed;
    "P5" "a stopped process (SIGSTOP) is seen", "500 ms", loss::stopped;
    "P6" "connected after the port listens again, in a long pause", "300 ms p50, 600 ms p99", loss::back;
    "P7" "a service's message to the main thread's queue in Python", "as soon as a WebSocket client in Python",
        blender::events;
    "P8" "Blender's main thread in a tick without news", "2 µs", blender::tick;
    "P9" "the idle host with five services at one check a second each",
        "12 MB, 0.1 % of a core, 6 wake-ups a second, 8 threads, 40 descriptors", idle::five_idle;
    "P10" "a check, with a thousand services at one a second", "170 µs of CPU; 0.45 of aiohttp; 40 MB", crowd::thousand;
    "P11" "one driver more at the host's start, verified, its trial known", "4 ms", plugins::load;
    "P11b" "the weight of a driver", "600 kB of file, 450 kB of memory, no thread", plugins::weight;
    "P11c" "from a driver's file in the plugins folder to a driver in use, its trial included", "1 s", loading::drop_in;
    "P11d" "the trial of each driver, and the load of one whose trial is known", "4 ms for a load", loading::trial;
    "P11e" "a host with no driver, with 5, 20 and 50, and no service", "450 kB for each; 50 loaded in 200 ms", loading::many;
    "P12" "drivers in processes of their own", "deferred", plugins::isolated;
    "P13" "a job is accepted durably", "2 times a bare fdatasync; 100 at once in 2 times one; 10,000 read again in 50 ms",
        jobs::accepted;
    "P14" "the program's file", "8 MB", sizes::host;
    "P15" "from the host's start to a connection with a service that announces itself by mDNS", "250 ms p50", mdns::found;
    "P16" "a Gradio app: connected, and what a check of it carries", "a check of 1 kB at most", gradio::beside_its_client;
    "P17" "reconnect cycles", "10,000 in 10 s, memory flat", reconnect::cycles;
    "P17b" "10,000 small jobs", "memory, descriptors and the journal flat", soak::jobs;
    "R11" "a driver takes the host down at work: from the crash until the host is back and everything is connected again",
        "1 s, no job lost", crash::back;
    "P18" "the deterministic tests of the core", "120 s", suite::core;
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_goal_has_a_row_in_the_book() {
        let page = include_str!("../../../docs/src/benchmarks.md");
        for goal in super::GOALS {
            let row = page.lines().find(|line| line.starts_with(&format!("| {} |", goal.id)));
            assert!(row.is_some_and(|row| row.contains(goal.goal)), "{}: no row, or of another goal", goal.id);
        }
    }
}
