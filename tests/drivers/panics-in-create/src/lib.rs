//! A driver whose constructor panics.

#![forbid(unsafe_code)]

use mdd_driver_api::{
    Driver, Host, Result,
    model::{Identity, Instance, Sample},
};

struct Panics;

impl Driver for Panics {
    fn create(_host: Host, _instance: Instance) -> Result<Self> {
        panic!("the constructor of this driver panics");
    }

    async fn identify(&self) -> Result<Identity> {
        Ok(Identity::no("nothing"))
    }

    async fn check(&self) -> Result<Sample> {
        Ok(Sample::default())
    }
}

mdd_driver_api::export_driver!(Panics, r#"{"kind": "panics-in-create", "title": "Panics in create"}"#);
