//! What the kinds declare, for jobs.

use mdd_driver_api::manifest::Declaration;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

/// Declarations by kind, of the drivers that there are now.
#[derive(Debug, Default)]
pub(super) struct Declarations(RwLock<BTreeMap<String, Arc<Declaration>>>);

impl Declarations {
    pub(super) fn new(declarations: impl IntoIterator<Item = Declaration>) -> Self {
        let known = Self::default();
        known.set(declarations);
        known
    }

    /// These and no others from now on.
    pub(super) fn set(&self, declarations: impl IntoIterator<Item = Declaration>) {
        let by_kind = |declaration: Declaration| (declaration.kind.clone(), Arc::new(declaration));
        let next = declarations.into_iter().map(by_kind).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = next;
    }

    /// The declaration of a kind that has a driver.
    pub(super) fn get(&self, kind: &str) -> Option<Arc<Declaration>> {
        self.read().get(kind).cloned()
    }

    /// The same, or a bare one for a kind whose driver is gone.
    pub(super) fn of(&self, kind: &str) -> Arc<Declaration> {
        self.get(kind).unwrap_or_else(|| {
            let (kind, title) = (kind.to_owned(), kind.to_owned());
            Arc::new(Declaration { kind, title, ..Declaration::default() })
        })
    }

    /// All kinds.
    pub(super) fn kinds(&self) -> Vec<String> {
        self.read().keys().cloned().collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Arc<Declaration>>> {
        // A map is replaced as a whole, so a panic in a holder leaves a whole one.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
