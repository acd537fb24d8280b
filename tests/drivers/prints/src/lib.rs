//! A driver that prints to stdout wherever it can, in lines that could be taken for ours.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use mdd_driver_api::{
    Driver, Host, Result,
    model::{Identity, Instance, Sample},
};

struct Prints {
    host: Host,
}

fn print(place: &str) {
    println!(r#"{{"jsonrpc":"2.0","id":1,"result":"printed in {place}"}}"#);
    print!("half a line");
}

impl Driver for Prints {
    fn create(host: Host, _instance: Instance) -> Result<Self> {
        print("create");
        Ok(Self { host })
    }

    async fn identify(&self) -> Result<Identity> {
        print("identify");
        self.host.get("/").await?;
        Ok(Identity::mine(100, "anything that answers"))
    }

    async fn check(&self) -> Result<Sample> {
        print("check");
        self.host.get("/").await?;
        Ok(Sample::default())
    }
}

mdd_driver_api::export_driver!(Prints, r#"{"kind": "prints", "title": "Prints"}"#);
