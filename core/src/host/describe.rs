//! What drivers declare, and what an address is.

use super::{Host, Inner, changes::ChangeError};
use crate::{
    diagnosis::{Reason, key_or_login},
    discovery::{self, Nobody},
    endpoint::Endpoint,
    health::capital,
    plugins::LoadedDriver,
    rpc::{BackendTested, KindView, Kinds, OperationView},
};
use mdd_driver_api::{DriverError, manifest::Declaration, model::Verdict};
use std::sync::Arc;
use tokio::time::Instant;

impl Host {
    /// Every kind that has a driver, with what the driver declares.
    pub fn kinds(&self) -> Kinds {
        let mut kinds: Vec<KindView> = self.inner.declarations().into_iter().map(kind).collect();
        kinds.sort_by(|one, other| one.kind.cmp(&other.kind));
        Kinds { kinds }
    }

    /// Asks what an address is, for somebody who has typed it, and changes nothing.
    ///
    /// # Errors
    /// A text that is no address, or a kind that has no driver.
    pub async fn test_backend(&self, kind: Option<&str>, url: &str) -> Result<BackendTested, ChangeError> {
        let endpoint = Endpoint::parse(url).map_err(|error| ChangeError::Invalid(error.to_string()))?;
        self.inner.test(kind, &endpoint).await
    }
}

impl Inner {
    async fn test(&self, kind: Option<&str>, endpoint: &Endpoint) -> Result<BackendTested, ChangeError> {
        let wanted = match kind {
            Some(kind) => Some(self.driver_of(kind).ok_or_else(|| no_driver(self, kind))?),
            None => None,
        };
        let declaration = wanted.as_ref().map(|driver| driver.manifest.driver.clone()).unwrap_or_default();
        let began = Instant::now();
        if let Err(failure) = self.shared.transport.dial(endpoint, true).await {
            let reason = unreached(&failure.into_error(endpoint), &declaration);
            return Ok(untested(declaration, reason));
        }
        // Whoever should be there is asked first, and then whoever could be.
        let mut drivers = self.drivers();
        drivers.sort_by_key(|driver| !wanted.as_ref().is_some_and(|wanted| Arc::ptr_eq(wanted, driver)));
        let outcome = discovery::identify(endpoint, &drivers, &self.shared, true).await;
        let latency_ms = Some(began.elapsed().as_secs_f64() * 1_000.0);
        Ok(match outcome {
            Ok(found) => {
                let is_wanted = wanted.as_ref().is_none_or(|wanted| wanted.kind() == found.driver.kind());
                let tested = recognised(&found.driver, &found.identity, latency_ms);
                if !is_wanted {
                    let observation = format!("{} is {}", endpoint.subject(), found.identity.seen);
                    let reason = Some(Reason::new("wrong-service", observation, &declaration));
                    BackendTested { ok: false, reason, ..tested }
                } else if found.identity.verdict == Verdict::Locked && !self.has_secret(found.driver.kind()) {
                    let key = key_or_login(&found.driver.manifest.driver);
                    let observation = format!("{} wants {key}", endpoint.subject());
                    let reason = Some(Reason::new("needs-key", observation, &found.driver.manifest.driver));
                    BackendTested { ok: false, reason, ..tested }
                } else {
                    tested
                }
            }
            Err(nobody) => {
                let reason = match nobody {
                    Nobody::Stranger(seen) => stranger(seen, &declaration),
                    Nobody::Silent(error) => unreached(&error, &declaration),
                };
                BackendTested { latency_ms, ..untested(declaration, reason) }
            }
        })
    }

    fn has_secret(&self, kind: &str) -> bool {
        !self.book().config.secrets(kind).is_empty()
    }
}

fn no_driver(inner: &Inner, kind: &str) -> ChangeError {
    let known: Vec<String> = inner.drivers().iter().map(|driver| driver.kind().to_owned()).collect();
    let kind = mdd_driver_api::text::printable(kind, 40);
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let why = inner.plugins.registry().refused(&kind).map(|(_, refusal)| format!(": {refusal}")).unwrap_or_default();
    ChangeError::Invalid(format!("no driver for {kind:?} is in use{why}; there are drivers for {known}"))
}

/// Why nobody answers there. Where nobody has said which kind it should be, there is no setting to correct.
fn unreached(error: &DriverError, declaration: &Declaration) -> Reason {
    if !declaration.kind.is_empty() {
        return Reason::of_error(error, declaration);
    }
    let reason = Reason::of_error(error, &Declaration { title: "the service".to_owned(), ..Declaration::default() });
    Reason { meaning: capital(&reason.meaning), remedies: Vec::new(), ..reason }
}

/// What it is if it is none of ours.
fn stranger(seen: String, declaration: &Declaration) -> Reason {
    let reason = Reason::new("wrong-service", seen, declaration);
    if !declaration.kind.is_empty() {
        return reason;
    }
    let meaning = "What answers there is no service that a driver is in use for.".to_owned();
    Reason { meaning, remedies: Vec::new(), ..reason }
}

fn untested(declaration: Declaration, reason: Reason) -> BackendTested {
    let known = |text: String| Some(text).filter(|text| !text.is_empty());
    BackendTested {
        ok: false,
        kind: known(declaration.kind),
        title: known(declaration.title),
        version: None,
        flavour: None,
        latency_ms: None,
        reason: Some(reason),
    }
}

fn recognised(
    driver: &LoadedDriver,
    identity: &mdd_driver_api::model::Identity,
    latency_ms: Option<f64>,
) -> BackendTested {
    BackendTested {
        ok: true,
        kind: Some(driver.kind().to_owned()),
        title: Some(driver.manifest.driver.title.clone()),
        version: identity.version.clone(),
        flavour: identity.flavour.clone(),
        latency_ms,
        reason: None,
    }
}

fn kind(declaration: Declaration) -> KindView {
    let operation = |operation: mdd_driver_api::manifest::Operation| OperationView {
        title: operation.title,
        parameters: operation.parameters,
        files: operation.files,
        results: operation.results,
    };
    KindView {
        kind: declaration.kind,
        title: declaration.title,
        icon: declaration.icon,
        makes: declaration.makes,
        default_ports: declaration.default_ports,
        start_hint: declaration.start_hint,
        operations: declaration.operations.into_iter().map(|(name, of)| (name, operation(of))).collect(),
        settings: declaration.settings,
        secrets: declaration.secrets.into_keys().collect(),
        attribution: declaration.attribution,
    }
}
