//! The host and real servers, from pinned packages.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acceptance;
mod gradio;
mod litellm;
mod server;
