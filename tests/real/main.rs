//! The host and real servers, from pinned packages.

#![forbid(unsafe_code)]

mod litellm;
mod server;
