//! The way of a file from a plugins folder into the host.

use super::{
    Inspected, LoadedDriver, Refusal, Vetting,
    image::{self, Image},
    inspect,
    load::{self, crash},
    permission,
    records::{Records, Store},
    signals, trial,
    vet::vet,
};
use mdd_driver_api::API_VERSION;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

/// File of what earlier hosts said when a driver took them down.
const LAST_WORDS: &str = "last-words";
/// Copies of one kind that are kept, the newest in use among them.
const KEPT: usize = 2;

/// Judges files, and remembers how.
pub struct Gate {
    folder: PathBuf,
    vetting: Vetting,
    /// Which host this is, to the eyes of a driver.
    host: String,
    store: Store,
    records: Mutex<Records>,
    /// For each content, who looks at it: copies of one file are tried once.
    turns: Mutex<BTreeMap<String, Arc<Mutex<()>>>>,
}

/// Whether a word reads like the hash of a driver, or like the beginning of one.
pub fn is_hash(word: &str) -> bool {
    word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Gate {
    /// `folder` keeps what is remembered, and copies.
    pub fn new(folder: &Path, vetting: Vetting) -> Self {
        let store = Store::new(folder);
        let records = Mutex::new(store.read());
        if let Vetting::By(_) = vetting
            && let Err(error) = crash::listen(&folder.join(LAST_WORDS))
        {
            tracing::warn!(%error, "a driver that takes this host down will not be known afterwards");
        }
        Self { folder: folder.to_owned(), host: host(&vetting), vetting, store, records, turns: Mutex::default() }
    }

    /// Takes note of what other processes have written down meanwhile.
    pub(super) fn recall(&self) {
        *self.records() = self.store.read();
        for words in crash::take(&self.folder.join(LAST_WORDS)) {
            let how = match signals::signal_name(words.signal) {
                Some(name) => format!("it crashed the host in {}: {name}", words.method),
                None if words.signal == 0 => format!("it ended the host in {}", words.method),
                None => format!("it crashed the host in {}: signal {}", words.method, words.signal),
            };
            self.blame(&words.sha256, &how, true);
        }
    }

    /// Brings one file from the disk to a loaded driver.
    ///
    /// # Errors
    /// The first step that refused it.
    pub fn admit(&self, path: &Path) -> Result<LoadedDriver, Refusal> {
        let file = self.inspect(path)?;
        let turn = self.turn(file.sha256());
        let _mine = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.records().of(file.sha256()).and_then(|record| record.judged(&self.host));
        self.pass(file, known)
    }

    /// The same for somebody who wants to know it anew.
    ///
    /// # Errors
    /// The first step that refused it.
    pub fn admit_anew(&self, path: &Path) -> Result<LoadedDriver, Refusal> {
        let file = self.inspect(path)?;
        self.pass(file, None)
    }

    fn inspect(&self, path: &Path) -> Result<Inspected, Refusal> {
        let file = inspect::inspect(path)?;
        permission::check(&file, &self.folder)?;
        let records = self.records();
        match records.of(file.sha256()).and_then(|record| record.quarantine.as_ref()) {
            Some(quarantine) => {
                Err(Refusal::Quarantined { reason: quarantine.reason.clone(), since: quarantine.at.clone() })
            }
            None => Ok(file),
        }
    }

    /// Whether that content is in quarantine.
    pub(super) fn isolates(&self, sha256: Option<&str>) -> bool {
        let records = self.records();
        sha256.and_then(|sha256| records.of(sha256)).is_some_and(|record| record.quarantine.is_some())
    }

    fn pass(&self, file: Inspected, known: Option<Result<(), Refusal>>) -> Result<LoadedDriver, Refusal> {
        if let Some(Err(refusal)) = known {
            return Err(refusal);
        }
        let image = Image::of(&file, &self.folder)?;
        match (&self.vetting, known) {
            (Vetting::InProcess, _) => {
                let driver = load::load(file, image)?;
                trial::run(&driver, &mut |_| {})?;
                Ok(driver)
            }
            (Vetting::By(_), Some(Ok(()))) => load::load(file, image),
            (Vetting::By(program), _) => {
                let verdict = vet(&file, &image, program);
                self.remember(&file, &verdict);
                verdict?;
                load::load(file, image)
            }
        }
    }

    /// Writes down how a trial ended, and keeps a copy of what is good.
    fn remember(&self, file: &Inspected, verdict: &Result<(), Refusal>) {
        // That it could not be tried says nothing of the file.
        if matches!(verdict, Err(Refusal::NotVetted(_))) {
            return;
        }
        let kept = verdict.is_ok().then(|| self.keep(file)).flatten();
        self.change(|records| {
            let record = records.entry(file.sha256());
            record.kind.clone_from(&file.manifest.driver.kind);
            record.version.clone_from(&file.manifest.version);
            record.judge(&self.host, verdict.as_ref().copied());
            if kept.is_some() {
                record.kept = kept;
            }
        });
        self.clear_out(&file.manifest.driver.kind);
    }

    /// The name of a copy, for the day when a later version of the file fails.
    fn keep(&self, file: &Inspected) -> Option<String> {
        let ending = std::env::consts::DLL_EXTENSION;
        let name = format!("{}-{}.{ending}", file.manifest.driver.kind, &file.sha256()[..16]);
        let folder = self.kept_folder();
        match image::write_once(&file.content, &folder, &folder.join(&name)) {
            Ok(()) => Some(name),
            Err(error) => {
                tracing::warn!(name, %error, "no copy of a driver could be kept");
                None
            }
        }
    }

    /// Removes the copies that nobody will go back to.
    fn clear_out(&self, kind: &str) {
        let copies = self.copies(kind);
        for (sha256, path) in copies.into_iter().skip(KEPT) {
            let _gone = fs::remove_file(path);
            self.change(|records| records.entry(&sha256).kept = None);
        }
    }

    /// Copies of a kind with their hashes, the highest version first.
    fn copies(&self, kind: &str) -> Vec<(String, PathBuf)> {
        let records = self.records();
        let mut copies: Vec<_> = records.kept(kind).collect();
        copies.sort_by_key(|(_, record)| std::cmp::Reverse(semver::Version::parse(&record.version).ok()));
        let folder = self.kept_folder();
        let copies = copies.into_iter();
        copies.filter_map(|(sha256, record)| Some((sha256.clone(), folder.join(record.kept.as_ref()?)))).collect()
    }

    /// A good version of a kind whose files have all become unusable.
    pub(super) fn previous(&self, kind: &str) -> Option<(PathBuf, LoadedDriver)> {
        self.copies(kind).into_iter().find_map(|(sha256, path)| {
            let driver = self.admit(&path).inspect_err(|refusal| {
                tracing::warn!(path = %path.display(), reason = %refusal, "the copy of an earlier version is not used");
            });
            driver.ok().filter(|driver| driver.sha256 == sha256).map(|driver| (path, driver))
        })
    }

    /// A driver took the host down, or was thrown out. Whoever certainly did is not used any more; others when they do it
    /// again and again. True: it is not used any more.
    pub(crate) fn blame(&self, sha256: &str, what: &str, certainly: bool) -> bool {
        let mut isolated = false;
        self.change(|records| {
            let record = records.entry(sha256);
            let too_often = record.has_failed(SystemTime::now());
            isolated = certainly || too_often;
            if isolated {
                record.isolate(what);
            }
        });
        tracing::error!(driver = &sha256[..sha256.len().min(16)], what, isolated, "a driver failed");
        isolated
    }

    /// Lets a driver be used again, and allows it where only what is allowed is used.
    ///
    /// # Errors
    /// Nothing could be written down.
    pub fn trust(&self, sha256: &str) -> io::Result<()> {
        let records = self.store.change(|records| records.entry(sha256).release())?;
        *self.records() = records;
        let list = self.folder.join("allowed");
        if list.exists() {
            let mut text = fs::read_to_string(&list)?;
            if !text.lines().any(|line| names(line, sha256)) {
                let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
                text.push_str(&format!("{newline}{sha256}\n"));
                fs::write(&list, text)?;
            }
        }
        Ok(())
    }

    /// Uses a driver no more.
    ///
    /// # Errors
    /// Nothing could be written down.
    pub fn quarantine(&self, sha256: &str, reason: &str) -> io::Result<()> {
        let records = self.store.change(|records| records.entry(sha256).isolate(reason))?;
        *self.records() = records;
        Ok(())
    }

    /// Forgets all that is known of a driver: it is tried again like one that was never seen, and where only what is
    /// allowed is used, it is not.
    ///
    /// # Errors
    /// Nothing could be written down.
    pub fn forget(&self, sha256: &str) -> io::Result<()> {
        let mut copy = None;
        let records = self.store.change(|records| copy = records.forget(sha256).and_then(|record| record.kept))?;
        *self.records() = records;
        self.disallow(sha256)?;
        match copy.map(|name| fs::remove_file(self.kept_folder().join(name))) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes a hash out of the list of what is allowed. The list stays, even when nothing is left in it.
    fn disallow(&self, sha256: &str) -> io::Result<()> {
        let list = self.folder.join("allowed");
        let text = match fs::read_to_string(&list) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            text => text?,
        };
        let left: String = text.split_inclusive('\n').filter(|line| !names(line, sha256)).collect();
        if left == text { Ok(()) } else { fs::write(&list, left) }
    }

    /// The hash of a file, or one that is known and begins like this, or a whole one; `None` for what names neither.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn hash_of(&self, file_or_hash: &str) -> Result<Option<String>, String> {
        let path = Path::new(file_or_hash);
        if path.is_file() {
            let sha256 = inspect::glance(path).sha256;
            return sha256.map(Some).ok_or_else(|| format!("{file_or_hash} cannot be read"));
        }
        if !is_hash(file_or_hash) {
            return Ok(None);
        }
        let hash = file_or_hash.to_ascii_lowercase();
        let known = self.records().find(&hash);
        Ok(known.or_else(|| Some(hash).filter(|hash| hash.len() == 64)))
    }

    fn turn(&self, sha256: &str) -> Arc<Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(sha256.to_owned()).or_default().clone()
    }

    fn kept_folder(&self) -> PathBuf {
        self.folder.join("kept")
    }

    fn change(&self, change: impl FnOnce(&mut Records)) {
        match self.store.change(change) {
            Ok(records) => *self.records() = records,
            Err(error) => tracing::warn!(%error, "what was seen of a driver cannot be written down"),
        }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        // It is replaced as a whole, so a panic in a holder leaves a whole one.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a line of the list of what is allowed begins with this hash.
fn names(line: &str, sha256: &str) -> bool {
    line.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case(sha256))
}

/// Another build of the host is another host.
fn host(vetting: &Vetting) -> String {
    let Vetting::By(program) = vetting else { return String::new() };
    let data = fs::metadata(program).ok();
    let len = data.as_ref().map_or(0, fs::Metadata::len);
    let built = data.and_then(|data| data.modified().ok()?.duration_since(UNIX_EPOCH).ok());
    let built = built.unwrap_or_default().as_nanos();
    format!("{} {API_VERSION} {len:x} {built:x}", env!("CARGO_PKG_VERSION"))
}
