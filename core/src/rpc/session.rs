//! One client.

use super::{
    BackendAddition, BackendChoice, BackendMove, BackendTest, BackendTested, ConfigChange, ConfigChoice, DriverAnswer,
    DriverChoice, Drivers, ErrorCode, FolderAnswer, HandOver, HandOverAnswer, Hello, HelloAnswer, JobChoice, JobList,
    Kinds, Line, LineReader, MAX_LINE, Message, MetricsAnswer, Nothing, PROTOCOL, ProjectChoice, ProjectConsent,
    ProjectOpened, ProjectOpening, RpcError,
    server::Serving,
    service::{self, Service},
    wire::notification_line,
};
use crate::{
    ChangeError, Host, Offline,
    config::{ConfigView, FileError},
    events::{JobView, Snapshot, Subscription, Update},
    health::HealthView,
    jobs::{JobError, Jobs, Submission, SubmitError},
    metrics::Format,
    plugins::Meant,
};
use mdd_driver_api::text::printable;
use serde_json::{Value, json};
use std::{collections::BTreeMap, io, sync::Arc};
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt as _};

/// Changes that are sent as one line at the most: a line is what a client that does not read costs.
const CHANGES_IN_A_LINE: usize = 16;

/// Serves a client until it goes away. There is no queue: while a client does not read, nothing more is read from it and
/// its changes are kept by the bus, once for all.
pub(super) async fn run(
    serving: Arc<Serving>,
    reader: impl AsyncBufRead + Unpin,
    writer: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut session = Session { serving, writer, greeted: false, subscription: None, offline: None };
    let mut lines = LineReader::new(reader, MAX_LINE);
    loop {
        tokio::select! {
            line = lines.next() => match line? {
                Some(line) => session.take(line).await?,
                None => return Ok(()),
            },
            update = next(&mut session.subscription) => session.update(update).await?,
        }
    }
}

async fn next(subscription: &mut Option<Subscription>) -> Update {
    match subscription {
        Some(subscription) => subscription.next().await,
        None => std::future::pending().await,
    }
}

pub(super) struct Session<W> {
    pub(super) serving: Arc<Serving>,
    writer: W,
    greeted: bool,
    subscription: Option<Subscription>,
    /// While the client may not reach other machines.
    offline: Option<Offline>,
}

impl<W: AsyncWrite + Unpin> Session<W> {
    /// One that need not greet.
    pub(super) fn trusted(serving: Arc<Serving>, writer: W) -> Self {
        Self { serving, writer, greeted: true, subscription: None, offline: None }
    }

    async fn take(&mut self, line: Line) -> io::Result<()> {
        let message = match line {
            Line::Whole(line) => Message::parse(&line),
            Line::TooLong => Err(RpcError::new(ErrorCode::Parse, format!("the line is longer than {MAX_LINE} bytes"))),
        };
        match message {
            Ok(Message::Request { id, method, params }) => {
                let outcome = self.call(&method, params).await;
                match id {
                    Some(id) => self.answer(Message::Response { id, outcome }).await,
                    None => Ok(()),
                }
            }
            // The host asks clients nothing.
            Ok(Message::Response { .. }) => Ok(()),
            Err(error) => self.answer(Message::Response { id: Value::Null, outcome: Err(error) }).await,
        }
    }

    pub(super) async fn call(&mut self, method: &str, params: Value) -> Result<Value, RpcError> {
        if !self.greeted && method != "hello" {
            return Err(RpcError::new(ErrorCode::HelloFirst, "the first request must be `hello`"));
        }
        service::call(self, method, params).await
    }

    /// Decides on a driver that a client has named.
    fn decide(
        &self,
        choice: DriverChoice,
        meant: Meant,
        decide: impl FnOnce(&Host, &str, &str) -> io::Result<()>,
    ) -> Result<DriverAnswer, RpcError> {
        let invalid = |text: String| RpcError::new(ErrorCode::InvalidParams, text);
        let mut names = [choice.file, choice.sha256, choice.kind].into_iter().flatten();
        let (Some(named), None) = (names.next(), names.next()) else {
            return Err(invalid("it takes `file`, `sha256` or `kind`".to_owned()));
        };
        let host = &self.serving.host;
        let sha256 = host.hash_of_driver(&named, meant).map_err(|text| RpcError::new(ErrorCode::NotFound, text))?;
        let reason = choice.reason.as_deref().unwrap_or("by the user");
        match decide(host, &sha256, &printable(reason, 200)) {
            Ok(()) => Ok(DriverAnswer { sha256 }),
            Err(error) => Err(RpcError::new(ErrorCode::Internal, error.to_string())),
        }
    }

    fn jobs(&self) -> &Jobs {
        self.serving.host.jobs()
    }

    /// Right after its start a host does not know yet which jobs it has.
    async fn restored(&self) -> Result<(), RpcError> {
        self.jobs().restored().await.map_err(|error| refused(&error, error.code()))
    }

    async fn update(&mut self, update: Update) -> io::Result<()> {
        match update {
            Update::Changes { summary, changes } if changes.len() > CHANGES_IN_A_LINE => {
                for part in changes.chunks(CHANGES_IN_A_LINE) {
                    self.notify(&Update::Changes { summary: summary.clone(), changes: part.to_vec() }).await?;
                }
                Ok(())
            }
            update => self.notify(&update).await,
        }
    }

    async fn answer(&mut self, answer: Message) -> io::Result<()> {
        let line = answer.line();
        // Only the line is kept for a client that does not read.
        drop(answer);
        self.write(&line).await
    }

    async fn notify(&mut self, update: &Update) -> io::Result<()> {
        self.write(&notification_line("update", update)).await
    }

    async fn write(&mut self, line: &[u8]) -> io::Result<()> {
        self.writer.write_all(line).await?;
        self.writer.flush().await
    }
}

impl<W: AsyncWrite + Unpin> Service for Session<W> {
    async fn hello(&mut self, hello: Hello) -> Result<HelloAnswer, RpcError> {
        if hello.protocol != PROTOCOL {
            let older = if hello.protocol < PROTOCOL { "client" } else { "host" };
            let text = format!(
                "the client ({}) speaks protocol {}, the host ({}) protocol {PROTOCOL}: update the {older}",
                shown(&hello.version),
                hello.protocol,
                env!("CARGO_PKG_VERSION"),
            );
            return Err(RpcError::new(ErrorCode::ProtocolMismatch, text));
        }
        tracing::debug!(client = shown(&hello.client), version = shown(&hello.version), "hello");
        self.greeted = true;
        self.offline = (hello.online == Some(false)).then(|| self.serving.host.offline());
        Ok(HelloAnswer {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started: self.serving.host.started(),
            environment_differs: self.serving.host.environment_differs(hello.environment.as_ref()),
            environment: match hello.environment {
                Some(_) => self.serving.host.environment_of_others(),
                None => BTreeMap::new(),
            },
        })
    }

    async fn ping(&mut self, _: Nothing) -> Result<Nothing, RpcError> {
        Ok(Nothing {})
    }

    async fn snapshot(&mut self, _: Nothing) -> Result<Snapshot, RpcError> {
        Ok(self.serving.host.snapshot())
    }

    async fn subscribe(&mut self, _: Nothing) -> Result<Nothing, RpcError> {
        self.subscription = Some(self.serving.host.subscribe());
        Ok(Nothing {})
    }

    async fn unsubscribe(&mut self, _: Nothing) -> Result<Nothing, RpcError> {
        self.subscription = None;
        Ok(Nothing {})
    }

    async fn refresh_backends(&mut self, _: Nothing) -> Result<Nothing, RpcError> {
        self.serving.host.refresh();
        Ok(Nothing {})
    }

    async fn try_backend(&mut self, choice: BackendChoice) -> Result<Nothing, RpcError> {
        done(self.serving.host.try_now(&choice.backend))
    }

    async fn backend_health(&mut self, choice: BackendChoice) -> Result<HealthView, RpcError> {
        self.serving.host.health(&choice.backend).map_err(|error| unchanged(&error))
    }

    async fn add_backend(&mut self, addition: BackendAddition) -> Result<Nothing, RpcError> {
        done(self.serving.host.add_backend(&addition.kind, &addition.url))
    }

    async fn move_backend(&mut self, to: BackendMove) -> Result<Nothing, RpcError> {
        done(self.serving.host.move_backend(&to.backend, &to.url))
    }

    async fn remove_backend(&mut self, choice: BackendChoice) -> Result<Nothing, RpcError> {
        done(self.serving.host.remove_backend(&choice.backend))
    }

    async fn enable_backend(&mut self, choice: BackendChoice) -> Result<Nothing, RpcError> {
        done(self.serving.host.switch_backend(&choice.backend, true))
    }

    async fn disable_backend(&mut self, choice: BackendChoice) -> Result<Nothing, RpcError> {
        done(self.serving.host.switch_backend(&choice.backend, false))
    }

    async fn default_backend(&mut self, choice: BackendChoice) -> Result<Nothing, RpcError> {
        done(self.serving.host.default_backend(&choice.backend))
    }

    async fn accept_backend(&mut self, choice: BackendChoice) -> Result<Nothing, RpcError> {
        done(self.serving.host.accept_backend(&choice.backend))
    }

    async fn test_backend(&mut self, test: BackendTest) -> Result<BackendTested, RpcError> {
        self.serving.host.test_backend(test.kind.as_deref(), &test.url).await.map_err(|error| unchanged(&error))
    }

    async fn show_config(&mut self, choice: ConfigChoice) -> Result<ConfigView, RpcError> {
        Ok(self.serving.host.config(choice.project.as_deref()))
    }

    async fn set_config(&mut self, change: ConfigChange) -> Result<ConfigView, RpcError> {
        self.serving.host.set_config(&change.key, &change.value).map_err(|error| unchanged(&error))
    }

    async fn open_project(&mut self, opening: ProjectOpening) -> Result<ProjectOpened, RpcError> {
        let opened = self.serving.host.open_project(&opening.project, &opening.backends, opening.remembered);
        opened.map_err(|error| unchanged(&error))
    }

    async fn close_project(&mut self, choice: ProjectChoice) -> Result<Nothing, RpcError> {
        self.serving.host.close_project(&choice.project);
        Ok(Nothing {})
    }

    async fn accept_project(&mut self, consent: ProjectConsent) -> Result<Nothing, RpcError> {
        done(self.serving.host.accept_project(&consent.project, &consent.backend))
    }

    async fn describe_drivers(&mut self, _: Nothing) -> Result<Kinds, RpcError> {
        Ok(self.serving.host.kinds())
    }

    async fn list_drivers(&mut self, _: Nothing) -> Result<Drivers, RpcError> {
        Ok(self.serving.host.drivers())
    }

    async fn trust_driver(&mut self, choice: DriverChoice) -> Result<DriverAnswer, RpcError> {
        self.decide(choice, Meant::Refused, |host, sha256, _| host.trust_driver(sha256))
    }

    async fn quarantine_driver(&mut self, choice: DriverChoice) -> Result<DriverAnswer, RpcError> {
        self.decide(choice, Meant::InUse, |host, sha256, reason| host.quarantine_driver(sha256, reason))
    }

    async fn forget_driver(&mut self, choice: DriverChoice) -> Result<DriverAnswer, RpcError> {
        self.decide(choice, Meant::InUse, |host, sha256, _| host.forget_driver(sha256))
    }

    async fn diagnostics(&mut self, _: Nothing) -> Result<Value, RpcError> {
        Ok(self.serving.host.diagnostics())
    }

    async fn metrics(&mut self, _: Nothing) -> Result<MetricsAnswer, RpcError> {
        Ok(MetricsAnswer { text: self.serving.host.metrics(Format::OpenMetrics) })
    }

    async fn submit_job(&mut self, submission: Submission) -> Result<JobView, RpcError> {
        if self.serving.is_handing_over() {
            return Err(RpcError::new(ErrorCode::Draining, "this host takes no more jobs: another version takes over"));
        }
        self.jobs().submit(submission).await.map_err(|error| {
            let mut refusal = refused(&error, error.code());
            if let (SubmitError::MissingFile(name), Some(data)) = (&error, &mut refusal.data) {
                data["file"] = printable(name, 200).into();
            }
            refusal
        })
    }

    async fn list_jobs(&mut self, _: Nothing) -> Result<JobList, RpcError> {
        self.restored().await?;
        Ok(JobList { jobs: self.jobs().list() })
    }

    async fn show_job(&mut self, choice: JobChoice) -> Result<JobView, RpcError> {
        self.restored().await?;
        self.jobs().show(&choice.job).ok_or_else(|| {
            let unknown = JobError::Unknown(choice.job);
            refused(&unknown, unknown.code())
        })
    }

    async fn open_job_folder(&mut self, choice: JobChoice) -> Result<FolderAnswer, RpcError> {
        let folder = self.show_job(choice).await?.folder;
        match tokio::fs::metadata(&folder).await {
            Ok(found) if found.is_dir() => Ok(FolderAnswer { folder }),
            Ok(_) | Err(_) => Err(not_found("folder", &folder)),
        }
    }

    async fn cancel_job(&mut self, choice: JobChoice) -> Result<JobView, RpcError> {
        let view = self.show_job(choice).await?;
        let (jobs, id) = (self.jobs().clone(), view.id.clone());
        // Its end may take as long as the service likes; the client sees it as a change.
        tokio::spawn(async move { jobs.cancel(&id).await });
        Ok(view)
    }

    async fn retry_job(&mut self, choice: JobChoice) -> Result<JobView, RpcError> {
        self.jobs().retry(&choice.job).await.map_err(|error| refused(&error, error.code()))
    }

    async fn resubmit_job(&mut self, choice: JobChoice) -> Result<JobView, RpcError> {
        self.jobs().resubmit(&choice.job).await.map_err(|error| refused(&error, error.code()))
    }

    async fn discard_job(&mut self, choice: JobChoice) -> Result<Nothing, RpcError> {
        let discarded = self.jobs().discard(&choice.job, false).await;
        discarded.map(|()| Nothing {}).map_err(|error| refused(&error, error.code()))
    }

    async fn stop_host(&mut self, _: Nothing) -> Result<Nothing, RpcError> {
        self.serving.stop();
        Ok(Nothing {})
    }

    async fn dismiss_host(&mut self, _: Nothing) -> Result<Nothing, RpcError> {
        self.serving.dismiss();
        Ok(Nothing {})
    }

    async fn hand_over_host(&mut self, by: HandOver) -> Result<HandOverAnswer, RpcError> {
        tracing::info!(version = shown(&by.version), "another version asks to take over");
        Ok(HandOverAnswer { open_jobs: self.serving.hand_over() })
    }
}

/// A refusal of the jobs room, with its own code for programs.
fn refused(error: &dyn std::error::Error, code: &str) -> RpcError {
    let number = if code == "unknown-job" { ErrorCode::NotFound } else { ErrorCode::Refused };
    RpcError { data: Some(json!({ "code": code })), ..RpcError::new(number, error.to_string()) }
}

fn done(change: Result<(), ChangeError>) -> Result<Nothing, RpcError> {
    change.map(|()| Nothing {}).map_err(|error| unchanged(&error))
}

/// Why the settings are as they were.
fn unchanged(error: &ChangeError) -> RpcError {
    let code = match error {
        ChangeError::NotFound(_) => ErrorCode::NotFound,
        ChangeError::Invalid(_) => ErrorCode::InvalidParams,
        ChangeError::Refused(_) | ChangeError::File(_) => ErrorCode::Refused,
    };
    let data = match error {
        ChangeError::File(FileError::Broken { place, .. }) => {
            Some(json!({ "code": "settings-broken", "place": place }))
        }
        ChangeError::File(FileError::Io { .. }) => Some(json!({ "code": "no-file" })),
        ChangeError::File(FileError::None)
        | ChangeError::NotFound(_)
        | ChangeError::Invalid(_)
        | ChangeError::Refused(_) => None,
    };
    RpcError { data, ..RpcError::new(code, error.to_string()) }
}

fn not_found(what: &str, id: &str) -> RpcError {
    RpcError::new(ErrorCode::NotFound, format!("there is no {what} {}", shown(id)))
}

fn shown(text: &str) -> String {
    format!("{:?}", printable(text, 80))
}
