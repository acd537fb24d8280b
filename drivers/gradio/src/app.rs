//! An app that was recognised: what it said of itself, its login, and whether it is still the same.

use crate::{
    config::{Config, Function},
    door::{self, Door},
    problem,
};
use mdd_driver_api::{
    DriverError, ErrorKind, Host, Request, Response, Result,
    abi::{Segment, SegmentKind},
    model::Instance,
};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU32, Ordering},
};

/// Names of the secrets that make a login, as the manifests of the drivers declare them.
pub const USERNAME: &str = "username";
/// See [`USERNAME`].
pub const PASSWORD: &str = "password";
/// Never below the prefix.
const LOGIN: &str = "/login";

/// One app at one endpoint.
pub struct App {
    host: Host,
    kind: &'static str,
    /// Whether an app is one of the driver's.
    is_ours: fn(&Config) -> bool,
    has_login: bool,
    memory: Mutex<Memory>,
    /// Calls of ours that the app works on.
    working: AtomicU32,
}

#[derive(Default)]
pub(crate) struct Memory {
    config: Option<Arc<Config>>,
    /// What told one start of the app from the next when it was asked last.
    pub(crate) boot: Option<String>,
}

/// As long as it lives, a call of ours is being worked on.
pub struct Working<'a>(&'a AtomicU32);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl App {
    /// An app of which nothing is known yet.
    pub fn new(host: Host, kind: &'static str, instance: &Instance, is_ours: fn(&Config) -> bool) -> Self {
        let has = |name: &str| instance.secrets.get(name).copied().unwrap_or(false);
        Self {
            host,
            kind,
            is_ours,
            has_login: has(USERNAME) && has(PASSWORD),
            memory: Mutex::default(),
            working: AtomicU32::new(0),
        }
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The kind of the driver.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Keeps what an app said of itself, which the driver has recognised as its own.
    pub fn remember(&self, config: Config) -> Arc<Config> {
        let config = Arc::new(config);
        let mut memory = self.memory();
        memory.boot.clone_from(&config.app_id);
        memory.config = Some(config.clone());
        config
    }

    /// What it said of itself; asked for when it is not known, and after every restart.
    ///
    /// # Errors
    /// Those of the network; `AUTH` for a closed door; `PROTOCOL` where another app answers.
    pub async fn config(&self) -> Result<Arc<Config>> {
        let known = self.memory().config.clone();
        match known {
            Some(config) => Ok(config),
            None => self.ask().await,
        }
    }

    /// Asks it again.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub async fn ask(&self) -> Result<Arc<Config>> {
        let mut door = door::look(&self.host).await?;
        if matches!(door, Door::Locked(_)) {
            self.log_in().await?;
            door = door::look(&self.host).await?;
        }
        match door {
            Door::Open(config) if (self.is_ours)(&config) => Ok(self.remember(*config)),
            Door::Open(config) => Err(self.another(&config.to_string())),
            Door::Locked(seen) => Err(self.rejected(&seen)),
            Door::Stranger(seen) => Err(self.another(&seen)),
        }
    }

    /// The function with that name.
    ///
    /// # Errors
    /// `REJECTED` where the app does not have it.
    pub fn function<'a>(&self, config: &'a Config, api_name: &str) -> Result<&'a Function> {
        config.function(api_name).ok_or_else(|| {
            let text = format!("the app has no function \"{api_name}\"");
            problem::MISSING_FUNCTION.error(self.kind, ErrorKind::REJECTED, text).without_effect()
        })
    }

    /// Says that a call of ours is being worked on.
    pub fn work(&self) -> Working<'_> {
        self.working.fetch_add(1, Ordering::Relaxed);
        Working(&self.working)
    }

    /// How many calls of ours it works on.
    pub fn working(&self) -> u32 {
        self.working.load(Ordering::Relaxed)
    }

    /// Sends a request; when the app wants a login it logs in and sends it once more. A closed door lets nothing in, so
    /// that is no second time.
    ///
    /// # Errors
    /// Those of the network; `AUTH` for a closed door.
    pub async fn send(&self, request: impl Fn() -> Request) -> Result<Response> {
        let answer = self.host.send(request()).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        self.log_in().await?;
        let answer = self.host.send(request()).await?;
        if answer.status == 401 { Err(self.rejected(&answer.in_words())) } else { Ok(answer) }
    }

    /// The cookies go into the host's jar.
    pub(crate) async fn log_in(&self) -> Result<()> {
        if !self.has_login {
            let text = "it wants a login";
            return Err(problem::LOGIN_MISSING.error(self.kind, ErrorKind::AUTH, text).without_effect());
        }
        let form = vec![
            Segment::bytes("username="),
            Segment::named(SegmentKind::SECRET_FORM, USERNAME),
            Segment::bytes("&password="),
            Segment::named(SegmentKind::SECRET_FORM, PASSWORD),
        ];
        let request = Request::post(LOGIN).header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer = self.host.send(request).await?;
        match answer.status {
            // 3.14 sends people on to its page.
            200 | 302 | 303 => Ok(()),
            400 | 401 | 403 => Err(self.rejected(&answer.in_words())),
            _ => {
                let text = format!("it answered {} to the login", answer.in_words());
                Err(DriverError::new(ErrorKind::PROTOCOL, text).with_status(answer.status))
            }
        }
    }

    pub(crate) fn rejected(&self, seen: &str) -> DriverError {
        let text = format!("it does not take the login: {seen}");
        problem::LOGIN_REJECTED.error(self.kind, ErrorKind::AUTH, text).without_effect()
    }

    pub(crate) fn another(&self, seen: &str) -> DriverError {
        self.memory().config = None;
        problem::OTHER_APP.error(self.kind, ErrorKind::PROTOCOL, format!("it is now {seen}")).without_effect()
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
