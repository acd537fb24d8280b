//! The host with real drivers and simulated services, seen from outside.

#![forbid(unsafe_code)]

mod discovery;
mod panics;
mod states;
