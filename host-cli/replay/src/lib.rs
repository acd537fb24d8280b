//! Services that are played from a script: what was recorded of a real one, or written after its documentation.
//!
//! A [`Script`] is a list of exchanges with the phases in which they happen; a [`Player`] answers requests by it. Neither
//! knows a network: the conformance check asks a player directly, and `mdd-sim replay` puts one behind a port.
#![forbid(unsafe_code)]

mod pattern;
mod player;
mod script;

pub use player::{Asked, Player, Reply};
pub use script::{Answer, Effect, Exchange, Invalid, JobScript, Piece, Script, ScriptFile};
