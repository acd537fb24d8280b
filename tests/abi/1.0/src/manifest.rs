//! What a driver declares, embedded in its file and readable without running it.
//!
//! [`export_driver!`](crate::export_driver) wraps the author's `manifest.json` into an envelope with facts of the build
//! and places it in a section of its own, where a host finds it with any object-file reader.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Section that holds the manifest in an ELF file.
pub const SECTION_ELF: &str = ".mdd_manifest";
/// The same in a Mach-O file, in segment `__DATA`.
pub const SECTION_MACHO: &str = "__mdd_manifest";
/// The same in a PE file, padded with NUL.
pub const SECTION_PE: &str = ".mddman";
/// No manifest is larger, in bytes.
pub const MAX_LEN: usize = 64 * 1024;

/// The rustc that builds this crate, and so the driver.
#[doc(hidden)]
pub const RUSTC: &str = env!("MDD_RUSTC");
/// The target that it builds for.
#[doc(hidden)]
pub const TARGET: &str = env!("MDD_TARGET");

/// The envelope: facts of the build around the author's declaration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub schema: u32,
    /// Version of the interface that the driver was built against.
    pub api_version: String,
    /// Version of the driver.
    pub version: String,
    /// `unwind`, or `abort` for a file whose first panic would end the host.
    pub panic: String,
    /// Compiler.
    pub rustc: String,
    /// Target triple.
    pub target: String,
    /// The author's `manifest.json`.
    pub driver: Declaration,
}

/// The author's `manifest.json`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Declaration {
    /// The kind of backend: lowercase letters, digits and `-`, for example `comfyui`.
    pub kind: String,
    /// The service's name as its users write it.
    pub title: String,
    /// One sentence on what it is.
    pub summary: String,
    /// Name of an icon of Blender.
    pub icon: String,
    /// What it makes, of `image`, `video`, `text`, `voice`, `sound`.
    pub makes: Vec<String>,
    /// A sentence that the service's terms ask products to show.
    pub attribution: Option<String>,
    /// Ports where it usually listens, most likely first.
    pub default_ports: Vec<u16>,
    /// Parts of a command line that runs it; all words of one entry must occur.
    pub process_hints: Vec<String>,
    /// mDNS service types that it may announce.
    pub mdns_types: Vec<String>,
    /// The order in which drivers ask a candidate what it is; the smallest first.
    pub probe_rank: u32,
    /// Paths that may be asked by POST while identifying.
    pub probe_posts: Vec<String>,
    /// Environment variables that its users already set.
    pub environment: Environment,
    /// Secrets that it may want, by name.
    pub secrets: BTreeMap<String, Secret>,
    /// JSON Schema of its settings.
    pub settings: serde_json::Value,
    /// What jobs may ask for, by name.
    pub operations: BTreeMap<String, Operation>,
    /// What its backends may be able to do.
    pub capabilities: Vec<String>,
    /// How to start the service, in a sentence or a command line.
    pub start_hint: String,
    /// Its own problems by code, `<kind>.<name>`.
    pub errors: BTreeMap<String, ErrorEntry>,
}

/// Environment variables that users of the service already set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Environment {
    /// They hold a URL.
    pub url: Vec<String>,
    /// They hold a port on this machine.
    pub port: Vec<String>,
}

/// A secret and how the host shows it to the service. The driver only learns whether it is present.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secret {
    /// What it is, for people.
    pub title: String,
    /// Environment variables that hold it, after `MDD_<KIND>_<NAME>`.
    pub environment: Vec<String>,
    /// Header field that carries it with every request; none for a secret that only bodies carry.
    pub header: Option<String>,
    /// Written before the secret in that field, for example `Bearer `.
    pub prefix: String,
}

/// Something that a job may ask for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Operation {
    /// For people.
    pub title: String,
    /// JSON Schema of the payload.
    pub parameters: serde_json::Value,
    /// Files that it takes, by name; `*` for any number of any name.
    pub files: Vec<String>,
    /// Roles of its results.
    pub results: Vec<String>,
}

/// A problem that only this kind of backend has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorEntry {
    /// What it means.
    pub meaning: String,
    /// What to do about it, best first.
    pub remedies: Vec<Remedy>,
}

/// Something that helps: drawn as a button by the panel and printed as a command by the terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Remedy {
    /// What to do: `retry`, `set-url`, `set-key`, `start-hint`, `open-docs`, ….
    pub action: String,
    /// The same in words.
    pub label: String,
    /// What the action needs: a URL, a command line, a name.
    pub argument: Option<String>,
}

impl Remedy {
    /// An action without an argument.
    pub fn new(action: impl Into<String>, label: impl Into<String>) -> Self {
        Self { action: action.into(), label: label.into(), argument: None }
    }

    /// Adds what the action needs.
    #[must_use]
    pub fn with_argument(mut self, argument: impl Into<String>) -> Self {
        self.argument = Some(argument.into());
        self
    }
}

/// Why the bytes of a section are no manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invalid {
    /// Larger than [`MAX_LEN`].
    TooLong(usize),
    /// Not the JSON of a [`Manifest`].
    Json(String),
    /// Not usable although well formed.
    Content(String),
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong(len) => write!(f, "the manifest has {len} bytes, {MAX_LEN} are allowed"),
            Self::Json(error) => write!(f, "the manifest is not valid: {error}"),
            Self::Content(error) => write!(f, "the manifest is not usable: {error}"),
        }
    }
}

impl std::error::Error for Invalid {}

impl Manifest {
    /// Reads the bytes of a manifest section. PE sections are padded with NUL, which is cut off.
    ///
    /// # Errors
    /// Anything but the JSON of a usable manifest.
    pub fn parse(section: &[u8]) -> Result<Self, Invalid> {
        let end = section.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let bytes = &section[..end];
        if bytes.len() > MAX_LEN {
            return Err(Invalid::TooLong(bytes.len()));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| Invalid::Json(error.to_string()))?;
        manifest.driver.validate()?;
        Ok(manifest)
    }
}

impl Declaration {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// A kind that cannot be a file name and part of an environment variable, a missing title, an error code that does
    /// not begin with the kind, an operation whose schema is no schema.
    pub fn validate(&self) -> Result<(), Invalid> {
        let fault = |text: String| Err(Invalid::Content(text));
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !self.kind.starts_with(|c: char| c.is_ascii_lowercase())
            || !self.kind.chars().all(allowed)
            || self.kind.len() > 32
        {
            return fault(format!("`kind` is {:?}; it takes 1 to 32 of a-z, 0-9 and -, a letter first", self.kind));
        }
        if self.title.trim().is_empty() {
            return fault("`title` is missing".to_owned());
        }
        let prefix = format!("{}.", self.kind);
        if let Some(code) = self.errors.keys().find(|code| !code.starts_with(&prefix)) {
            return fault(format!("error code {code:?} does not begin with {prefix:?}"));
        }
        for (name, operation) in &self.operations {
            if !operation.parameters.is_object() && !operation.parameters.is_null() {
                return fault(format!("`parameters` of operation {name:?} is no JSON Schema"));
            }
        }
        Ok(())
    }
}

/// Length of the parts together.
#[doc(hidden)]
pub const fn joined_len(parts: &[&str]) -> usize {
    let mut len = 0;
    let mut index = 0;
    while index < parts.len() {
        len += parts[index].len();
        index += 1;
    }
    len
}

/// The parts one after the other, at compile time.
#[doc(hidden)]
pub const fn joined<const LEN: usize>(parts: &[&str]) -> [u8; LEN] {
    let mut out = [0; LEN];
    let mut at = 0;
    let mut index = 0;
    while index < parts.len() {
        let part = parts[index].as_bytes();
        let mut byte = 0;
        while byte < part.len() {
            out[at] = part[byte];
            at += 1;
            byte += 1;
        }
        index += 1;
    }
    out
}

/// Places the manifest in its section. Used by [`export_driver!`](crate::export_driver).
#[doc(hidden)]
#[macro_export]
macro_rules! embed_manifest {
    (api_version: $api_version:expr, panic: $panic:expr, version: $version:expr, driver: $driver:expr $(,)?) => {
        const MDD_MANIFEST_PARTS: &[&str] = &[
            r#"{"schema":1,"api_version":""#,
            $api_version,
            r#"","version":""#,
            $version,
            r#"","panic":""#,
            $panic,
            r#"","rustc":""#,
            $crate::manifest::RUSTC,
            r#"","target":""#,
            $crate::manifest::TARGET,
            r#"","driver":"#,
            $driver,
            "}",
        ];
        #[used]
        #[cfg_attr(all(unix, not(target_vendor = "apple")), unsafe(link_section = ".mdd_manifest"))]
        #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mdd_manifest"))]
        #[cfg_attr(windows, unsafe(link_section = ".mddman"))]
        static MDD_MANIFEST: [u8; $crate::manifest::joined_len(MDD_MANIFEST_PARTS)] =
            $crate::manifest::joined(MDD_MANIFEST_PARTS);
    };
}
