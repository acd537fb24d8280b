//! The Credential Manager of Windows.

use super::{Entry, KeyringError};
use keyring_core::{Error, api::CredentialStoreApi as _};
use windows_native_keyring_store::Store;

/// What helps where it cannot be read.
pub(super) const INSTALL: &str = "look into the Credential Manager of Windows; or name an environment variable";

pub(super) fn how_to_store(Entry { service, user }: &Entry) -> String {
    format!("cmdkey /generic:{user}.{service} /user:{user} /pass")
}

pub(super) fn read(entry: &Entry) -> Result<String, KeyringError> {
    let found = Store::new().and_then(|store| store.build(&entry.service, &entry.user, None)?.get_password());
    found.map_err(|error| match error {
        Error::NoEntry => KeyringError::Nothing(entry.clone()),
        other => KeyringError::Unavailable(other.to_string()),
    })
}
