//! A shared library that is no driver.

#![forbid(unsafe_code)]

/// Does nothing.
pub extern "C" fn nothing() {}
