//! What a driver file exports, and how a host reads it.

use super::{API_VERSION, DriverBox, DriverError, HostArc, J, LogArc, RResult, RString};
use crate::model::Instance;
use abi_stable::{
    StableAbi,
    abi_stability::abi_checking::{AbiInstabilityErrors, check_layout_compatibility},
    declare_root_module_statics,
    library::{AbiHeaderRef, RootModule},
    sabi_types::VersionStrings,
};

/// The functions of a driver file.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = DriverModRef, prefix_fields = DriverModPrefix)))]
#[sabi(missing_field(option))]
pub struct DriverMod {
    /// The manifest; equal to the one that is embedded in the file.
    pub manifest: extern "C" fn() -> RString,
    /// Called once per file, before the first `create`.
    pub init: extern "C" fn(LogArc),
    /// Makes one backend instance. No I/O in here.
    pub create: extern "C" fn(HostArc, J<Instance>) -> RResult<DriverBox, DriverError>,
    /// Bytes that it has allocated and not freed yet.
    #[sabi(last_prefix_field)]
    pub memory: extern "C" fn() -> u64,
}

impl RootModule for DriverModRef {
    declare_root_module_statics! { DriverModRef }
    const BASE_NAME: &'static str = "mdd_driver";
    const NAME: &'static str = "mdd_driver";
    const VERSION_STRINGS: VersionStrings = VersionStrings::new(API_VERSION);
}

/// Name of the exported symbol that holds a [`RootHeader`], with its NUL.
pub const LOADER_SYMBOL: &[u8] = b"_1as_0lib_1header_0root_bmodule_bloader\0";

/// What the exported symbol points at. Copy it out of the library, then [`resolve`](Self::resolve) it.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct RootHeader(AbiHeaderRef);

/// Why a file that exports a driver cannot be used.
#[derive(Debug, Clone)]
pub struct Refused {
    /// One line.
    pub summary: String,
    /// Everything, for the log: up to a few hundred kilobytes.
    pub dump: String,
}

impl RootHeader {
    /// Checks version and layout and calls the constructor of the file.
    ///
    /// abi_stable accepts a library that has at least the fields that its user knows, which would refuse every driver
    /// that is older than the host. So the question is asked both ways round: one side being a prefix of the other, with
    /// all other types equal, is compatible.
    ///
    /// # Errors
    /// Another major version, another layout, or a panic in the constructor.
    pub fn resolve(self) -> Result<DriverModRef, Refused> {
        let header = self.0.upgrade().map_err(|error| Refused::of(&error, "was built with another abi_stable"))?;
        let theirs =
            header.layout().ok_or_else(|| Refused { summary: "carries no layout".to_owned(), dump: String::new() })?;
        let ours = <DriverModRef as StableAbi>::LAYOUT;
        if let Err(as_newer) = check_layout_compatibility(ours, theirs)
            && let Err(as_older) = check_layout_compatibility(theirs, ours)
        {
            let nearer = if as_newer.errors.len() <= as_older.errors.len() { as_newer } else { as_older };
            return Err(Refused::layout(&nearer));
        }
        // SAFETY: one of the two layouts is a prefix of the other and every other type in them is equal, as the two-way
        // check above has established; abi_stable itself compares the version inside.
        let module = unsafe { header.init_root_module_with_unchecked_layout::<DriverModRef>() };
        module.map_err(|error| Refused::of(&error, "cannot be initialised"))
    }
}

impl Refused {
    fn of(error: &dyn std::error::Error, what: &str) -> Self {
        let dump = error.to_string();
        let line = dump.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        Self { summary: format!("{what}: {line}"), dump }
    }

    /// The raw text is 48 to 200 kB; the first reason and the path of field names to it are enough for a person.
    fn layout(errors: &AbiInstabilityErrors) -> Self {
        let dump = errors.to_string();
        let reason = dump.lines().find_map(|line| line.strip_prefix("Error:")).unwrap_or("types differ").trim();
        let path = errors.errors.iter().find(|error| !error.errs.is_empty()).map(|error| {
            let names = error.stack_trace.iter().filter_map(|step| {
                let text = step.expected.to_string();
                text.lines().find_map(|line| line.trim().strip_prefix("field_name:").map(str::to_owned))
            });
            names.filter(|name| !name.is_empty()).collect::<Vec<_>>().join(".")
        });
        Self { summary: format!("{reason} at {}", path.unwrap_or_default()), dump }
    }
}

/// For `export_driver!` only.
#[doc(hidden)]
pub mod export {
    pub use abi_stable::{
        library::{__call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult},
        prefix_type::PrefixTypeTrait,
    };
}

/// Keeps the name above and abi_stable's own from drifting apart.
const _: () = {
    let theirs = abi_stable::library::ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes();
    assert!(theirs.len() == LOADER_SYMBOL.len());
    let mut index = 0;
    while index < theirs.len() {
        assert!(theirs[index] == LOADER_SYMBOL[index]);
        index += 1;
    }
};
