//! Which driver a person means.

use super::{DriverFile, DriverStatus, Registry};
use mdd_driver_api::text::printable;
use std::collections::{BTreeMap, BTreeSet};

/// Which of several drivers of a kind is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant {
    /// The one in use.
    InUse,
    /// The one that is not used.
    Refused,
}

impl Meant {
    fn fits(self, file: &DriverFile) -> bool {
        match self {
            Self::InUse => matches!(file.status, DriverStatus::Active(_)),
            Self::Refused => matches!(file.status, DriverStatus::Rejected { .. }),
        }
    }
}

impl Registry {
    /// The hash of the driver of a kind.
    ///
    /// # Errors
    /// When there is none, with what there is; or when it could be one of several.
    pub fn hash_of_kind(&self, kind: &str, meant: Meant) -> Result<String, String> {
        of_kind(kind, meant, self.files())
    }
}

fn of_kind(kind: &str, meant: Meant, files: &[DriverFile]) -> Result<String, String> {
    let contents = |fits: &dyn Fn(&DriverFile) -> bool| -> BTreeMap<String, String> {
        let is_of_kind = |file: &&DriverFile| file.manifest().is_some_and(|manifest| manifest.driver.kind == kind);
        let fitting = files.iter().filter(is_of_kind).filter(|file| fits(file));
        fitting.filter_map(|file| Some((file.sha256.clone()?, file.path.display().to_string()))).collect()
    };
    let preferred = contents(&|file| meant.fits(file));
    let found = if preferred.is_empty() { contents(&|_| true) } else { preferred };
    match found.len() {
        0 => Err(unknown(kind, files)),
        1 => Ok(found.into_keys().collect()),
        many => {
            let paths: Vec<String> = found.into_values().collect();
            Err(format!("{many} drivers are of kind {kind:?}; name the file: {}", paths.join(", ")))
        }
    }
}

fn unknown(named: &str, files: &[DriverFile]) -> String {
    let kinds: BTreeSet<&str> = files.iter().filter_map(|file| Some(file.manifest()?.driver.kind.as_str())).collect();
    let known = if kinds.is_empty() { "none".to_owned() } else { Vec::from_iter(kinds).join(", ") };
    format!("no driver {:?}; there is {known}", printable(named, 80))
}
