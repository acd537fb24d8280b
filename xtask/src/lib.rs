//! The developer commands of this repository, as a library: the integration tests share its Python environments.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a developer command talks to the person who started it")]

pub mod bench;
pub mod blender;
pub mod book;
pub mod debian;
pub mod demo;
pub mod dist;
pub mod gate;
pub mod process;
pub mod python;
pub mod rootfs;
pub mod sbom;
pub mod simulator;
pub mod tidy;
pub mod tool;
pub mod venv;
pub mod windows;
pub mod workspace;
