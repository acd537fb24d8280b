//! The host with real drivers and simulated services, seen from outside.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acceptance;
mod discovery;
mod evidence;
mod looking;
mod manners;
mod network;
mod ownership;
mod panics;
mod remedies;
mod returns;
mod service;
mod settings;
mod starved;
mod states;
mod steps;
mod told;
mod watched;
