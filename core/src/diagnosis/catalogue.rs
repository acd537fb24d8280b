//! What the host's own codes mean. `{title}` is the service's name, `{key}` what opens it.

pub(super) struct Entry {
    pub(super) meaning: &'static str,
    /// Action and label.
    pub(super) remedies: &'static [(&'static str, &'static str)],
}

const RETRY: (&str, &str) = ("retry", "Try now");
const START: (&str, &str) = ("start-hint", "How to start it");
const SET_URL: (&str, &str) = ("set-url", "Set its address");
const ACCEPT: (&str, &str) = ("accept", "Use it");
const SET_KEY: (&str, &str) = ("set-key", "Set the key");
const RESTART: (&str, &str) = ("restart-service", "Restart the service");
const REPORT: (&str, &str) = ("copy-details", "Copy the details for a report");
const UPDATE: (&str, &str) = ("update", "Update the service or its driver");
const CHECK_AGAIN: (&str, &str) = ("retry", "Check again");
const SEND_AGAIN: (&str, &str) = ("resubmit", "Send it again");
const DISCARD: (&str, &str) = ("discard", "Discard it");
const STATE: (&str, &str) = ("choose-folder", "Name another folder with --state-dir, or correct its rights");
const CLOSE: (&str, &str) = ("close-folder", "Take the rights of others away: chmod 700");
const STOP: (&str, &str) = ("stop-host", "End it with `mdd-host stop`, and go on");
const EDIT: (&str, &str) = ("edit-settings", "Correct the settings");
const MEND: (&str, &str) = ("mend-driver", "Replace the file");
const INSTALL: (&str, &str) = ("install-driver", "Put the driver into the plugins folder");

pub(super) fn entry(code: &str) -> Entry {
    let (meaning, remedies): (_, &'static [_]) = match code {
        "not-running" => ("{title} is not running on this machine, or it listens on another port.", &[START, SET_URL]),
        "connection-refused" => ("{title} is not running there, or it is still starting.", &[START, SET_URL, RETRY]),
        "name-not-found" => ("The host name in the address is not known.", &[SET_URL, RETRY]),
        "unreachable" => ("The network knows no way to that address.", &[SET_URL, RETRY]),
        "connection-reset" | "closed-without-answer" => (
            "Something accepts connections there and drops them: {title} is starting, stopping or overloaded.",
            &[RETRY, RESTART],
        ),
        "connection-failed" => ("The connection to {title} failed.", &[RETRY, SET_URL]),
        "connect-timeout" => ("The machine at that address does not answer.", &[SET_URL, RETRY]),
        "no-answer" | "stalled" | "took-too-long" => {
            ("The port is open, but {title} does not answer: it is very busy, suspended or stuck.", &[RETRY, RESTART])
        }
        "tls-failed" => ("The secure connection could not be made: http and https may be mixed up.", &[SET_URL]),
        "not-http" | "head-too-large" => ("What listens there does not speak HTTP, so it is not {title}.", &[SET_URL]),
        "answer-cut-short" | "broken-answer" => ("The connection broke in the middle of an answer.", &[RETRY, RESTART]),
        "answer-too-large" | "message-too-large" => {
            ("The answer is larger than {title} ever sends.", &[SET_URL, REPORT])
        }
        "encoded-answer" => ("The answer is compressed although nobody asked for it.", &[SET_URL, REPORT]),
        "unexpected-answer" => ("What answers there does not behave as {title} does.", &[SET_URL, UPDATE, REPORT]),
        "request-rejected" => ("{title} refused the question.", &[UPDATE, REPORT]),
        "service-busy" => ("{title} says that it is too busy.", &[RETRY]),
        "wrong-service" => ("Another program uses that port, so this is not {title}.", &[SET_URL, START]),
        "needs-your-word" => (
            "A {title} was found where only you can say that it is yours: on another machine, or run by another user.",
            &[ACCEPT],
        ),
        "needs-key" => ("{title} wants {key} before it works with us.", &[SET_KEY, SET_URL, RETRY]),
        "key-refused" => ("{title} does not accept the key that is set here.", &[SET_KEY, RETRY]),
        "bad-setting" => ("A setting of this backend cannot work.", &[SET_URL]),
        "unsupported-version" => ("This version of {title} is not supported.", &[UPDATE]),
        "no-live-updates" | "upgrade-refused" | "not-websocket" | "broken-frame" | "control-flood"
        | "connection-lost" | "socket-closed" | "reader-too-slow" => {
            ("Live updates are not available; the status is asked for every two seconds instead.", &[RETRY, RESTART])
        }
        "stopped-answering" => ("{title} was connected and has stopped answering.", &[RETRY, RESTART]),
        "process-exited" => ("{title} was running and is not any more.", &[START, SET_URL, RETRY]),
        "suspended" => ("{title} is stopped, and goes on when whoever stopped it continues it.", &[RESTART]),
        "busy-silent" => ("{title} works so hard that it answers nobody; that is usual while it loads a model.", &[]),
        "starting" => ("{title} has opened its port and is not ready yet.", &[RETRY]),
        "driver-panicked" => ("The driver for {title} failed and is being started again.", &[REPORT]),
        "driver-stuck" => {
            ("The driver for {title} blocks a thread of all drivers and is being started again.", &[REPORT])
        }
        "driver-memory" => ("The driver for {title} holds more memory than any driver needs.", &[REPORT]),
        "host-fault" => ("mdd-host itself failed at this.", &[REPORT]),
        "missing-secret" => ("The key or the login that this needs is not set.", &[SET_KEY]),
        "file-unreadable" => ("A file of the job cannot be read any more.", &[RETRY, REPORT]),
        "instance-closed" => ("The connection to {title} is being ended.", &[RETRY]),
        "outgoing-too-large" => ("The request is larger than {title} takes.", &[REPORT]),
        "blocked-by-policy" | "unknown-segment" => {
            ("The rules of mdd-host forbid this address or request.", &[SET_URL, REPORT])
        }
        "no-driver" => {
            ("No driver for this kind of service is in use; `mdd-host drivers list` shows what was found.", &[INSTALL])
        }
        "waiting-for-backend" => ("The job goes as soon as {title} is connected.", &[START]),
        "waiting-for-slot" => ("{title} takes only so many jobs at once; this one goes when it is its turn.", &[]),
        "job-failed" => ("{title} tried and could not do it.", &[SEND_AGAIN, DISCARD]),
        "job-cancelled" => ("Somebody else has cancelled the job.", &[SEND_AGAIN, DISCARD]),
        "job-lost" => {
            ("{title} had the job and has it no more, so it will not come back.", &[SEND_AGAIN, CHECK_AGAIN, DISCARD])
        }
        "job-unknown" | "cancel-unconfirmed" => {
            ("{title} may still work on the job, or may have finished it.", &[CHECK_AGAIN, SEND_AGAIN, DISCARD])
        }
        "job-held" => ("The job is not tried again by itself: it may be what causes this.", &[CHECK_AGAIN, DISCARD]),
        "disk-full" => ("There is not enough room for the result; the job goes on when there is.", &[RETRY]),
        "journal-set-aside" => (
            "The list of jobs was damaged, so a new one was begun. Services go on with what they have, and results \
             stay in their folders.",
            &[REPORT],
        ),
        "store-degraded" => ("What happens to jobs cannot be written down, so nothing new is begun.", &[REPORT]),
        "state-folder-unusable" => (
            "mdd-host keeps its lock, its socket and its jobs in the state folder, and cannot work without it.",
            &[STATE],
        ),
        "state-folder-open" => ("Others could read what you generate and which services you use.", &[CLOSE]),
        "other-version-runs" => {
            ("A host of another version runs, and hands over as soon as a program of this version needs one.", &[STOP])
        }
        "environment-differs" => (
            "mdd-host goes on with the variables that it was started with; changes made since then do not count.",
            &[STOP],
        ),
        "settings-mistake" => {
            ("Something in the settings cannot be used; what can be read of the rest counts.", &[EDIT])
        }
        "driver-refused" => ("A file in the plugins folders is not used as a driver.", &[MEND]),
        "sockets-unseen" => {
            ("Services are found at their default ports and where they are named, and not at other ports.", &[SET_URL])
        }
        _ => ("{title} could not be reached as expected.", &[RETRY, REPORT]),
    };
    Entry { meaning, remedies }
}
