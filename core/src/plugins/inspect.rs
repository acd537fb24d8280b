//! What can be known of a file without running any of it: dlopen runs constructors and dies on a half-copied file.

use super::{Refusal, content::Content, source};
use mdd_driver_api::{
    API_VERSION,
    manifest::{Manifest, SECTION_ELF, SECTION_MACHO, SECTION_PE},
};
use object::{Architecture, BinaryFormat, Object as _, ObjectKind, ObjectSection as _, ObjectSegment as _, ReadCache};
use std::{
    fs::File,
    path::{Path, PathBuf},
};

/// No driver is larger, in bytes. A debug build has a few tens of megabytes.
pub const MAX_LEN: u64 = 256 * 1024 * 1024;

/// A file that looks like a driver for this host.
#[derive(Debug)]
pub struct Inspected {
    /// Where it was found.
    pub path: PathBuf,
    /// What it declares.
    pub manifest: Manifest,
    /// Its bytes: what was looked at is what will be loaded.
    pub(super) content: Content,
}

impl Inspected {
    /// Hash of its bytes, lowercase hex.
    pub fn sha256(&self) -> &str {
        self.content.sha256()
    }
}

/// Reads and judges a file.
///
/// # Errors
/// The first thing that speaks against it.
pub fn inspect(path: &Path) -> Result<Inspected, Refusal> {
    inspect_content(path, source::copy(path)?)
}

/// Judges what was read from a file.
///
/// # Errors
/// The first thing that speaks against it.
pub(super) fn inspect_content(path: &Path, content: Content) -> Result<Inspected, Refusal> {
    let manifest = Manifest::parse(&section(&content)?)?;
    compatible(&manifest)?;
    Ok(Inspected { path: path.to_owned(), manifest, content })
}

/// What can be told of a file that is refused.
#[derive(Debug, Default)]
pub(super) struct Glance {
    pub(super) sha256: Option<String>,
    pub(super) manifest: Option<Manifest>,
}

/// Reads what can be read.
pub(super) fn glance(path: &Path) -> Glance {
    let Ok(content) = source::copy(path) else { return Glance::default() };
    let manifest = section(&content).ok().and_then(|bytes| Manifest::parse(&bytes).ok());
    Glance { sha256: Some(content.sha256().to_owned()), manifest }
}

/// Reads parts of a file, and only those that are looked at.
type Parts<'a> = &'a ReadCache<&'a File>;

fn parse<'a>(content: &Content, parts: Parts<'a>) -> Result<object::File<'a, Parts<'a>>, Refusal> {
    let format = object::FileKind::parse(parts).map_err(|_| Refusal::NotALibrary(beginning(content)))?;
    // The beginning is that of a library, so whatever is wrong with the rest comes from a copy that was cut short.
    let file = object::File::parse(parts).map_err(|error| match format {
        object::FileKind::Archive | object::FileKind::Coff => Refusal::NotALibrary(error.to_string()),
        _ => Refusal::Truncated(error.to_string()),
    })?;
    if file.kind() != ObjectKind::Dynamic {
        return Err(Refusal::NotALibrary(format!("it is of kind {:?}", file.kind())));
    }
    right_machine(&file)?;
    for segment in file.segments() {
        let (offset, size) = segment.file_range();
        if offset.checked_add(size).is_none_or(|end| end > content.len()) {
            let end = offset.saturating_add(size);
            return Err(Refusal::Truncated(format!("a segment ends at byte {end} of {}", content.len())));
        }
    }
    Ok(file)
}

fn right_machine<'a>(file: &object::File<'a, Parts<'a>>) -> Result<(), Refusal> {
    let ours = (OUR_FORMAT, our_architecture());
    let theirs = (file.format(), file.architecture());
    if ours == theirs {
        return Ok(());
    }
    let name = |(format, architecture): (BinaryFormat, Architecture)| format!("{format:?} {architecture:?}");
    Err(Refusal::WrongArchitecture { theirs: name(theirs), ours: name(ours) })
}

const OUR_FORMAT: BinaryFormat = if cfg!(windows) {
    BinaryFormat::Pe
} else if cfg!(target_vendor = "apple") {
    BinaryFormat::MachO
} else {
    BinaryFormat::Elf
};

fn our_architecture() -> Architecture {
    match std::env::consts::ARCH {
        "x86_64" => Architecture::X86_64,
        "aarch64" => Architecture::Aarch64,
        "x86" => Architecture::I386,
        "arm" => Architecture::Arm,
        "riscv64" => Architecture::Riscv64,
        "loongarch64" => Architecture::LoongArch64,
        "powerpc64" => Architecture::PowerPc64,
        "s390x" => Architecture::S390x,
        _ => Architecture::Unknown,
    }
}

/// No linker leaves so much nothing at the end of a file, in bytes.
const ZERO_TAIL: u64 = 512;

/// The section with the manifest.
fn section(content: &Content) -> Result<Vec<u8>, Refusal> {
    let parts = ReadCache::new(content.file().map_err(Refusal::Unreadable)?);
    let file = parse(content, &parts)?;
    let section = [SECTION_ELF, SECTION_MACHO, SECTION_PE].iter().find_map(|name| file.section_by_name(name));
    let Some(section) = section else {
        // Some file systems make room for the whole file before its bytes arrive.
        let is_zero = content.end(ZERO_TAIL).iter().all(|byte| *byte == 0);
        return Err(if is_zero { Refusal::Truncated("its end is all zeros".to_owned()) } else { Refusal::NotADriver });
    };
    section.data().map(<[u8]>::to_vec).map_err(|error| Refusal::Truncated(error.to_string()))
}

fn compatible(manifest: &Manifest) -> Result<(), Refusal> {
    if manifest.panic != "unwind" {
        return Err(Refusal::PanicStrategy(manifest.panic.clone()));
    }
    let ours = semver::Version::parse(API_VERSION).expect("our own version is semver");
    let theirs = semver::Version::parse(&manifest.api_version);
    match theirs {
        Ok(theirs) if theirs.major == ours.major => Ok(()),
        Ok(theirs) => {
            let driver_is_older = theirs.major < ours.major;
            Err(Refusal::ApiVersion { theirs: theirs.to_string(), driver_is_older })
        }
        Err(error) => {
            let text = format!("`api_version` {:?}: {error}", manifest.api_version);
            Err(Refusal::Manifest(mdd_driver_api::manifest::Invalid::Content(text)))
        }
    }
}

fn beginning(content: &Content) -> String {
    match std::str::from_utf8(&content.beginning(40)) {
        Ok(text) => format!("it begins with the text {:?}", mdd_driver_api::text::printable(text, 40)),
        Err(_) => "its beginning is that of no known kind".to_owned(),
    }
}
