//! Compares what the hosts promised with what the services did.

use crate::{report::Report, services, services::Services};
use mdd_core::events::{JobState, JobView, ResultFile};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

pub(crate) fn judge(acked: &BTreeSet<String>, jobs: &[JobView], services: &Services, report: &mut Report) {
    let known: BTreeSet<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    let lost = acked.iter().filter(|id| !known.contains(id.as_str()));
    report.wrong.extend(lost.map(|id| format!("{id} was accepted and is gone")));
    let ledgers = services.of_pictures();
    let mut pictures = BTreeMap::new();
    for job in jobs {
        *report.ends.entry(format!("{} {}", job.kind, job.state)).or_default() += 1;
        report.sent_again += u64::from(job.attempt.saturating_sub(1));
        let wrong = match job.kind.as_str() {
            "comfyui" => of_picture(job, &ledgers, &mut pictures),
            _ => of_chat(job),
        };
        report.wrong.extend(wrong.map(|wrong| format!("{wrong}: {job:#?}")));
    }
    let (begun, wanted) = (services::begun(&ledgers), jobs.iter().filter(|job| job.kind == "comfyui").count());
    if begun != wanted {
        report.wrong.push(format!("{begun} pictures were begun for {wanted} jobs"));
    }
    report.wrong.extend(services::unfinished(&ledgers).into_iter().map(|job| format!("not finished: {job}")));
    let chats = services.chats.ledger();
    let asked = jobs.iter().filter(|job| job.kind != "comfyui").map(|job| job.attempt as usize).sum::<usize>();
    let (sent, taken) = (chats.requests_to("/v1/chat/completions"), chats.jobs.len());
    let wanted = jobs.iter().filter(|job| job.kind != "comfyui").count();
    if sent > asked || taken > wanted {
        report.wrong.push(format!("{sent} requests and {taken} chats for {asked} attempts at {wanted} jobs"));
    }
}

/// What is wrong with a job whose service can be asked about it: nothing but `done` is an honest end, as the service was
/// never restarted.
fn of_picture(job: &JobView, ledgers: &[mdd_sim::Ledger], pictures: &mut BTreeMap<String, String>) -> Option<String> {
    if job.state != JobState::Done {
        return Some("it is not done".to_owned());
    }
    let Some(remote_id) = &job.remote_id else { return Some("it has no id at the service".to_owned()) };
    match services::runs(ledgers, remote_id) {
        1 => {}
        runs => return Some(format!("it was run {runs} times")),
    }
    let [result] = job.results.as_slice() else { return Some("it has not one result".to_owned()) };
    let whole = complete(result, Path::new(&job.folder));
    if whole.is_some() {
        return whole;
    }
    // Each has a colour of its own, so that no two pictures are the same.
    let same = pictures.insert(result.sha256.clone(), job.id.clone())?;
    Some(format!("it has the picture of {same}"))
}

fn complete(result: &ResultFile, folder: &Path) -> Option<String> {
    let bytes = match fs::read(&result.path) {
        Ok(bytes) => bytes,
        Err(error) => return Some(format!("{}: {error}", result.path)),
    };
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let is_whole = bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.ends_with(b"IEND\xaeB`\x82");
    if bytes.len() as u64 != result.bytes || sha256 != result.sha256 || !is_whole {
        return Some(format!("{} is not what was saved", result.path));
    }
    let names = fs::read_dir(folder.join("results")).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    (names.len() != 1).then(|| format!("there is something else beside the result: {names:?}"))
}

/// A chat cannot be looked for: whoever lets go of it does not know what became of it, or has a part of it.
fn of_chat(job: &JobView) -> Option<String> {
    match job.state {
        JobState::Done if job.text.as_deref() == Some("Hello from the mock model.") => None,
        JobState::Done => Some("its text is not whole".to_owned()),
        JobState::Unknown | JobState::Failed if job.reason.is_some() => None,
        _ => Some("that is no honest end".to_owned()),
    }
}
