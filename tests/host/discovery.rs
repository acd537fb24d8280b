//! Services that nobody named, each test in a network of its own.

use crate::{
    looking::{Looking, SOON},
    remedies::{press, remedy},
    service::Service,
};
use mdd_core::events::{BackendView, Detail, Origin, StateName};
use mdd_sim::Sim;
use mdd_tests::{Announcement, Neighbour, Stub, THERE, drop_in, eventually, in_own_network, pass_on, variant};
use serde_json::json;
use std::{
    fs,
    net::{IpAddr, Ipv4Addr, UdpSocket},
    time::{Duration, Instant},
};

#[test]
fn a_service_at_a_default_port_is_found_also_when_it_starts_later() {
    in_own_network("discovery::a_service_at_a_default_port_is_found_also_when_it_starts_later", async {
        let looking = Looking::with(&["litellm"], "");
        let missing = looking.until(|row| row.origin == Origin::Missing).await;
        assert_eq!(missing.state, StateName::Disconnected);
        let reason = missing.reason.unwrap();
        assert_eq!(reason.code, "not-running");
        assert!(reason.observation.contains("4000"), "{}", reason.observation);
        let _service = Service::start("litellm", &["--port", "4000"]).await;
        let found = looking.connected("litellm").await;
        assert_eq!(found.origin, Origin::DefaultPort);
        assert_eq!(looking.host.snapshot().backends.len(), 1, "the row of the missing service is gone");
    });
}

/// The variable that users of Gradio set belongs to no kind: it is one more port to look at.
#[test]
fn the_port_of_a_variable_that_several_kinds_declare_is_looked_at() {
    in_own_network("discovery::the_port_of_a_variable_that_several_kinds_declare_is_looked_at", async {
        let service = Service::start("wan2gp-webui", &["--port", "9111"]).await;
        let looking = Looking::with(&["audioldm", "rvc", "wan2gp"], "");
        // It is at no port that is looked at otherwise.
        eventually(&looking.host, SOON, |snapshot| {
            let missing = snapshot.backends.iter().filter(|row| row.origin == Origin::Missing).count();
            (missing == 3).then_some(())
        })
        .await;
        let looking = looking.again_with(&[("GRADIO_SERVER_PORT", "9111")]);
        let found = looking.connected("wan2gp").await;
        assert_eq!((found.origin, found.endpoint.as_ref()), (Origin::DefaultPort, Some(&service.url)));
        let rows = looking.host.snapshot().backends;
        assert!(rows.iter().all(|row| row.kind == "wan2gp" || row.origin == Origin::Missing), "{rows:#?}");
    });
}

/// Whoever names the address that others use for this machine means the service that is found there.
#[test]
fn a_service_that_is_named_by_an_address_of_this_machine_is_one_backend() {
    in_own_network("discovery::a_service_that_is_named_by_an_address_of_this_machine_is_one_backend", async {
        let added = std::process::Command::new("ip").args(["address", "add", "10.77.0.5/32", "dev", "lo"]).status();
        assert!(added.unwrap().success());
        let service = crate::watched::Service::with_doors(&[("0.0.0.0", 8188)]);
        let looking = Looking::with(&["comfyui"], "");
        looking.connected("comfyui").await;
        looking.host.add_backend("comfyui", "http://10.77.0.5:8188").unwrap();
        let wanted = Some("http://10.77.0.5:8188");
        let named = looking.until(|row| row.endpoint.as_deref() == wanted && row.process.is_some()).await;
        assert_eq!((named.origin, named.process.unwrap().pid), (Origin::File, service.pid()));
        let only = |snapshot: &mdd_core::events::Snapshot| (snapshot.backends.len() == 1).then_some(());
        eventually(&looking.host, SOON, only).await;
        // The same in the other order.
        let looking = looking.again();
        looking.until(|row| row.endpoint.as_deref() == wanted && row.state == StateName::Connected).await;
        tokio::time::timeout(SOON, looking.host.settled()).await.unwrap();
        eventually(&looking.host, SOON, only).await;
    });
}

/// What its driver declares is listened for, on this machine alone, and nothing else is.
#[test]
fn a_service_that_announces_itself_by_the_type_of_its_driver_is_connected() {
    in_own_network("discovery::a_service_that_announces_itself_by_the_type_of_its_driver_is_connected", async {
        let lamp = ("/lamp.json", (200, "application/json", r#"{"lamp": "Desk lamp"}"#));
        let nothing = (404, "text/plain", "");
        let [declared, other] = [Stub::start(&[lamp], nothing).await, Stub::start(&[lamp], nothing).await];
        let port = |stub: &Stub| stub.url.rsplit(':').next().unwrap().parse().unwrap();
        let said = [("_lamp._tcp", "Desk", port(&declared)), ("_torch._tcp", "Pocket", port(&other))];
        let here = Ipv4Addr::LOCALHOST;
        let said = said.map(|(kind, name, port)| Announcement::of(kind, name.as_bytes(), here, port));
        let looking = Looking::with(&["lamp"], "");
        let socket = UdpSocket::bind((here, 0)).unwrap();
        let mut again = tokio::time::interval(Duration::from_millis(500));
        let announcing = async {
            loop {
                again.tick().await;
                said.iter().rev().for_each(|one| Announcement::say(&socket, std::slice::from_ref(one)));
            }
        };
        let found = tokio::select! {
            found = looking.connected("lamp") => found,
            () = announcing => unreachable!("it never ends"),
        };
        assert_eq!((found.origin, found.endpoint.as_ref()), (Origin::Mdns, Some(&declared.url)));
        tokio::time::timeout(SOON, looking.host.settled()).await.unwrap();
        assert_eq!(other.asked_in_all(), 0);
    });
}

/// A service of any port is found because its program is recognised, and what moves to another port is followed.
#[test]
fn ac_14_a_service_on_any_port_is_found_and_followed_when_it_moves() {
    in_own_network("discovery::ac_14_a_service_on_any_port_is_found_and_followed_when_it_moves", async {
        let looking = Looking::with(&["comfyui", "litellm"], "");
        let first = Service::start_in("ComfyUI", "comfyui", &[]).await;
        let found = looking.connected("comfyui").await;
        assert_eq!((found.origin, found.endpoint.as_deref()), (Origin::Socket, Some(first.url.as_str())));
        drop(first);
        let second = Service::start_in("ComfyUI", "comfyui", &[]).await;
        looking.until(|row| row.state == StateName::Connected && row.endpoint.as_ref() == Some(&second.url)).await;
        // The old place is forgotten: nobody named it.
        eventually(&looking.host, SOON, |snapshot| {
            let rows = snapshot.backends.iter().filter(|row| row.kind == "comfyui").count();
            (rows == 1).then_some(())
        })
        .await;
    });
}

#[test]
fn ac_14_a_saved_address_that_is_dead_is_told_where_the_service_is_now() {
    in_own_network("discovery::ac_14_a_saved_address_that_is_dead_is_told_where_the_service_is_now", async {
        let looking = Looking::with(&["comfyui"], "[backends.comfyui]\nurl = \"http://127.0.0.1:9\" # mine\n");
        let service = Service::start_in("ComfyUI", "comfyui", &[]).await;
        let has_remedy = |row: &BackendView| {
            row.reason.as_ref().is_some_and(|reason| reason.remedies[0].action == "use-found-endpoint")
        };
        let stale = looking.until(has_remedy).await;
        let found = remedy(&stale, "use-found-endpoint");
        assert_eq!(found.argument.as_ref(), Some(&service.url));
        press(&looking.host, &stale, &found, "");
        let moved = looking.connected("comfyui").await;
        assert_eq!((moved.origin, moved.endpoint.as_ref()), (Origin::File, Some(&service.url)));
        eventually(&looking.host, SOON, |snapshot| (snapshot.backends.len() == 1).then_some(())).await;
        let text = fs::read_to_string(looking.folder.path().join("config.toml")).unwrap();
        assert!(text.contains("# mine"), "{text}");
    });
}

#[test]
fn a_wrong_service_at_a_saved_address_does_not_hide_what_it_is() {
    in_own_network("discovery::a_wrong_service_at_a_saved_address_does_not_hide_what_it_is", async {
        let _litellm = Service::start("litellm", &["--port", "8000"]).await;
        let looking = Looking::with(&["comfyui", "litellm"], "[backends.comfyui]\nurl = \"http://127.0.0.1:8000\"\n");
        let wrong = looking.until(|row| row.kind == "comfyui" && row.detail == Detail::Refused).await;
        assert_eq!(wrong.reason.unwrap().code, "wrong-service");
        let found = looking.connected("litellm").await;
        assert_eq!(found.endpoint.as_deref(), Some("http://127.0.0.1:8000"));
        let service = Service::start_in("ComfyUI", "comfyui", &[]).await;
        looking
            .until(|row| {
                row.reason.as_ref().is_some_and(|reason| {
                    reason.code == "wrong-service" && reason.remedies[0].argument.as_ref() == Some(&service.url)
                })
            })
            .await;
    });
}

/// Two of a kind are both shown with version, place and process; the user picks, and the pick is kept.
#[test]
fn ac_15_two_instances_are_both_shown_and_the_choice_is_the_users() {
    in_own_network("discovery::ac_15_two_instances_are_both_shown_and_the_choice_is_the_users", async {
        let old = Service::start("comfyui", &["--port", "8188", "--version", "0.3.64"]).await;
        let new = Service::start_in("ComfyUI", "comfyui", &["--version", "0.33.0"]).await;
        let looking = Looking::with(&["comfyui"], "");
        let both = eventually(&looking.host, SOON, |snapshot| {
            let ready = |row: &&BackendView| row.version.is_some() && row.process.is_some() && row.devices.is_some();
            let rows: Vec<_> = snapshot.backends.iter().filter(ready).cloned().collect();
            (rows.len() == 2).then_some(rows)
        })
        .await;
        for (service, version) in [(&old, "0.3.64"), (&new, "0.33.0")] {
            let row = both.iter().find(|row| row.endpoint.as_ref() == Some(&service.url)).unwrap();
            assert_eq!(row.version.as_deref(), Some(version));
            assert_eq!(row.process.as_ref().unwrap().pid, service.pid);
        }
        let picked = both.iter().find(|row| row.endpoint.as_ref() == Some(&new.url)).unwrap();
        looking.host.default_backend(&picked.id).unwrap();
        looking.until(|row| row.is_default && row.id == picked.id).await;
        let looking = looking.again();
        looking.until(|row| row.is_default && row.id == picked.id && row.state == StateName::Connected).await;
    });
}

#[test]
fn ac_16_a_service_is_found_at_whichever_loopback_address_it_has() {
    in_own_network("discovery::ac_16_a_service_is_found_at_whichever_loopback_address_it_has", async {
        let service = Sim::start("comfyui").await.unwrap();
        let _only_v6 = crate::service::forward("[::1]:8188", &service.url());
        let looking = Looking::with(&["comfyui"], "");
        let found = looking.connected("comfyui").await;
        assert_eq!(found.endpoint.as_deref(), Some("http://[::1]:8188"));
    });
}

/// The addresses of the backends of a kind, once so many are connected.
async fn connected_at(looking: &Looking, count: usize) -> Vec<String> {
    eventually(&looking.host, SOON, |snapshot| {
        let up = snapshot.backends.iter().filter(|row| row.state == StateName::Connected);
        let places: Vec<String> = up.filter_map(|row| row.endpoint.clone()).collect();
        (places.len() == count).then_some(places)
    })
    .await
}

#[test]
fn one_process_at_several_addresses_is_one_backend() {
    in_own_network("discovery::one_process_at_several_addresses_is_one_backend", async {
        let doors = [("127.0.0.1", 8188), ("::1", 8188), ("127.0.0.1", 9001), ("127.0.0.1", 9002)];
        let _one = crate::watched::Service::with_doors(&doors);
        // Somebody else, who shows that every port was looked at.
        let _other = crate::watched::Service::with_doors(&[("127.0.0.1", 9100)]);
        let looking = Looking::with(&["comfyui"], "");
        let first = connected_at(&looking, 2).await;
        assert!(first.contains(&"http://127.0.0.1:9100".to_owned()), "{first:?}");
        tokio::time::timeout(SOON, looking.host.settled()).await.unwrap();
        assert_eq!(connected_at(&looking, 2).await, first);
    });
}

#[test]
fn two_services_at_one_port_number_are_two_backends() {
    in_own_network("discovery::two_services_at_one_port_number_are_two_backends", async {
        let _four = crate::watched::Service::with_doors(&[("127.0.0.1", 8188)]);
        let looking = Looking::with(&["comfyui"], "");
        assert_eq!(connected_at(&looking, 1).await, ["http://127.0.0.1:8188"]);
        let _six = crate::watched::Service::with_doors(&[("::1", 8188)]);
        let places = connected_at(&looking, 2).await;
        assert_eq!(places, ["http://127.0.0.1:8188", "http://[::1]:8188"]);
    });
}

/// What another user runs, as Docker does, waits for the user's word and is a full backend after it.
#[test]
fn a_service_of_another_user_waits_for_the_users_word() {
    in_own_network("discovery::a_service_of_another_user_waits_for_the_users_word", async {
        let service = Service::start_as(65_534, "litellm", &["--port", "4000"]).await;
        let looking = Looking::with(&["litellm"], "");
        let waiting = looking.until(|row| row.needs_word).await;
        assert_eq!((waiting.state, waiting.detail), (StateName::Disconnected, Detail::Refused));
        let reason = waiting.reason.as_ref().unwrap();
        assert_eq!(reason.code, "needs-your-word");
        assert!(reason.observation.contains("65534"), "{}", reason.observation);
        press(&looking.host, &waiting, &remedy(&waiting, "accept"), "");
        let accepted = looking.connected("litellm").await;
        assert!(!accepted.needs_word);
        // The word is kept.
        let looking = looking.again();
        looking.connected("litellm").await;
        drop(service);
        looking.until(|row| row.kind == "litellm" && row.state == StateName::Disconnected).await;
    });
}

#[test]
fn a_doubtful_service_that_goes_away_is_no_longer_offered() {
    in_own_network("discovery::a_doubtful_service_that_goes_away_is_no_longer_offered", async {
        for settings in ["", "[discovery]\nsockets = false\n"] {
            let service = Service::start_as(65_534, "litellm", &["--port", "4000"]).await;
            let looking = Looking::with(&["litellm"], settings);
            looking.until(|row| row.needs_word).await;
            drop(service);
            looking.until(|row| row.origin == Origin::Missing).await;
            assert!(!looking.host.snapshot().backends.iter().any(|row| row.needs_word));
        }
    });
}

/// The same of another machine, whose end nobody sees.
#[test]
fn a_service_of_another_machine_that_goes_away_is_no_longer_offered() {
    in_own_network("discovery::a_service_of_another_machine_that_goes_away_is_no_longer_offered", async {
        let (neighbour, sim) = (Neighbour::join(), Sim::start("comfyui").await.unwrap());
        let listening = pass_on(neighbour.listen(8199), &sim.url());
        let socket = neighbour.there(|| UdpSocket::bind((THERE, 5353)).unwrap());
        let IpAddr::V4(there) = THERE else { panic!("{THERE} is announced in an A record") };
        let said = [Announcement::of("_http._tcp", b"Pictures", there, 8199)];
        let looking = Looking::with(&["comfyui"], "[discovery]\nlan = true\n");
        let mut again = tokio::time::interval(Duration::from_millis(500));
        let announcing = async {
            loop {
                again.tick().await;
                Announcement::say(&socket, &said);
            }
        };
        tokio::select! {
            _offered = looking.until(|row| row.needs_word) => {}
            () = announcing => unreachable!("it never ends"),
        }
        // While a client is offline nobody asks there, so nobody knows either.
        let offline = looking.host.offline();
        let two_looks = Duration::from_secs(4);
        tokio::time::sleep(two_looks).await;
        drop(listening);
        tokio::time::sleep(two_looks).await;
        assert!(looking.host.snapshot().backends.iter().any(|row| row.needs_word));
        drop(offline);
        let is_gone = |row: &BackendView| row.origin == Origin::Missing;
        looking.until(is_gone).await;
        assert!(!looking.host.snapshot().backends.iter().any(|row| row.needs_word));
    });
}

#[test]
fn programs_that_no_driver_knows_are_asked_nothing() {
    in_own_network("discovery::programs_that_no_driver_knows_are_asked_nothing", async {
        let stub = Stub::start(&[], (404, "text/plain", "")).await;
        let looking = Looking::with(&["comfyui", "litellm"], "");
        let _found = Service::start_in("ComfyUI", "comfyui", &[]).await;
        looking.connected("comfyui").await;
        assert_eq!(stub.asked_in_all(), 0);
    });
}

#[test]
fn settings_of_discovery_count_at_once() {
    in_own_network("discovery::settings_of_discovery_count_at_once", async {
        let looking = Looking::with(&["comfyui"], "[discovery]\nsockets = false\nmdns = false\n");
        let service = Service::start_in("ComfyUI", "comfyui", &[]).await;
        looking.until(|row| row.origin == Origin::Missing).await;
        looking.host.set_config("discovery.sockets", &json!(true)).unwrap();
        let found = looking.connected("comfyui").await;
        assert_eq!(found.endpoint.as_ref(), Some(&service.url));
        looking.host.set_config("discovery.enabled", &json!(false)).unwrap();
        let other = Service::start_in("ComfyUI", "comfyui", &[]).await;
        looking.host.set_config("discovery.enabled", &json!(true)).unwrap();
        looking.until(|row| row.endpoint.as_ref() == Some(&other.url) && row.state == StateName::Connected).await;
    });
}

#[test]
fn ac_01_a_service_that_starts_after_a_long_wait_is_connected_as_soon_as_it_listens() {
    in_own_network(
        "discovery::ac_01_a_service_that_starts_after_a_long_wait_is_connected_as_soon_as_it_listens",
        async {
            let looking = Looking::with(&["comfyui"], "[backends.comfyui]\nurl = \"http://127.0.0.1:9188\"\n");
            // On a machine that starts a program more slowly than the pause lasts nothing is proven, so it is tried again.
            for _ in 0..5 {
                let long = |row: &BackendView| row.next_try_ms.is_some_and(|left| left > 4_000);
                let left = looking.until(long).await.next_try_ms.unwrap();
                let seen = Instant::now();
                let service = Service::start("comfyui", &["--port", "9188"]).await;
                let listens = Instant::now();
                looking.connected("comfyui").await;
                println!("connected {:?} after it said that it listens; {left} ms were left", listens.elapsed());
                if seen.elapsed() < Duration::from_millis(left) {
                    return;
                }
                drop(service);
                looking.until(|row| row.state == StateName::Disconnected).await;
            }
            panic!("it was never connected before its pause was over");
        },
    );
}

#[test]
fn nothing_is_asked_twice_at_the_same_time() {
    in_own_network("discovery::nothing_is_asked_twice_at_the_same_time", async {
        // Slow to answer, and looked for by default port, by its program and again by refresh.
        let slow = Stub::slow(Duration::from_millis(700), "127.0.0.1:8188").await;
        let looking = Looking::with(&["comfyui", "litellm"], "");
        for _ in 0..3 {
            let asked = slow.asked_in_all();
            while slow.asked_in_all() <= asked {
                looking.host.refresh();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        assert_eq!(slow.most_at_once(), 1);
    });
}

/// Each driver that takes a service for its own says how sure it is; the surest has it, and the others are told of.
#[test]
fn two_drivers_that_claim_one_service_are_settled_by_score_and_shown() {
    in_own_network("discovery::two_drivers_that_claim_one_service_are_settled_by_score_and_shown", async {
        let service = Service::start("comfyui", &["--port", "8188"]).await;
        let told = async |looking: &Looking, winner: &str, text: &str| {
            let won = looking.connected(winner).await;
            assert_eq!(won.endpoint.as_ref(), Some(&service.url));
            let told = eventually(&looking.host, SOON, |snapshot| {
                snapshot.notices.iter().find(|notice| notice.text.contains("could also have been")).cloned()
            });
            let told = told.await;
            assert_eq!((told.backend.as_ref(), told.text.as_str()), (Some(&won.id), text));
            // It is asked by nobody else from now on.
            let rows = looking.host.snapshot().backends;
            assert_eq!(rows.iter().filter(|row| row.state == StateName::Connected).count(), 1, "{rows:#?}");
        };
        // Asked first, as nothing tells which program it is, and not as sure.
        let unseen = "[discovery]\nsockets = false\n";
        let looking = Looking::with(&["comfyui", "half-sure"], unseen);
        told(
            &looking,
            "comfyui",
            "port 8188 is taken for ComfyUI (98 of 100); it could also have been Half sure (60).",
        )
        .await;
        drop(looking);
        // Neither is sure, and the first is the surer.
        let looking = Looking::with(&["half-sure"], unseen);
        let surer = [("score=060", "score=070"), ("half-sure", "half-true"), ("Half sure", "Half true")];
        drop_in(looking.plugins.path(), "half-true", &variant("half-sure", &surer));
        let looking = looking.again();
        told(
            &looking,
            "half-true",
            "port 8188 is taken for Half true (70 of 100); it could also have been Half sure (60).",
        )
        .await;
    });
}
