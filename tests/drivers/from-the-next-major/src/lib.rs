//! The manifest of a driver for the next major version of the interface.

#![forbid(unsafe_code)]

mdd_driver_api::embed_manifest! {
    api_version: "2.0.0",
    panic: "unwind",
    version: env!("CARGO_PKG_VERSION"),
    driver: r#"{"kind": "from-the-next-major", "title": "From the next major"}"#,
}
