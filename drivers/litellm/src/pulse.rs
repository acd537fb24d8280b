//! `GET /health/liveliness`: 12 bytes without key, database or upstream. The misspelling is theirs.

pub(crate) const TARGET: &str = "/health/liveliness";

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pulse {
    /// LiteLLM, alive.
    Alive,
    /// LiteLLM, finishing what it has and taking nothing new.
    Ending,
    /// Something that wants a login first.
    Locked,
    /// Something that speaks for a service which is not there.
    Absent,
    /// Something else.
    Stranger,
}

impl Pulse {
    pub(crate) fn read(status: u16, body: &[u8]) -> Self {
        match status {
            200 if says_alive(body) => Self::Alive,
            503 if says_shutting_down(body) => Self::Ending,
            401 | 403 | 407 => Self::Locked,
            500.. => Self::Absent,
            _ => Self::Stranger,
        }
    }
}

fn says_alive(body: &[u8]) -> bool {
    serde_json::from_slice::<String>(body).is_ok_and(|text| text == "I'm alive!")
}

fn says_shutting_down(body: &[u8]) -> bool {
    let word = b"shutting_down";
    body.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::Pulse;
    use crate::key::tests::recorded;

    #[test]
    fn it_lives_with_and_without_a_key() {
        for name in ["nokey_liveliness", "key_noauth_liveliness", "key_auth_liveliness"] {
            let (status, body) = recorded(name);
            assert_eq!(Pulse::read(status, &body), Pulse::Alive, "{name}");
        }
    }

    #[test]
    fn an_ending_proxy_is_no_absent_one() {
        assert_eq!(Pulse::read(503, br#"{"status":"shutting_down"}"#), Pulse::Ending);
        assert_eq!(Pulse::read(503, b"no healthy upstream"), Pulse::Absent);
        assert_eq!(Pulse::read(502, b"<html>Bad Gateway</html>"), Pulse::Absent);
    }

    #[test]
    fn strangers_are_told_apart() {
        for body in
            ["", "I'm alive!", "\"I'm alive\"", "\"ok\"", "{\"status\": \"healthy\"}", "<html>I'm alive!</html>"]
        {
            assert_eq!(Pulse::read(200, body.as_bytes()), Pulse::Stranger, "{body}");
        }
        assert_eq!(Pulse::read(404, b""), Pulse::Stranger);
        assert_eq!(Pulse::read(302, b"\"I'm alive!\""), Pulse::Stranger);
        assert_eq!(Pulse::read(401, b""), Pulse::Locked);
        assert_eq!(Pulse::read(403, b""), Pulse::Locked);
    }
}
