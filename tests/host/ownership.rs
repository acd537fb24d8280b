//! Whose a service is: secrets go to the user's own services, and to those that the user has spoken for.

use crate::{
    looking::{Looking, SOON},
    remedies::{press, remedy},
    service::Service,
};
use mdd_core::events::{BackendView, Detail, StateName};
use mdd_tests::in_own_network;
use serde_json::json;

const NOBODY: u32 = 65_534;
/// It lets nobody in who has not the key: whoever is connected has shown it.
const LOCKED: [&str; 4] = ["--port", "4000", "--key", "sk-ours"];

fn with_key(settings: &str) -> Looking {
    let looking = Looking::with(&["litellm"], settings);
    looking.host.set_config("backends.litellm.key", &json!("sk-ours")).unwrap();
    looking
}

/// Connected, and its process is watched.
fn is_known(row: &BackendView) -> bool {
    row.state == StateName::Connected && row.process.is_some()
}

#[test]
fn another_users_service_gets_no_key_where_sockets_are_not_watched() {
    in_own_network("ownership::another_users_service_gets_no_key_where_sockets_are_not_watched", async {
        let _service = Service::start_as(NOBODY, "litellm", &LOCKED).await;
        let looking = with_key("[discovery]\nsockets = false\n");
        let waiting = looking.until(|row| row.needs_word).await;
        tokio::time::timeout(SOON, looking.host.settled()).await.unwrap();
        assert!(looking.host.snapshot().backends.iter().all(|row| row.state != StateName::Connected));
        press(&looking.host, &waiting, &remedy(&waiting, "accept"), "");
        looking.connected("litellm").await;
    });
}

#[test]
fn another_user_who_takes_the_port_of_a_service_gets_no_key() {
    in_own_network("ownership::another_user_who_takes_the_port_of_a_service_gets_no_key", async {
        for settings in ["", "[discovery]\nsockets = false\n"] {
            let looking = with_key(settings);
            let ours = Service::start("litellm", &LOCKED).await;
            looking.until(is_known).await;
            drop(ours);
            let theirs = Service::start_as(NOBODY, "litellm", &LOCKED).await;
            let waiting = looking.until(|row| row.needs_word && row.process.is_some()).await;
            assert_eq!((waiting.state, waiting.detail), (StateName::Disconnected, Detail::Refused));
            drop(theirs);
            // Ours need no word.
            let ours = Service::start("litellm", &LOCKED).await;
            looking.until(is_known).await;
            drop(ours);
            let _theirs = Service::start_as(NOBODY, "litellm", &LOCKED).await;
            let waiting = looking.until(|row| row.needs_word).await;
            press(&looking.host, &waiting, &remedy(&waiting, "accept"), "");
            looking.connected("litellm").await;
        }
    });
}

/// A refused key is not shown again and again, but to the next process: the user may have corrected the other side.
#[test]
fn a_key_is_shown_to_the_next_process() {
    in_own_network("ownership::a_key_is_shown_to_the_next_process", async {
        for settings in ["", "[discovery]\nsockets = false\n"] {
            let looking = with_key(settings);
            let service = Service::start("litellm", &["--port", "4000", "--key", "sk-another"]).await;
            looking.until(|row| row.detail == Detail::Refused && row.process.is_some()).await;
            let row = looking.host.snapshot().backends.remove(0);
            assert_eq!(row.reason.unwrap().code, "litellm.key-rejected");
            drop(service);
            let _service = Service::start("litellm", &LOCKED).await;
            looking.connected("litellm").await;
        }
    });
}
