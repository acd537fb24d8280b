//! The host's services against servers that misbehave on purpose.

#![expect(clippy::unwrap_used, reason = "all of this is test code, functions outside of tests too")]

mod bodies;
mod caller;
mod downloads;
mod faults;
mod policy;
mod pool;
mod rounds;
mod server;
mod streams;
mod tls;
mod walls;
mod websocket;
mod websocket_faults;
