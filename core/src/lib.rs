//! mdd-host as a library: finds and loads drivers, connects to backends and supervises them.
//!
//! One folder per room: [`plugins`] finds and loads drivers, [`transport`] is the network as drivers see it,
//! [`discovery`] says where a backend could be, [`connection`] keeps one backend connected, [`health`] condenses samples,
//! [`jobs`] carries work to backends, [`config`] has the settings, [`events`] is the one place where all of that can be read, [`diagnosis`] explains
//! failures, [`metrics`] writes figures for monitoring systems. [`Host`] ties them together.
//!
//! Nothing in here knows a kind of backend: that is the drivers' part.

#![deny(unsafe_code)]

pub mod config;
pub mod connection;
pub mod diagnosis;
pub mod discovery;
pub mod endpoint;
pub mod events;
pub mod health;
mod host;
pub mod jobs;
pub mod keyring;
pub mod metrics;
pub mod plugins;
mod private_folder;
pub mod process;
pub mod rpc;
pub mod settings;
pub mod transport;

pub use host::{ChangeError, Host, Offline, StartError};
