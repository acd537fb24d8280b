//! The driver of the author's guide, so that it compiles as long as it is printed.

#[path = "../../docs/examples/lamp/src/lib.rs"]
mod driver;
