//! Services that nobody named.

use mdd_core::{
    Host,
    events::{Origin, StateName},
    settings::{Environment, Settings},
};
use mdd_sim::Sim;
use mdd_tests::{eventually, plugins};
use std::{fs, path::Path, time::Duration};

const SOON: Duration = Duration::from_secs(30);

/// A host that looks around by itself.
fn looking_around(plugins: &Path, state: &Path) -> Host {
    Host::start(Settings {
        plugins: vec![plugins.to_owned()],
        state_folder: state.to_owned(),
        config_file: Some(state.join("config.toml")),
        backends: vec![],
        discovery: true,
        environment: Environment::default(),
    })
    .unwrap()
}

/// The same driver with other default ports: those of the test instead of those that the machine may use.
fn with_default_ports(folder: &Path, from: &str, to: &str) {
    assert_eq!(from.len(), to.len(), "the manifest's length is fixed");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let mut patched = 0;
        while let Some(at) = bytes.windows(from.len()).position(|window| window == from.as_bytes()) {
            bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
            patched += 1;
        }
        assert!(patched > 0, "{} does not contain {from}", path.display());
        fs::write(&path, bytes).unwrap();
    }
}

#[tokio::test]
async fn a_service_at_a_default_port_is_found_also_when_it_starts_later() {
    let sim = Sim::start("litellm").await.unwrap();
    let folder = plugins(&["litellm"]);
    let manifest = include_str!("../../drivers/litellm/manifest.json");
    let ports = manifest.lines().find(|line| line.contains("\"default_ports\"")).unwrap().trim();
    let wanted = format!("\"default_ports\": [{}]", sim.addr().port());
    let padded = format!("{wanted:<width$},", width = ports.len() - 1);
    with_default_ports(folder.path(), ports, &padded);
    sim.stop().await;

    let state = tempfile::tempdir().unwrap();
    let host = looking_around(folder.path(), state.path());
    let missing = eventually(&host, SOON, |snapshot| snapshot.backends.first().cloned()).await;
    assert_eq!((missing.origin, missing.state), (Origin::Missing, StateName::Disconnected));
    let reason = missing.reason.unwrap();
    assert_eq!(reason.code, "not-running");
    assert!(reason.observation.contains(&sim.addr().port().to_string()), "{}", reason.observation);

    sim.start_again().await.unwrap();
    let found = eventually(&host, SOON, |snapshot| {
        snapshot.backends.iter().find(|backend| backend.state == StateName::Connected).cloned()
    })
    .await;
    assert_eq!(found.origin, Origin::DefaultPort);
    assert_eq!(host.snapshot().backends.len(), 1, "the row of the missing service is gone");
}
