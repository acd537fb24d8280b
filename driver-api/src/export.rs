//! `export_driver!` and what it calls.

use crate::{abi::LogArc, guard, log};

/// The `init` of every driver file: connects panics and `tracing` of this file's own copies to the host's log.
pub fn init(handle: LogArc) {
    // Nothing is to be reported before there is a log, and a panic in here would end the host.
    let _contained = guard::catch(move || log::install(handle));
}

/// The `memory` of every driver file.
pub extern "C" fn memory() -> u64 {
    crate::memory::held()
}

/// The manifest as text. It was put together out of `str`s at compile time.
pub fn manifest_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Makes a `cdylib` a driver: `export_driver!(Type, include_str!("../manifest.json"))`.
///
/// `Type` implements [`Driver`](crate::Driver); the text is the [`Declaration`](crate::manifest::Declaration) in JSON.
/// Once per file.
#[macro_export]
macro_rules! export_driver {
    ($driver:ty, $declaration:expr $(,)?) => {
        const _: () = {
            #[cfg(not(panic = "unwind"))]
            compile_error!(
                "a driver must be built with panic = \"unwind\": otherwise its first panic ends the host and every \
                 other driver with it"
            );

            use $crate::__export::*;

            $crate::embed_manifest! {
                api_version: $crate::API_VERSION,
                panic: "unwind",
                version: env!("CARGO_PKG_VERSION"),
                driver: $declaration,
            }

            #[global_allocator]
            static ALLOCATOR: Counting = Counting;

            extern "C" fn manifest() -> RString {
                RString::from(manifest_text(&MDD_MANIFEST))
            }

            extern "C" fn init_file(log: LogArc) {
                init(log);
            }

            extern "C" fn create_instance(host: HostArc, instance: J<Instance>) -> RResult<DriverBox, DriverError> {
                create::<$driver>(host, instance)
            }

            fn module() -> DriverModRef {
                DriverMod { manifest, init: init_file, create: create_instance, memory }.leak_into_prefix()
            }

            extern "C" fn erased_module() -> RootModuleResult {
                __call_root_module_loader(module)
            }

            // `#[export_root_module]` would write `::abi_stable` paths and so make it a dependency of every driver.
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            // SAFETY: the function is the one of this file that makes the module, and its type is checked when it is loaded.
            pub static ROOT: LibHeader =
                unsafe { LibHeader::from_constructor::<DriverModRef>(erased_module, CheckTypeLayout::Yes) };
        };
    };
}
