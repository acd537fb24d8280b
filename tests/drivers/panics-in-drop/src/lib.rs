//! A driver whose object panics when it is dropped.

#![forbid(unsafe_code)]

use mdd_driver_api::{
    Driver, Host, Result,
    model::{Identity, Instance, Sample},
};

struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("this driver panics in its own drop");
    }
}

impl Driver for Panics {
    fn create(_host: Host, _instance: Instance) -> Result<Self> {
        Ok(Self)
    }

    async fn identify(&self) -> Result<Identity> {
        Ok(Identity::no("nothing"))
    }

    async fn check(&self) -> Result<Sample> {
        Ok(Sample::default())
    }
}

mdd_driver_api::export_driver!(Panics, r#"{"kind": "panics-in-drop", "title": "Panics in drop"}"#);
