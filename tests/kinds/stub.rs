//! A service that no simulator plays.

pub(crate) use mdd_tests::{Answer, Stub};
