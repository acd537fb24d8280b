//! What a backend is, before anybody connects to it.

use crate::{
    endpoint::Endpoint,
    events::Origin,
    jobs::recipes,
    plugins::LoadedDriver,
    transport::{Credential, Policy},
};
use mdd_driver_api::model;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// One backend, before it is supervised.
#[derive(Clone)]
pub struct Backend {
    /// Its driver.
    pub driver: Arc<LoadedDriver>,
    /// Where it is.
    pub endpoint: Endpoint,
    /// How it became known.
    pub origin: Origin,
    /// Settings for its driver.
    pub settings: serde_json::Value,
    /// A person has named it or given their word for it, so that it is theirs whoever runs it.
    pub is_trusted: bool,
    /// By the names of the manifest.
    pub secrets: BTreeMap<String, Credential>,
}

impl Backend {
    /// Stable as long as kind and address are.
    pub fn id(&self) -> String {
        format!("{}@{}", self.driver.kind(), self.endpoint.place())
    }

    /// Whether a person named it or gave their word for it, so that it may be on another machine. Nobody else becomes a
    /// backend there: what is found elsewhere waits for that word.
    pub(super) fn is_named(&self) -> bool {
        match self.origin {
            Origin::Flag | Origin::Environment | Origin::File | Origin::Project | Origin::Mdns => true,
            Origin::DefaultPort | Origin::Socket | Origin::Missing => false,
        }
    }

    /// Where the keys come from that it is sent; `None` where there are none.
    pub(super) fn source_of_keys(&self) -> Option<String> {
        let sources: BTreeSet<&str> = self.secrets.values().map(|secret| secret.source.as_str()).collect();
        (!sources.is_empty()).then(|| Vec::from_iter(sources).join(" and "))
    }

    pub(super) fn policy(&self) -> Policy {
        let (endpoint, posts) = (self.endpoint.clone(), self.driver.manifest.driver.probe_posts.clone());
        match self.is_named() {
            true => Policy::allowed_candidate(endpoint, posts, None),
            false => Policy::candidate(endpoint, posts, None),
        }
    }

    pub(super) fn instance(&self) -> model::Instance {
        let mut instance = model::Instance::default();
        instance.backend_id = self.id();
        instance.endpoint = self.endpoint.to_string();
        instance.settings = self.settings.clone();
        instance.features = recipes::NAMES.map(str::to_owned).to_vec();
        let names = self.driver.manifest.driver.secrets.keys();
        instance.secrets = names.map(|name| (name.clone(), self.secrets.contains_key(name))).collect();
        instance
    }
}
