//! The host with real drivers, seen from outside.

#![forbid(unsafe_code)]

mod panics;
