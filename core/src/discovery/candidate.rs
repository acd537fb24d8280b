//! Showing a candidate to the drivers, one at a time.

use crate::{
    connection::{Instance, Shared},
    endpoint::Endpoint,
    plugins::LoadedDriver,
    transport::{Policy, Round},
};
use mdd_driver_api::{
    DriverError, ErrorKind,
    model::{self, Identity, Verdict},
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// A score that needs no second opinion.
const SURE: u8 = 90;
/// Below it a verdict is a no.
const LIKELY: u8 = 50;
/// For one driver's questions.
const DEADLINE: Duration = Duration::from_secs(8);

/// A recognised service with the instance that recognised it.
pub struct Found {
    /// Whose it is.
    pub driver: Arc<LoadedDriver>,
    /// Where it is.
    pub endpoint: Endpoint,
    /// What the driver said.
    pub identity: Identity,
    /// The driver's object.
    pub instance: Instance,
    /// Titles and scores of other drivers that took it for theirs.
    pub others: Vec<(String, u8)>,
}

/// What is known of somebody whom no driver recognised.
pub enum Nobody {
    /// It answers, and is something else: what, in words.
    Stranger(String),
    /// It answered no driver; why the last one got nothing.
    Silent(DriverError),
}

/// Asks the drivers in their order and stops at the first that is sure. `allowed` says that the endpoint may be on another
/// machine.
///
/// # Errors
/// When no driver recognised it.
pub async fn identify(
    endpoint: &Endpoint,
    drivers: &[Arc<LoadedDriver>],
    shared: &Shared,
    allowed: bool,
) -> Result<Found, Nobody> {
    let round = Arc::new(Round::default());
    let mut best: Option<Found> = None;
    let silent = format!("{} is open and says nothing", endpoint.subject());
    let mut nobody = Nobody::Silent(DriverError::new(ErrorKind::TIMEOUT, silent).with_code("no-answer"));
    for driver in drivers {
        match ask(endpoint, driver, shared, &round, allowed).await {
            Ok(found) if is_ours(&found.identity) => {
                let sure = found.identity.score >= SURE;
                let claim = |found: &Found| (found.driver.manifest.driver.title.clone(), found.identity.score);
                best = Some(match best {
                    Some(mut best) if found.identity.score <= best.identity.score => {
                        best.others.push(claim(&found));
                        best
                    }
                    Some(mut second) => {
                        second.others.push(claim(&second));
                        Found { others: second.others, ..found }
                    }
                    None => found,
                });
                if sure {
                    break;
                }
            }
            Ok(found) => nobody = Nobody::Stranger(seen(found.identity, nobody)),
            Err(error) => {
                tracing::debug!(%endpoint, driver = driver.kind(), %error, "a candidate was not identified");
                if let Nobody::Silent(last) = &mut nobody {
                    *last = error;
                }
            }
        }
    }
    best.ok_or(nobody)
}

/// What the latest driver that got an answer says of it, or one before.
fn seen(identity: Identity, before: Nobody) -> String {
    match before {
        _ if !identity.seen.is_empty() => identity.seen,
        Nobody::Stranger(seen) => seen,
        Nobody::Silent(error) => error.to_string(),
    }
}

fn is_ours(identity: &Identity) -> bool {
    matches!(identity.verdict, Verdict::Mine | Verdict::Locked) && identity.score >= LIKELY
}

async fn ask(
    endpoint: &Endpoint,
    driver: &Arc<LoadedDriver>,
    shared: &Shared,
    round: &Arc<Round>,
    allowed: bool,
) -> Result<Found, DriverError> {
    let posts = driver.manifest.driver.probe_posts.clone();
    let policy = match allowed {
        true => Policy::allowed_candidate(endpoint.clone(), posts, Some(round.clone())),
        false => Policy::candidate(endpoint.clone(), posts, Some(round.clone())),
    };
    let mut facts = model::Instance::default();
    facts.backend_id = format!("{}@{}", driver.kind(), endpoint.place());
    facts.endpoint = endpoint.to_string();
    let instance = Instance::create(driver, &shared.transport, &shared.runtime, policy, &facts)?;
    let identity = timeout(DEADLINE, instance.identify()).await.map_err(|_| {
        let text = format!("no answer within {} s", DEADLINE.as_secs());
        DriverError::new(ErrorKind::TIMEOUT, text).with_code("no-answer")
    })??;
    Ok(Found { driver: driver.clone(), endpoint: endpoint.clone(), identity, instance, others: Vec::new() })
}
