//! The catalogue of bad input, one port for each entry, through a whole host and a shipped driver.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report, in its helpers as well")]

mod addresses;
mod alone;
mod announced;
mod asked;
mod bombs;
mod child;
mod deadlines;
mod entry;
mod heard;
mod http;
mod matrix;
mod neighbours;
mod peer;
mod socket;
