//! `J<X>`: JSON text that is typed on both sides and whose type may grow.

use super::{DriverError, ErrorKind, RString};
use abi_stable::StableAbi;
use serde::{Serialize, de::DeserializeOwned};
use std::marker::PhantomData;

/// The JSON text of an `X`. Only the text crosses, so `X` is no part of the layout and may gain fields.
#[repr(transparent)]
#[derive(StableAbi)]
#[sabi(unsafe_unconstrained(X))]
pub struct J<X> {
    json: RString,
    #[sabi(unsafe_opaque_field)]
    model: PhantomData<X>,
}

impl<X> J<X> {
    /// Wraps text that is meant to be the JSON of an `X`; [`decode`](Self::decode) checks it.
    pub fn from_text(json: impl Into<RString>) -> Self {
        Self { json: json.into(), model: PhantomData }
    }

    /// The text itself.
    pub fn text(&self) -> &str {
        &self.json
    }
}

impl<X: Serialize> J<X> {
    /// # Errors
    /// `PROTOCOL` for a value that JSON cannot hold, such as a map with keys that are no strings.
    pub fn encode(value: &X) -> Result<Self, DriverError> {
        match serde_json::to_string(value) {
            Ok(text) => Ok(Self::from_text(text)),
            Err(error) => Err(Self::invalid("written", &error)),
        }
    }
}

impl<X: DeserializeOwned> J<X> {
    /// # Errors
    /// `PROTOCOL` for text that is not the JSON of an `X`.
    pub fn decode(&self) -> Result<X, DriverError> {
        serde_json::from_str(&self.json).map_err(|error| Self::invalid("read", &error))
    }
}

impl<X> J<X> {
    fn invalid(verb: &str, error: &serde_json::Error) -> DriverError {
        let name = std::any::type_name::<X>().rsplit("::").next().unwrap_or_default();
        DriverError::new(ErrorKind::PROTOCOL, format!("{name} cannot be {verb} as JSON: {error}"))
    }
}

impl<X> std::fmt::Debug for J<X> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.json)
    }
}

impl<X> Clone for J<X> {
    fn clone(&self) -> Self {
        Self::from_text(self.json.clone())
    }
}
