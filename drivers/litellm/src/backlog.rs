//! `GET /health/backlog`: the requests under way, per worker. LiteLLM has no job queue beyond that.

use crate::key::Refusal;
use mdd_driver_api::{model::Queue, text::lenient_json};
use serde_json::Value;

pub(crate) const TARGET: &str = "/health/backlog";

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Queue(Queue),
    /// This version has no such page.
    Absent,
    /// The key, or its absence, was turned away.
    Refused,
    Nothing,
}

impl Reading {
    pub(crate) fn read(status: u16, body: &[u8], has_key: bool) -> Self {
        match status {
            404 | 405 => Self::Absent,
            _ if Refusal::read(status, body, has_key).is_some() => Self::Refused,
            200 => queue(body).map_or(Self::Nothing, Self::Queue),
            _ => Self::Nothing,
        }
    }
}

/// The question counts itself.
fn queue(body: &[u8]) -> Option<Queue> {
    let body: Value = lenient_json(body).ok()?;
    let count = |name: &str| body.get(name)?.as_u64().map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    Some(Queue { running: count("in_flight_requests")?.saturating_sub(1), pending: count("queued_requests") })
}

#[cfg(test)]
mod tests {
    use super::Reading;
    use crate::key::tests::recorded;
    use mdd_driver_api::model::Queue;

    fn reading(name: &str, has_key: bool) -> Reading {
        let (status, body) = recorded(name);
        Reading::read(status, &body, has_key)
    }

    #[test]
    fn the_question_itself_does_not_count() {
        for (name, running) in [("nokey_backlog", 0), ("key_auth_backlog", 0), ("backlog_3_slow_in_flight", 3)] {
            assert_eq!(reading(name, true), Reading::Queue(Queue { running, pending: Some(0) }), "{name}");
        }
        let empty = Reading::read(200, b"{\"in_flight_requests\": 0}", false);
        assert_eq!(empty, Reading::Queue(Queue { running: 0, pending: None }));
    }

    #[test]
    fn refusal_absence_and_failure_are_told_apart() {
        assert_eq!(reading("key_noauth_backlog", false), Reading::Refused);
        assert_eq!(reading("key_noauth_noprisma_backlog", false), Reading::Refused);
        assert_eq!(Reading::read(404, b"{\"detail\":\"Not Found\"}", true), Reading::Absent);
        assert_eq!(Reading::read(200, b"{}", true), Reading::Nothing);
        assert_eq!(Reading::read(200, b"<html>", true), Reading::Nothing);
        assert_eq!(Reading::read(503, b"", true), Reading::Nothing);
    }
}
