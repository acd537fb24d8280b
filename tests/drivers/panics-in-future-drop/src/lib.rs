//! A driver whose futures panic when they are dropped before their end.

#![forbid(unsafe_code)]

use mdd_driver_api::{
    Driver, Host, Result,
    model::{Identity, Instance, Sample},
};

struct Panics;

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a future of this driver panics in its drop");
    }
}

impl Driver for Panics {
    fn create(_host: Host, _instance: Instance) -> Result<Self> {
        Ok(Self)
    }

    async fn identify(&self) -> Result<Identity> {
        let _bomb = Bomb;
        std::future::pending().await
    }

    async fn check(&self) -> Result<Sample> {
        Ok(Sample::default())
    }
}

mdd_driver_api::export_driver!(Panics, r#"{"kind": "panics-in-future-drop", "title": "Panics in a future's drop"}"#);
