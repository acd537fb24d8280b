//! The cookie jar of one instance, for HTTP and WebSocket handshakes alike, bounded in size.

use reqwest::{
    cookie::{CookieStore as _, Jar},
    header::{HeaderMap, HeaderValue, SET_COOKIE},
};
use std::sync::{Mutex, MutexGuard, PoisonError};
use url::Url;

/// A longer cookie is dropped, in bytes. Browsers keep 4 KiB.
const MAX_COOKIE: usize = 4 * 1024;
/// More cookies in one answer are dropped.
const MAX_PER_ANSWER: usize = 16;
/// So much is sent, in bytes; servers refuse longer heads.
const MAX_SENT: usize = 8 * 1024;
/// After so many bytes of cookies the jar keeps only what it would send: a hostile service may set new names for ever.
const COMPACT_AFTER: usize = 256 * 1024;

/// Cookies of one service.
#[derive(Default)]
pub(super) struct Cookies(Mutex<State>);

#[derive(Default)]
struct State {
    jar: Jar,
    taken: usize,
}

impl Cookies {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to send with a request to `url`.
    pub(super) fn to_send(&self, url: &Url) -> Option<HeaderValue> {
        self.state().to_send(url)
    }

    /// Keeps the cookies of an answer from `url`.
    pub(super) fn keep(&self, answer: &HeaderMap, url: &Url) {
        let fields = answer.get_all(SET_COOKIE).into_iter();
        let fields: Vec<&HeaderValue> = fields.filter(|field| field.len() <= MAX_COOKIE).take(MAX_PER_ANSWER).collect();
        if fields.is_empty() {
            return;
        }
        let mut state = self.state();
        state.taken += fields.iter().map(|field| field.len()).sum::<usize>();
        if state.taken > COMPACT_AFTER {
            state.compact(url);
        }
        state.jar.set_cookies(&mut fields.into_iter(), url);
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        *self.state() = State::default();
    }
}

impl State {
    fn to_send(&self, url: &Url) -> Option<HeaderValue> {
        self.jar.cookies(url).filter(|field| field.len() <= MAX_SENT)
    }

    fn compact(&mut self, url: &Url) {
        let kept = self.to_send(url);
        *self = Self::default();
        let kept = kept.as_ref().and_then(|field| field.to_str().ok()).unwrap_or_default();
        for pair in kept.split("; ").filter(|pair| !pair.is_empty()) {
            self.jar.add_cookie_str(&format!("{pair}; Path=/"), url);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_str(cookie).unwrap())])
    }

    fn sent(cookies: &Cookies, url: &Url) -> String {
        let field = cookies.to_send(url);
        field.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    #[test]
    fn a_flood_of_names_does_not_grow_the_jar_and_keeps_the_session() {
        let url = Url::parse("http://127.0.0.1:7860/").unwrap();
        let cookies = Cookies::default();
        let padding = "x".repeat(1_000);
        for index in 0..2_000 {
            // Each with a path of its own, so that none is ever sent.
            cookies.keep(&answer(&format!("n{index}={padding}; Path=/p{index}")), &url);
            cookies.keep(&answer("session=s1; Path=/; HttpOnly"), &url);
            assert!(cookies.state().taken <= COMPACT_AFTER + 2 * MAX_COOKIE);
        }
        assert_eq!(sent(&cookies, &url), "session=s1");
    }

    #[test]
    fn too_long_cookies_are_dropped() {
        let url = Url::parse("http://127.0.0.1:7860/").unwrap();
        let cookies = Cookies::default();
        cookies.keep(&answer(&format!("big={}", "x".repeat(5_000))), &url);
        assert_eq!(sent(&cookies, &url), "");
        cookies.keep(&answer("a=1"), &url);
        assert_eq!(sent(&cookies, &url), "a=1");
        cookies.clear();
        assert_eq!(sent(&cookies, &url), "");
    }
}
