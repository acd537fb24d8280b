//! Who may do what: every recorded way of refusing a key.

use super::{
    LiteLlm, Release,
    errors::{crash, error},
};
use crate::{
    json::Json,
    service::{Reply, Request},
};

/// Headers that may carry the key besides `Authorization`, with or without `Bearer `.
const OTHER_HEADERS: [&str; 4] = ["x-api-key", "api-key", "x-litellm-api-key", "x-goog-api-key"];

/// What a request shows.
enum Credential<'a> {
    None,
    Malformed,
    Key(&'a str),
}

/// Refuses a request without the right key. Without a configured key everything is open.
pub(super) fn refuse(service: &LiteLlm, request: &Request) -> Option<Reply> {
    let key = service.setup.key.as_deref()?;
    let message = match credential(request) {
        Credential::Key(shown) if shown == key => return None,
        Credential::Key(_) => {
            let body = error(400, "no_db_connection", Json::Null, "No connected db.");
            return Some(Reply::compact_json(400, &body));
        }
        Credential::None => "Authentication Error, No api key passed in.",
        Credential::Malformed => "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.",
    };
    // Without the database package the later release fails over reporting the failure.
    if service.release == Release::V1_106_2 && !service.setup.prisma {
        return Some(crash());
    }
    Some(Reply::compact_json(401, &error(401, "auth_error", "None", message)))
}

fn credential(request: &Request) -> Credential<'_> {
    if let Some(value) = request.header("authorization") {
        return match (value.strip_prefix("Bearer "), value.strip_prefix("Basic ")) {
            (Some(key), _) if !key.trim().is_empty() => Credential::Key(key.trim()),
            (_, Some(key)) => Credential::Key(key),
            _ => Credential::Malformed,
        };
    }
    match OTHER_HEADERS.iter().find_map(|name| request.header(name)) {
        Some(value) => Credential::Key(value.strip_prefix("Bearer ").unwrap_or(value)),
        None => Credential::None,
    }
}
