//! How Gradio apps of every generation are asked and heard, from 3.14 to 6.x, for the drivers of such apps.
//!
//! What messages mean is decided in pure code; a thin layer around it moves them over the host's connections. Whatever an
//! app says about its own address is ignored: every request goes below the endpoint that was probed.
#![forbid(unsafe_code)]

pub mod app;
pub mod call;
pub mod carrier;
pub mod config;
pub mod course;
pub mod door;
pub mod file;
pub mod input;
pub mod line;
mod loose;
pub mod message;
pub mod problem;
pub mod progress;
mod pulse;
pub mod session;
mod upload;

#[cfg(test)]
mod recorded;
