//! Simulated AI services for tests and demonstrations.
//!
//! A [`Sim`] is one service process on loopback: it answers as the recorded servers do, keeps a [`Ledger`] of
//! what it really saw and ran, and misbehaves on command ([`Fault`]).
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use mdd_sim::{Fault, Options, Sim};
//!
//! let sim = Sim::start(Options::new("comfyui").version("0.33.0")).await?;
//! sim.inject(Fault::Hang.on("/prompt").times(1)).await;
//! // … let the code under test talk to sim.url() …
//! assert_eq!(sim.ledger().requests_to("/prompt"), 1);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod comfyui;
mod deflate;
mod fault;
mod gradio;
mod json;
mod ledger;
mod litellm;
mod multipart;
mod registry;
mod replay;
mod rvc_python;
mod server;
mod service;
mod sim;
mod tasks;
mod uuid;
mod wan2gp;

pub use self::{
    fault::{Fault, Rule, SpecError},
    ledger::{Job, JobState, Ledger, NotReached, SeenRequest, SeenSocket, Upload},
    registry::{Kind, kinds},
    sim::{Options, Sim, StartError},
};
