//! Calls of one session, one after the other: the queue lives in the session, so every call of a job is made in the same.

use mdd_driver_api::{DriverError, Effect, ErrorKind, Host, Result, race};
use mdd_gradio::{
    app::App,
    config::{Config, Function},
    course::{Course, Ending, Step},
    input::Input,
    line::Line,
    message::{Log, Said},
    session::Session,
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// For a function that only looks or writes something down. A page of Wan2GP is large, and so is its event loop's work.
const PATIENCE: Duration = Duration::from_secs(60);
/// Until the server closes a stream on which nothing is left.
const CLOSING: Duration = Duration::from_secs(3);

/// A session of the app.
pub(super) struct Talk<'a> {
    pub(super) app: &'a App,
    pub(super) config: Arc<Config>,
    pub(super) session: Session<'a>,
}

/// What came of a short call.
pub(super) struct Answer {
    pub(super) ending: Ending,
    pub(super) logs: Vec<Log>,
}

impl<'a> Talk<'a> {
    pub(super) fn new(app: &'a App, config: Arc<Config>, hash: &str) -> Result<Self> {
        let session = Session::new(app, config.clone(), hash)?;
        Ok(Self { app, config, session })
    }

    pub(super) fn function(&self, name: &str) -> Result<Function> {
        self.app.function(&self.config, name).cloned()
    }

    /// As many inputs as the function takes, all of them states, which the server fills in.
    pub(super) fn states(function: &Function) -> Vec<Input> {
        function.inputs.iter().map(|_| Input::Value(Value::Null)).collect()
    }

    /// Calls a function and waits for its end.
    pub(super) async fn call(&self, name: &str, data: Option<Vec<Input>>, trigger: Option<u64>) -> Result<Answer> {
        let function = self.function(name)?;
        let data = data.unwrap_or_else(|| Self::states(&function));
        self.app.host().timeout(PATIENCE, self.through(&function, &data, trigger)).await
    }

    async fn through(&self, function: &Function, data: &[Input], trigger: Option<u64>) -> Result<Answer> {
        let event = self.session.join(function.index, data, trigger).await?;
        let mut line = self.session.listen().await?;
        let (course, mut logs) = (Course::of(&event), Vec::new());
        loop {
            let Some(message) = line.next().await? else {
                return Err(DriverError::new(ErrorKind::TRANSPORT, "the stream ended before the call did"));
            };
            match course.take(message) {
                Some(Step::Over(ending)) => {
                    drain(self.app.host(), line).await;
                    return Ok(Answer { ending, logs });
                }
                Some(Step::Log(log)) => logs.push(log),
                Some(Step::Wanted | Step::Queued { .. } | Step::Started | Step::Progress(_)) | None => {}
            }
        }
    }
}

/// Reads to the end of a stream on which no call is left, so that the next one of the session finds nothing old.
pub(super) async fn drain(host: &Host, mut line: Line) {
    let closing = async {
        while let Ok(Some(message)) = line.next().await
            && message.said != Said::CloseStream
        {}
    };
    race(closing, host.sleep(CLOSING)).await;
}

/// A failure after something was sent says nothing of it.
pub(super) fn says_nothing(mut error: DriverError) -> DriverError {
    error.effect = Effect::UNKNOWN;
    if !matches!(error.kind, ErrorKind::TIMEOUT | ErrorKind::AUTH | ErrorKind::HOST) {
        error.kind = ErrorKind::TRANSPORT;
    }
    error
}
