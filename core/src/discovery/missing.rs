//! A row for a kind that has a driver but no service: it says what to do.

use crate::{
    diagnosis::Reason,
    events::{BackendView, Detail, Origin, StateName},
};
use mdd_driver_api::manifest::Declaration;
use std::collections::BTreeMap;

/// The row. `strangers` are the ports that somebody else holds, with what that is.
pub fn missing_view(declaration: &Declaration, strangers: &BTreeMap<u16, String>, since: String) -> BackendView {
    BackendView {
        id: declaration.kind.clone(),
        kind: declaration.kind.clone(),
        title: declaration.title.clone(),
        endpoint: None,
        origin: Origin::Missing,
        state: StateName::Disconnected,
        detail: Detail::Waiting,
        reason: Some(Reason::new("not-running", observation(declaration, strangers), declaration)),
        since,
        attempt: 0,
        next_try_ms: None,
        version: None,
        flavour: None,
        queue: None,
        latency_ms: None,
        uptime: None,
        reconnects: 0,
        last_errors: vec![],
        process: None,
        devices: None,
        models: None,
        makes: declaration.makes.clone(),
        icon: declaration.icon.clone(),
        attribution: declaration.attribution.clone(),
        is_default: false,
        projects: Vec::new(),
        needs_word: false,
    }
}

fn observation(declaration: &Declaration, strangers: &BTreeMap<u16, String>) -> String {
    let (held, free): (Vec<u16>, Vec<u16>) =
        declaration.default_ports.iter().partition(|port| strangers.contains_key(port));
    let mut parts = Vec::new();
    match free.as_slice() {
        [] => {}
        [port] => parts.push(format!("nothing listens on port {port}")),
        ports => {
            let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
            parts.push(format!("nothing listens on ports {}", ports.join(", ")));
        }
    }
    parts.extend(held.iter().filter_map(|port| Some(format!("port {port} is held by {}", strangers.get(port)?))));
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::missing_view;
    use mdd_driver_api::manifest::Declaration;
    use std::collections::BTreeMap;

    #[test]
    fn it_tells_free_ports_from_those_that_somebody_holds() {
        let lamp: Declaration =
            serde_json::from_str(r#"{"kind": "lamp", "title": "Lamp", "default_ports": [1, 2, 3]}"#).unwrap();
        let strangers = BTreeMap::from([(2, "a web page titled Radio".to_owned())]);
        let view = missing_view(&lamp, &strangers, String::new());
        let reason = view.reason.unwrap();
        assert_eq!(reason.observation, "nothing listens on ports 1, 3; port 2 is held by a web page titled Radio");
        assert_eq!(reason.code, "not-running");
    }
}
