//! The host's services against servers that misbehave on purpose.

mod bodies;
mod caller;
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
