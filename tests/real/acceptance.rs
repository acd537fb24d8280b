//! What the host was ordered for: everything is up already, nobody names anything, and all of it is connected at once.

use super::{gradio::App, litellm::Proxy};
use mdd_core::events::{BackendView, Detail, Snapshot, StateName};
use mdd_sim::{Options, Sim};
use mdd_tests::{in_own_network, mdd_host, plugins};
use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::process::Command;

const KINDS: [&str; 5] = ["comfyui", "wan2gp", "litellm", "rvc", "audioldm"];
const LITELLM: &str = "1.106.2";
const STARTS: u32 = 20;
/// The epic's own bounds.
const LONGEST: Duration = Duration::from_secs(5);
const MEAN: Duration = Duration::from_secs(3);

/// A server of three generations of Gradio, at the ports that these apps usually have.
const APPS: [(App, u16); 3] = [
    (App { kind: "wan2gp", flavour: "webui", program: "wan2gp.py", shape: "", gradio: "5.50.0" }, 7860),
    (App { kind: "audioldm", flavour: "audioldm2", program: "audioldm.py", shape: "2", gradio: "4.44.1" }, 7861),
    (App { kind: "rvc", flavour: "webui", program: "rvc.py", shape: "", gradio: "3.14.0" }, 7865),
];

#[test]
fn twenty_starts_beside_real_services_are_connected_at_once() {
    // There is no way out of the network in which the services are.
    xtask::venv::ensure(&format!("litellm-{LITELLM}")).unwrap();
    for (app, _) in &APPS {
        xtask::venv::ensure(&format!("gradio-{}", app.gradio)).unwrap();
    }
    in_own_network("acceptance::twenty_starts_beside_real_services_are_connected_at_once", async {
        let proxy = Proxy::at(LITELLM, 4000, None);
        let [(wan2gp, one), (audioldm, two), (rvc, three)] = &APPS;
        let _up = tokio::join!(proxy.start(), wan2gp.serve_at(*one), audioldm.serve_at(*two), rvc.serve_at(*three));
        let _comfyui = Sim::start(Options::new("comfyui").port(8188)).await.unwrap();

        let (home, folder) = (tempfile::tempdir().unwrap(), plugins(&KINDS));
        let mut times = Vec::new();
        for _ in 0..STARTS {
            let begun = Instant::now();
            let snapshot = started(&home, folder.path()).await;
            times.push(begun.elapsed());
            for kind in KINDS {
                let is_up = |backend: &&BackendView| backend.kind == kind && backend.state == StateName::Connected;
                let backend =
                    snapshot.backends.iter().find(is_up).unwrap_or_else(|| panic!("no {kind}: {snapshot:#?}"));
                assert!(matches!(backend.detail, Detail::Ready | Detail::Busy), "{backend:#?}");
            }
        }
        let mean = times.iter().sum::<Duration>() / STARTS;
        let longest = times.iter().max().unwrap();
        println!("{STARTS} starts until five services are connected and inspected: mean {mean:?}, longest {longest:?}");
        println!("the first, which copies and tries the drivers: {:?}", times[0]);
        assert!(*longest < LONGEST, "{times:?}");
        assert!(mean < MEAN, "{mean:?}");
    });
}

/// From the start of the program until it has seen everything and says so.
async fn started(home: &TempDir, plugins: &Path) -> Snapshot {
    let mut command = mdd_host(home.path());
    command.args(["status", "--json", "--wait", "60", "--plugins"]).arg(plugins).stdin(Stdio::null());
    let output = Command::from(command).kill_on_drop(true).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}\n{}", String::from_utf8_lossy(&output.stderr)))
}
