//! The stable boundary between mdd-host and its drivers, and the kit that driver authors write against.
//!
//! A driver is a small `cdylib` that knows one kind of service. It implements [`Driver`], ordinary async Rust without
//! `unsafe`, and ends with [`export_driver!`]. It depends on no async runtime and opens no socket: the [`Host`] does the
//! I/O, with its pools, deadlines, limits and secrets, and polls the driver's futures.
//!
//! ```no_run
//! use mdd_driver_api::{Driver, Host, Result, model::{Identity, Instance, Sample}};
//!
//! struct Lamp {
//!     host: Host,
//! }
//!
//! impl Driver for Lamp {
//!     fn create(host: Host, _instance: Instance) -> Result<Self> {
//!         Ok(Self { host })
//!     }
//!
//!     async fn identify(&self) -> Result<Identity> {
//!         let answer = self.host.get("/lamp").await?;
//!         Ok(match answer.status {
//!             200 => Identity::mine(95, "a lamp").because("/lamp answered"),
//!             status => Identity::no(format!("something that answers /lamp with HTTP {status}")),
//!         })
//!     }
//!
//!     async fn check(&self) -> Result<Sample> {
//!         self.host.get("/lamp").await?.success()?;
//!         Ok(Sample::default())
//!     }
//! }
//!
//! mdd_driver_api::export_driver!(Lamp, r#"{"kind": "lamp", "title": "Lamp"}"#);
//! # fn main() {}
//! ```

#![deny(unsafe_op_in_unsafe_fn)]

pub mod abi;
mod adapter;
mod driver;
mod export;
pub mod files;
pub mod guard;
mod host;
mod job;
mod log;
pub mod manifest;
mod memory;
pub mod model;
pub mod multipart;
mod race;
mod request;
mod socket;
mod stream;
pub mod sync;
pub mod text;

pub use abi::{API_VERSION, DriverError, Effect, ErrorKind, Stage};
pub use driver::Driver;
pub use host::Host;
pub use job::{Job, Sink};
pub use race::{Either, race};
pub use request::{Request, Response};
pub use socket::{Connect, Frame, Socket};
pub use stream::Stream;
pub use tracing;

/// Result of everything that a driver does.
pub type Result<T> = std::result::Result<T, DriverError>;

/// For `export_driver!` only.
#[doc(hidden)]
pub mod __export {
    pub use crate::{
        abi::{
            DriverBox, DriverError, DriverMod, DriverModRef, HostArc, J, LogArc, RResult, RString,
            export::{__call_root_module_loader, CheckTypeLayout, LibHeader, PrefixTypeTrait, RootModuleResult},
        },
        adapter::create,
        export::{init, manifest_text, memory},
        memory::Counting,
        model::Instance,
    };
}
