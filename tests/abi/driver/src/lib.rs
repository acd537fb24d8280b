//! A driver that is built with every version of the interface.
#![forbid(unsafe_code)]

use mdd_driver_api::{
    Driver, Host, Result,
    model::{Identity, Instance, Sample},
};

struct Lamp {
    host: Host,
}

impl Driver for Lamp {
    fn create(host: Host, _instance: Instance) -> Result<Self> {
        Ok(Self { host })
    }

    async fn identify(&self) -> Result<Identity> {
        self.host.sleep(std::time::Duration::from_millis(1)).await;
        Ok(Identity::mine(95, format!("a lamp at {} ms", self.host.now().as_millis())))
    }

    async fn check(&self) -> Result<Sample> {
        self.host.get("/").await.map(|_| Sample::default())
    }
}

mdd_driver_api::export_driver!(Lamp, r#"{"kind": "lamp", "title": "Lamp"}"#);
