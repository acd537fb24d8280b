//! The catalogue of bad input, one port for each entry, through a whole host and a shipped driver.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report, in its helpers as well")]

mod addresses;
mod announced;
mod asked;
mod child;
mod deadlines;
mod heard;
mod http;
mod matrix;
mod peer;
mod socket;
