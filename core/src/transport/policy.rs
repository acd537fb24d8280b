//! What one backend instance may do, shared by the host, which changes it, and the services, which obey it.

use super::{Credential, Failure, Round, Secret, SecretError, address::Route, cookies::Cookies};
use crate::endpoint::Endpoint;
use mdd_driver_api::text::printable;
use reqwest::{
    Method,
    header::{HeaderName, HeaderValue},
};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::watch;
use url::Url;

/// The rules of one instance. Cloning is cheap; every clone is the same policy.
#[derive(Clone)]
pub struct Policy(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    probe_posts: Vec<String>,
    /// Whether the user named or allowed the endpoint, which then may be on another machine.
    allowed: bool,
    cookies: Cookies,
    files: RwLock<HashMap<String, PathBuf>>,
    role: RwLock<Role>,
    closed: watch::Sender<bool>,
}

/// What the instance is at the moment.
#[derive(Clone)]
enum Role {
    /// Somebody's service that is only being asked what it is.
    Candidate(Option<Arc<Round>>),
    /// A recognised service with the user's secrets for it.
    Backend(Arc<Secrets>),
}

/// The secrets of a backend, ready to be sent.
#[derive(Default)]
struct Secrets {
    fields: Vec<(HeaderName, HeaderValue)>,
    values: BTreeMap<String, Secret>,
}

/// What one request may do: a snapshot, so that a promotion in the middle changes nothing.
pub(super) struct Grant {
    pub(super) route: Route,
    role: Role,
}

impl Policy {
    /// A stranger at `endpoint` on this machine: no secrets, only GET, HEAD and POST to `probe_posts`. Identical GETs of
    /// one `round` are asked once.
    pub fn candidate(endpoint: Endpoint, probe_posts: Vec<String>, round: Option<Arc<Round>>) -> Self {
        Self::new(endpoint, probe_posts, round, false)
    }

    /// The same at an endpoint that the user named or allowed, which may be on another machine.
    pub fn allowed_candidate(endpoint: Endpoint, probe_posts: Vec<String>, round: Option<Arc<Round>>) -> Self {
        Self::new(endpoint, probe_posts, round, true)
    }

    fn new(endpoint: Endpoint, probe_posts: Vec<String>, round: Option<Arc<Round>>, allowed: bool) -> Self {
        Self(Arc::new(Inner {
            endpoint,
            probe_posts,
            allowed,
            cookies: Cookies::default(),
            files: RwLock::default(),
            role: RwLock::new(Role::Candidate(round)),
            closed: watch::Sender::new(false),
        }))
    }

    /// Where the instance's service listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// Makes the instance a backend: every method, and `credentials` with every request from now on. Called again, it
    /// replaces them.
    ///
    /// # Errors
    /// A secret that cannot travel as its manifest says; then nothing changes.
    pub fn promote(&self, credentials: Vec<Credential>) -> Result<(), SecretError> {
        let secrets = Secrets::new(credentials)?;
        self.set_role(Role::Backend(Arc::new(secrets)));
        Ok(())
    }

    /// Makes the instance a stranger again, without secrets and cookies. Open WebSockets stay open.
    pub fn demote(&self) {
        self.set_role(Role::Candidate(None));
        self.0.cookies.clear();
    }

    /// Ends everything the instance has open; later calls fail with `HOST`.
    pub fn close(&self) {
        self.0.closed.send_replace(true);
        self.demote();
    }

    /// Offers the file at `path` to the driver as segment `handle`.
    pub fn add_file(&self, handle: impl Into<String>, path: impl Into<PathBuf>) {
        let mut files = self.0.files.write().unwrap_or_else(PoisonError::into_inner);
        files.insert(handle.into(), path.into());
    }

    /// Withdraws a file.
    pub fn remove_file(&self, handle: &str) {
        let mut files = self.0.files.write().unwrap_or_else(PoisonError::into_inner);
        files.remove(handle);
    }

    fn set_role(&self, role: Role) {
        *self.0.role.write().unwrap_or_else(PoisonError::into_inner) = role;
    }

    pub(super) fn cookies(&self) -> &Cookies {
        &self.0.cookies
    }

    pub(super) fn file(&self, handle: &str) -> Option<PathBuf> {
        let files = self.0.files.read().unwrap_or_else(PoisonError::into_inner);
        files.get(handle).cloned()
    }

    /// What the next request may do.
    pub(super) fn grant(&self) -> Result<Grant, Failure> {
        if *self.0.closed.borrow() {
            return Err(Failure::InstanceClosed);
        }
        Ok(Grant {
            route: Route::to(&self.0.endpoint, self.0.allowed)?,
            role: self.0.role.read().unwrap_or_else(PoisonError::into_inner).clone(),
        })
    }

    /// Resolves once the host has closed the instance.
    pub(super) async fn closed(&self) {
        let mut closed = self.0.closed.subscribe();
        // It cannot fail: the sender lives as long as this policy.
        let _closed = closed.wait_for(|closed| *closed).await;
    }

    /// Runs `work` until the host closes the instance.
    pub(super) async fn while_open<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.closed() => Err(Failure::InstanceClosed),
            result = work => result,
        }
    }

    /// Whether a driver may send `method` to `url`.
    pub(super) fn check_method(&self, grant: &Grant, method: &Method, url: &Url) -> Result<(), Failure> {
        match *method {
            Method::GET | Method::HEAD => return Ok(()),
            Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS => {}
            _ => return Err(Failure::Blocked(format!("the method {}", printable(method.as_str(), 20)))),
        }
        if !grant.is_candidate() {
            return Ok(());
        }
        let path = url.path().strip_prefix(self.0.endpoint.base_path()).unwrap_or_default();
        if *method == Method::POST && self.0.probe_posts.iter().any(|probe| probe == path) {
            return Ok(());
        }
        Err(Failure::Blocked(format!("{method} {} to a service that was not identified", printable(path, 100))))
    }
}

impl Grant {
    pub(super) fn is_candidate(&self) -> bool {
        matches!(self.role, Role::Candidate(_))
    }

    pub(super) fn round(&self) -> Option<&Arc<Round>> {
        match &self.role {
            Role::Candidate(round) => round.as_ref(),
            Role::Backend(_) => None,
        }
    }

    /// The header fields that carry secrets.
    pub(super) fn secret_fields(&self) -> &[(HeaderName, HeaderValue)] {
        match &self.role {
            Role::Candidate(_) => &[],
            Role::Backend(secrets) => &secrets.fields,
        }
    }

    /// The secret of that name, for a body.
    pub(super) fn secret(&self, name: &str) -> Result<&Secret, Failure> {
        match &self.role {
            Role::Candidate(_) => Err(Failure::Blocked("a secret to a service that was not identified".to_owned())),
            Role::Backend(secrets) => {
                secrets.values.get(name).ok_or_else(|| Failure::MissingSecret(printable(name, 60)))
            }
        }
    }
}

impl Secrets {
    fn new(credentials: Vec<Credential>) -> Result<Self, SecretError> {
        let mut secrets = Self::default();
        for credential in credentials {
            secrets.fields.extend(credential.field()?);
            secrets.values.insert(credential.name, credential.value);
        }
        Ok(secrets)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = self.0.role.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Policy")
            .field("endpoint", &self.0.endpoint)
            .field("candidate", &matches!(*role, Role::Candidate(_)))
            .finish_non_exhaustive()
    }
}
