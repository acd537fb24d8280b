//! The acts: what happens to the simulated service, and what the host must show then.

use super::status::{Backend, Status};

/// One act, played on the service that changes while the others stay.
pub(super) struct Act {
    /// What a person is told.
    pub(super) caption: &'static str,
    /// The line for the simulator that begins the act.
    pub(super) cue: Option<&'static str>,
    /// The state that the changing service must reach.
    pub(super) expected: &'static str,
}

pub(super) const ACTS: &[Act] = &[
    Act {
        caption: "a service of every kind that there is a driver for runs; the host connects to each",
        cue: None,
        expected: "connected",
    },
    Act {
        caption: "ComfyUI stops; the host says so, why, and what helps",
        cue: Some("stop"),
        expected: "disconnected",
    },
    Act {
        caption: "ComfyUI runs again; the host comes back to it by itself",
        cue: Some("start"),
        expected: "connected",
    },
];

impl Act {
    /// Whether the status shows the state, with a reason unless it is the good one, and the steady services connected.
    pub(super) fn is_seen(&self, status: &Status, changing: &str, steady: &[String]) -> bool {
        let explained = |backend: &Backend| backend.state == "connected" || backend.reason.is_some();
        let changed = status.at(changing).is_some_and(|backend| backend.state == self.expected && explained(backend));
        let is_connected = |url: &String| status.at(url).is_some_and(|backend| backend.state == "connected");
        changed && steady.iter().all(is_connected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(changing: &str, reason: &str, steady: &str) -> Status {
        let text = format!(
            r#"{{"summary":{{"severity":"ok","sentence":""}},"backends":[
                {{"kind":"a","title":"A","endpoint":"http://127.0.0.1:1/","state":"{changing}","detail":null,"reason":{reason}}},
                {{"kind":"b","title":"B","endpoint":"http://127.0.0.1:2","state":"{steady}","detail":"ready","reason":null}}]}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn an_act_is_seen_when_all_services_are_as_they_must_be() {
        let reason = r#"{"code":"x","observation":"refused","meaning":"","remedies":[]}"#;
        let seen =
            |act: &Act, status: Status| act.is_seen(&status, "http://127.0.0.1:1", &["http://127.0.0.1:2".to_owned()]);
        assert!(seen(&ACTS[0], status("connected", "null", "connected")));
        assert!(!seen(&ACTS[0], status("connecting", "null", "connected")));
        assert!(seen(&ACTS[1], status("disconnected", reason, "connected")));
        assert!(!seen(&ACTS[1], status("disconnected", "null", "connected")), "a red state has a reason");
        assert!(!seen(&ACTS[1], status("disconnected", reason, "disconnected")));
    }
}
