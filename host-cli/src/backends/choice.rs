//! Which backend a word of the command line means: its id, or its kind, title, address or port where only one has it.

use crate::failure::Coded;
use mdd_core::events::BackendView;

/// The id. A word that means nothing stays as it is: the host says what there is.
pub(super) fn id_of(word: &str, known: &[BackendView]) -> anyhow::Result<String> {
    if known.iter().any(|backend| backend.id == word) {
        return Ok(word.to_owned());
    }
    let meant: Vec<_> = known.iter().filter(|backend| is_meant(backend, word)).collect();
    // A kind of which no service is known yet stands in nobody's way.
    let there: Vec<_> = meant.iter().filter(|backend| backend.endpoint.is_some()).collect();
    match (there.as_slice(), meant.as_slice()) {
        ([one], _) => Ok(one.id.clone()),
        ([], [one]) => Ok(one.id.clone()),
        ([], []) => Ok(word.to_owned()),
        _ => {
            let ids: Vec<&str> = meant.iter().map(|backend| backend.id.as_str()).collect();
            Err(Coded::new("ambiguous", format!("{word} can be each of {}", ids.join(", "))).into())
        }
    }
}

fn is_meant(backend: &BackendView, word: &str) -> bool {
    let is_address = |endpoint: &str| {
        let place = endpoint.split_once("://").map_or(endpoint, |(_, place)| place).trim_end_matches('/');
        endpoint == word || place == word || place.rsplit_once(':').is_some_and(|(_, port)| port == word)
    };
    backend.kind.eq_ignore_ascii_case(word)
        || backend.title.to_lowercase() == word.to_lowercase()
        || backend.endpoint.as_deref().is_some_and(is_address)
}

#[cfg(test)]
mod tests {
    use super::id_of;
    use mdd_core::events::BackendView;
    use serde_json::json;

    fn backend(id: &str, endpoint: Option<&str>) -> BackendView {
        serde_json::from_value(json!({
            "id": id, "kind": "lamp", "title": "The Lamp", "endpoint": endpoint, "origin": "file",
            "state": "connected", "detail": "ready", "reason": null, "since": "2026-01-01T00:00:00Z", "attempt": 0,
            "next_try_ms": null, "version": null, "flavour": null, "queue": null, "latency_ms": null, "devices": null,
            "models": null, "uptime": null, "reconnects": 0, "last_errors": [], "process": null, "makes": [],
            "icon": "", "attribution": null,
        }))
        .unwrap()
    }

    #[test]
    fn a_word_means_a_backend_where_only_one_has_it() {
        let known = [backend("lamp@127.0.0.1:80", Some("http://127.0.0.1:80")), backend("lamp@?", None)];
        for word in ["lamp@127.0.0.1:80", "lamp", "LAMP", "the lamp", "80", "127.0.0.1:80", "http://127.0.0.1:80"] {
            assert_eq!(id_of(word, &known).unwrap(), "lamp@127.0.0.1:80", "{word}");
        }
        assert_eq!(id_of("lamp", &known[1..]).unwrap(), "lamp@?", "one that is not there is meant where it is alone");
        assert_eq!(id_of("candle", &known).unwrap(), "candle", "the host says what there is");
        assert_eq!(id_of("0", &known).unwrap(), "0", "a part of a port is none");
    }

    #[test]
    fn what_can_be_several_is_asked_back() {
        let known = [backend("lamp@1:80", Some("http://1:80")), backend("lamp@1:81", Some("http://1:81"))];
        let error = id_of("lamp", &known).unwrap_err();
        assert_eq!(error.to_string(), "lamp can be each of lamp@1:80, lamp@1:81");
        assert_eq!(id_of("81", &known).unwrap(), "lamp@1:81");
    }
}
