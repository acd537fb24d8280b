//! The manifest of a driver that was built with `panic = "abort"`.
//!
//! `export_driver!` refuses to compile such a build, so a file like this comes from somebody who went around it. The host
//! must refuse it by its manifest, before any of its code can run.

#![forbid(unsafe_code)]

mdd_driver_api::embed_manifest! {
    api_version: mdd_driver_api::API_VERSION,
    panic: "abort",
    version: env!("CARGO_PKG_VERSION"),
    driver: r#"{"kind": "built-with-abort", "title": "Built with abort"}"#,
}
