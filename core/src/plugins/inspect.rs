//! What can be known of a file without running any of it: dlopen runs constructors and dies on a half-copied file.

use super::{Refusal, source};
use mdd_driver_api::{
    API_VERSION,
    manifest::{Manifest, SECTION_ELF, SECTION_MACHO, SECTION_PE},
};
use object::{Architecture, BinaryFormat, Object as _, ObjectKind, ObjectSection as _, ObjectSegment as _};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// No driver is larger, in bytes. A debug build has a few tens of megabytes.
pub const MAX_LEN: u64 = 256 * 1024 * 1024;

/// A file that looks like a driver for this host.
#[derive(Debug)]
pub struct Inspected {
    /// Where it was found.
    pub path: PathBuf,
    /// What it declares.
    pub manifest: Manifest,
    /// Hash of its bytes, lowercase hex.
    pub sha256: String,
    /// Its bytes: what was looked at is what will be loaded.
    pub(super) bytes: Vec<u8>,
}

/// Reads and judges a file.
///
/// # Errors
/// The first thing that speaks against it.
pub fn inspect(path: &Path) -> Result<Inspected, Refusal> {
    inspect_bytes(path, source::read(path)?)
}

/// Judges what was read from a file.
///
/// # Errors
/// The first thing that speaks against it.
pub(super) fn inspect_bytes(path: &Path, bytes: Vec<u8>) -> Result<Inspected, Refusal> {
    let file = parse(&bytes)?;
    let manifest = Manifest::parse(section(&bytes, &file)?)?;
    compatible(&manifest)?;
    let sha256 = hex(&Sha256::digest(&bytes));
    Ok(Inspected { path: path.to_owned(), manifest, sha256, bytes })
}

/// What can be told of a file that is refused.
#[derive(Debug, Default)]
pub(super) struct Glance {
    pub(super) sha256: Option<String>,
    pub(super) manifest: Option<Manifest>,
}

/// Reads what can be read.
pub(super) fn glance(path: &Path) -> Glance {
    let Ok(bytes) = source::read(path) else { return Glance::default() };
    let file = parse(&bytes).ok();
    let manifest = file.and_then(|file| Manifest::parse(section(&bytes, &file).ok()?).ok());
    Glance { sha256: Some(hex(&Sha256::digest(&bytes))), manifest }
}

fn parse(bytes: &[u8]) -> Result<object::File<'_>, Refusal> {
    let format = object::FileKind::parse(bytes).map_err(|_| Refusal::NotALibrary(beginning(bytes)))?;
    // The beginning is that of a library, so whatever is wrong with the rest comes from a copy that was cut short.
    let file = object::File::parse(bytes).map_err(|error| match format {
        object::FileKind::Archive | object::FileKind::Coff => Refusal::NotALibrary(error.to_string()),
        _ => Refusal::Truncated(error.to_string()),
    })?;
    if file.kind() != ObjectKind::Dynamic {
        return Err(Refusal::NotALibrary(format!("it is of kind {:?}", file.kind())));
    }
    right_machine(&file)?;
    for segment in file.segments() {
        let (offset, size) = segment.file_range();
        if offset.checked_add(size).is_none_or(|end| end > bytes.len() as u64) {
            return Err(Refusal::Truncated(format!("a segment ends at byte {} of {}", offset + size, bytes.len())));
        }
    }
    Ok(file)
}

fn right_machine(file: &object::File<'_>) -> Result<(), Refusal> {
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
const ZERO_TAIL: usize = 512;

fn section<'a>(bytes: &[u8], file: &object::File<'a>) -> Result<&'a [u8], Refusal> {
    let section = [SECTION_ELF, SECTION_MACHO, SECTION_PE].iter().find_map(|name| file.section_by_name(name));
    let section = section.ok_or_else(|| match bytes.iter().rev().take(ZERO_TAIL).all(|byte| *byte == 0) {
        // Some file systems make room for the whole file before its bytes arrive.
        true => Refusal::Truncated("its end is all zeros".to_owned()),
        false => Refusal::NotADriver,
    })?;
    section.data().map_err(|error| Refusal::Truncated(error.to_string()))
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

fn beginning(bytes: &[u8]) -> String {
    match std::str::from_utf8(&bytes[..bytes.len().min(40)]) {
        Ok(text) => format!("it begins with the text {:?}", mdd_driver_api::text::printable(text, 40)),
        Err(_) => "its beginning is that of no known kind".to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
