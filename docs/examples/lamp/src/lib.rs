//! Driver for a lamp: a web server with a file `lamp.json` such as `{"lamp": "Desk lamp", "lit": true}`.
#![forbid(unsafe_code)]

use mdd_driver_api::{
    Driver, DriverError, ErrorKind, Host, Result,
    model::{Device, Identity, Inspection, Instance, Sample},
};
use serde_json::Value;

struct Lamp {
    host: Host,
}

impl Driver for Lamp {
    fn create(host: Host, _instance: Instance) -> Result<Self> {
        Ok(Self { host })
    }

    async fn identify(&self) -> Result<Identity> {
        let answer = self.host.get("/lamp.json").await?;
        if answer.status >= 500 {
            // Somebody answers for a service that is not there: an error, and not another service.
            return answer.success().map(|answer| Identity::no(answer.in_words()));
        }
        let body: Value = answer.json().unwrap_or_default();
        Ok(match body.get("lamp").and_then(Value::as_str) {
            Some(name) if answer.is_success() => Identity::mine(95, name).because("/lamp.json names a lamp"),
            _ => Identity::no(answer.in_words()),
        })
    }

    async fn check(&self) -> Result<Sample> {
        match self.read().await?.get("lit").and_then(Value::as_bool) {
            Some(true) => Ok(Sample::default()),
            _ => Err(DriverError::new(ErrorKind::TRANSPORT, "it says that it is not lit").with_code("lamp.dark")),
        }
    }

    async fn inspect(&self) -> Result<Inspection> {
        let name = self.read().await?.get("lamp").and_then(Value::as_str).unwrap_or("lamp").to_owned();
        let mut inspection = Inspection::default();
        inspection.devices = vec![Device::new(name, "bulb")];
        Ok(inspection)
    }
}

impl Lamp {
    async fn read(&self) -> Result<Value> {
        self.host.get("/lamp.json").await?.success()?.json()
    }
}

mdd_driver_api::export_driver!(Lamp, include_str!("../manifest.json"));
