//! What the kinds declare, for jobs.

use mdd_driver_api::manifest::Declaration;
use std::{collections::BTreeMap, sync::Arc};

/// Declarations by kind.
#[derive(Debug, Default)]
pub(super) struct Declarations(BTreeMap<String, Arc<Declaration>>);

impl Declarations {
    pub(super) fn new(declarations: impl IntoIterator<Item = Declaration>) -> Self {
        let by_kind = |declaration: Declaration| (declaration.kind.clone(), Arc::new(declaration));
        Self(declarations.into_iter().map(by_kind).collect())
    }

    /// The declaration of a kind that has a driver.
    pub(super) fn get(&self, kind: &str) -> Option<&Arc<Declaration>> {
        self.0.get(kind)
    }

    /// The same, or a bare one for a kind whose driver is gone.
    pub(super) fn of(&self, kind: &str) -> Arc<Declaration> {
        self.0.get(kind).cloned().unwrap_or_else(|| {
            let (kind, title) = (kind.to_owned(), kind.to_owned());
            Arc::new(Declaration { kind, title, ..Declaration::default() })
        })
    }

    /// All kinds.
    pub(super) fn kinds(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}
