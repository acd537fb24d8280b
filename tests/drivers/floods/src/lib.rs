//! A driver whose push channel never rests: thousands of times a second it has another queue to tell of.

#![forbid(unsafe_code)]

use mdd_driver_api::{
    Driver, Host, Result, Sink,
    model::{Identity, Instance, Queue, Sample},
};
use std::time::Duration;

struct Floods {
    host: Host,
}

impl Driver for Floods {
    fn create(host: Host, _instance: Instance) -> Result<Self> {
        Ok(Self { host })
    }

    async fn identify(&self) -> Result<Identity> {
        self.host.get("/").await?;
        Ok(Identity::mine(100, "anything that answers"))
    }

    async fn check(&self) -> Result<Sample> {
        self.host.get("/").await?;
        Ok(Sample::default())
    }

    async fn watch(&self, sink: Sink) -> Result<()> {
        let mut queue = Queue { running: 0, pending: Some(0) };
        while sink.status(&Sample::with_queue(queue)) {
            queue.running += 1;
            if queue.running.is_multiple_of(4) {
                self.host.sleep(Duration::from_millis(1)).await;
            }
        }
        Ok(())
    }
}

mdd_driver_api::export_driver!(Floods, r#"{"kind": "floods", "title": "Floods"}"#);
