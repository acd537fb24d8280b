//! The only place that runs code of a driver file for the first time.
#![allow(unsafe_code)]

pub(super) mod crash;

use super::{
    Inspected, Refusal,
    image::Image,
    inside::{Inside, Place, Tag},
    log,
};
use mdd_driver_api::{
    API_VERSION, DriverError,
    abi::{DriverBox, DriverModRef, HostArc, J, LOADER_SYMBOL, RootHeader},
    manifest::Manifest,
    model::Instance,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// A driver in memory. It stays there for the life of the process.
pub struct LoadedDriver {
    /// Where it was found.
    pub path: PathBuf,
    /// What it declares.
    pub manifest: Manifest,
    /// Hash of its bytes, lowercase hex.
    pub sha256: String,
    module: DriverModRef,
    tag: &'static Tag,
}

impl std::fmt::Debug for LoadedDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "driver {} {}", self.manifest.driver.kind, self.manifest.version)
    }
}

impl LoadedDriver {
    /// The kind of backend that it drives.
    pub fn kind(&self) -> &str {
        &self.manifest.driver.kind
    }

    /// Names it to those who watch what drivers do.
    pub fn tag(&self) -> &'static Tag {
        self.tag
    }

    /// Makes an instance for one backend.
    ///
    /// # Errors
    /// The driver's own, or its panic.
    pub fn create(&self, host: HostArc, instance: &Instance) -> Result<DriverBox, DriverError> {
        let _inside = Inside::enter(Place { tag: self.tag, method: "create" });
        (self.module.create())(host, J::encode(instance)?).into_result()
    }
}

/// What came of loading a content: it is loaded once in the life of a process, and stays.
type Once = Arc<OnceLock<Result<(DriverModRef, &'static Tag), [String; 3]>>>;

/// Loads the image of an inspected file, unless this process has it already.
pub(super) fn load(file: Inspected, image: Image) -> Result<LoadedDriver, Refusal> {
    static LOADED: Mutex<BTreeMap<String, Once>> = Mutex::new(BTreeMap::new());
    let once = {
        // A panic in a holder leaves a whole map: the only change is an insertion.
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.entry(file.sha256().to_owned()).or_default().clone()
    };
    let told = |refusal: Refusal| [refusal.code().to_owned(), refusal.to_string(), refusal.remedy().to_owned()];
    let module = once.get_or_init(|| load_once(&file, image).map_err(told)).clone();
    let (module, tag) = module.map_err(|[code, reason, remedy]| Refusal::Told { code, reason, remedy })?;
    let Inspected { path, manifest, content } = file;
    let sha256 = content.sha256().to_owned();
    Ok(LoadedDriver { path, manifest, sha256, module, tag })
}

fn load_once(file: &Inspected, image: Image) -> Result<(DriverModRef, &'static Tag), Refusal> {
    let tag = Tag::leaked(&file.manifest.driver.kind, file.sha256());
    let _inside = Inside::enter(Place { tag, method: "load" });
    let library = open(&image.path)?;
    // The loader knows it by a name with the number of this descriptor, which must never be another file's.
    std::mem::forget(image.file);
    // SAFETY: the symbol is the one that abi_stable defines for a `LibHeader`, and `RootHeader` is a transparent reference
    // to the checked beginning of one. A file that lies about it runs with our rights anyway.
    let header = unsafe { library.get::<RootHeader>(LOADER_SYMBOL) }.map(|symbol| *symbol);
    let header = header.map_err(|error| Refusal::NoEntryPoint(chain(&error)));
    // Never unloaded: one live future or log handle would run into unmapped code. The flags of `open` say the same to the
    // system's loader.
    std::mem::forget(library);

    let module = header?.resolve().map_err(|refused| {
        tracing::debug!(path = %file.path.display(), dump = refused.dump, "layout of a refused driver");
        Refusal::Layout { what: refused.summary, driver_is_newer: is_newer(&file.manifest) }
    })?;
    if !says_the_same(&(module.manifest())(), &file.manifest) {
        return Err(Refusal::ManifestDiffers);
    }
    (module.init())(log::handle(&file.manifest.driver.kind));
    tag.counts_memory_by(module.memory());
    Ok((module, tag))
}

/// A host and a driver of one major version fit; where they do not, the side that is behind is to be updated.
fn is_newer(theirs: &Manifest) -> bool {
    let version = |text: &str| semver::Version::parse(text).ok();
    version(&theirs.api_version) > version(API_VERSION)
}

fn says_the_same(reported: &str, embedded: &Manifest) -> bool {
    let reported = serde_json::from_str::<serde_json::Value>(reported).ok();
    let reported = reported.and_then(|value| serde_json::from_value::<Manifest>(value).ok());
    let text = |manifest: &Manifest| serde_json::to_string(manifest).ok();
    reported.is_some_and(|reported| text(&reported) == text(embedded))
}

#[cfg(unix)]
fn open(path: &Path) -> Result<libloading::Library, Refusal> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const RTLD_NODELETE: std::ffi::c_int = 0x1000;
    #[cfg(target_vendor = "apple")]
    const RTLD_NODELETE: std::ffi::c_int = 0x80;
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    const RTLD_NODELETE: std::ffi::c_int = 0;
    // SAFETY: loading runs the constructors of the file. The user put it into the plugins folder, it was inspected, and
    // this copy of it is private.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) };
    library.map(Into::into).map_err(|error| Refusal::Loader(chain(&error)))
}

#[cfg(windows)]
fn open(path: &Path) -> Result<libloading::Library, Refusal> {
    use libloading::os::windows::{LOAD_LIBRARY_SEARCH_DEFAULT_DIRS, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR, Library};
    let flags = LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS;
    // SAFETY: loading runs the constructors of the file. The user put it into the plugins folder, it was inspected, and
    // this copy of it is private.
    let library = unsafe { Library::load_with_flags(path, flags) }.map_err(|error| Refusal::Loader(chain(&error)))?;
    library.pin().map_err(|error| Refusal::Loader(chain(&error)))?;
    Ok(library.into())
}

/// libloading keeps the loader's own words in `source()`.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
