//! What is remembered of driver files from one start to the next, by the hash of their bytes.

use super::Refusal;
use crate::private_folder;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Faults that are older no longer count, in seconds.
const FAULTS_COUNT_FOR: u64 = 600;
/// So many faults within that time are too many.
const MAX_FAULTS: usize = 3;

/// Everything that is remembered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Records {
    drivers: BTreeMap<String, Record>,
}

/// What is remembered of one content.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Record {
    pub(super) kind: String,
    pub(super) version: String,
    pub(super) verdict: Option<Verdict>,
    pub(super) quarantine: Option<Quarantine>,
    /// When it took the host down or was thrown out, in seconds since 1970.
    faults: Vec<u64>,
    /// Name of the copy that was kept of it.
    pub(super) kept: Option<String>,
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Verdict {
    /// Which host tried it: another may see it with other eyes.
    host: String,
    /// `None`: nothing speaks against it.
    refused: Option<[String; 3]>,
}

/// Why it is not used any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Quarantine {
    pub(super) reason: String,
    /// RFC 3339 in UTC.
    pub(super) at: String,
}

impl Records {
    pub(super) fn of(&self, sha256: &str) -> Option<&Record> {
        self.drivers.get(sha256)
    }

    pub(super) fn entry(&mut self, sha256: &str) -> &mut Record {
        self.drivers.entry(sha256.to_owned()).or_default()
    }

    pub(super) fn forget(&mut self, sha256: &str) -> Option<Record> {
        self.drivers.remove(sha256)
    }

    /// The whole hash that begins like this; what is unknown must be whole.
    pub(super) fn find(&self, beginning: &str) -> Option<String> {
        let mut fitting = self.drivers.keys().filter(|sha256| sha256.starts_with(beginning));
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Some(only.clone()),
            _ => None,
        }
    }

    /// Copies of a kind that are not in quarantine.
    pub(super) fn kept(&self, kind: &str) -> impl Iterator<Item = (&String, &Record)> {
        let usable = |record: &Record| record.kept.is_some() && record.quarantine.is_none();
        self.drivers.iter().filter(move |(_, record)| record.kind == kind && usable(record))
    }
}

impl Record {
    /// How it was judged by this host.
    pub(super) fn judged(&self, host: &str) -> Option<Result<(), Refusal>> {
        let verdict = self.verdict.as_ref().filter(|verdict| verdict.host == host)?;
        Some(match verdict.refused.clone() {
            None => Ok(()),
            Some([code, reason, remedy]) => Err(Refusal::Told { code, reason, remedy }),
        })
    }

    pub(super) fn judge(&mut self, host: &str, result: Result<(), &Refusal>) {
        let refused =
            result.err().map(|refusal| [refusal.code().to_owned(), refusal.to_string(), refusal.remedy().to_owned()]);
        self.verdict = Some(Verdict { host: host.to_owned(), refused });
    }

    pub(super) fn isolate(&mut self, reason: &str) {
        let at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        self.quarantine = Some(Quarantine { reason: reason.to_owned(), at });
    }

    /// One fault more; true when there are too many now.
    pub(super) fn has_failed(&mut self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        self.faults.retain(|fault| now.saturating_sub(*fault) < FAULTS_COUNT_FOR);
        self.faults.push(now);
        self.faults.len() >= MAX_FAULTS
    }

    /// Out of quarantine, and without a past that would bring it back there.
    pub(super) fn release(&mut self) {
        self.quarantine = None;
        self.faults.clear();
        self.verdict = None;
    }
}

/// Where it is remembered. Several processes of the user may share it.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Nothing is known where nothing can be read.
    pub(super) fn read(&self) -> Records {
        let path = self.file();
        match fs::read(&path).map(|bytes| serde_json::from_slice(&bytes)) {
            Ok(Ok(records)) => records,
            Ok(Err(error)) => {
                tracing::warn!(path = %path.display(), %error, "what was remembered of drivers is unreadable and begun anew");
                Records::default()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Records::default(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "what was remembered of drivers cannot be read");
                Records::default()
            }
        }
    }

    /// Reads, changes and writes while no other process does; gives what is known then.
    pub(super) fn change(&self, change: impl FnOnce(&mut Records)) -> io::Result<Records> {
        private_folder::create(&self.folder)?;
        let turn = File::create(self.folder.join("drivers.lock"))?;
        turn.lock()?;
        let mut records = self.read();
        change(&mut records);
        let mut file = tempfile::Builder::new().prefix(".drivers-").tempfile_in(&self.folder)?;
        file.write_all(&serde_json::to_vec_pretty(&records)?)?;
        file.persist(self.file()).map_err(|error| error.error)?;
        Ok(records)
    }

    fn file(&self) -> PathBuf {
        self.folder.join("drivers.json")
    }
}

#[cfg(test)]
mod tests {
    use super::{Record, Store};
    use crate::plugins::Refusal;
    use std::time::{Duration, SystemTime};

    #[test]
    fn a_verdict_is_for_the_host_that_gave_it() {
        let mut record = Record::default();
        record.judge("one", Err(&Refusal::Empty));
        assert_eq!(record.judged("one").unwrap().unwrap_err().code(), "driver-empty");
        assert!(record.judged("another").is_none());
    }

    #[test]
    fn three_faults_in_ten_minutes_are_too_many() {
        let begin = SystemTime::now();
        let mut record = Record::default();
        let faults = [(0, false), (300, false), (601, false), (700, true)];
        for (seconds, too_many) in faults {
            assert_eq!(record.has_failed(begin + Duration::from_secs(seconds)), too_many, "after {seconds} s");
        }
    }

    #[test]
    fn what_is_remembered_lasts_and_a_broken_file_loses_nothing_but_itself() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.change(|records| records.entry("ab12").isolate("it crashed")).unwrap();
        let records = Store::new(folder.path()).read();
        assert_eq!(records.of("ab12").unwrap().quarantine.as_ref().unwrap().reason, "it crashed");
        assert_eq!(records.find("ab").as_deref(), Some("ab12"));
        std::fs::write(folder.path().join("drivers.json"), "{").unwrap();
        assert!(store.read().of("ab12").is_none());
        store.change(|records| records.entry("cd").isolate("it hangs")).unwrap();
        assert!(store.read().of("cd").is_some());
    }
}
