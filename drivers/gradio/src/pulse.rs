//! Whether an app lives, whether it was restarted, and how much waits: two small questions that cost it nothing.

use crate::{
    app::App,
    config::Config,
    loose::{Loose, maybe, objects},
};
use mdd_driver_api::{
    DriverError, ErrorKind, Request, Response, Result,
    model::{Queue, Sample},
};
use serde::Deserialize;
use serde_json::Value;

/// The answer of `queue/status`, whose other fields differ between generations.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    #[serde(deserialize_with = "maybe")]
    queue_size: Option<f64>,
}

objects!(Status);

impl App {
    /// The cheapest proof of life. An app that is silent while it works for us lives.
    ///
    /// # Errors
    /// Those of the network; `AUTH` for a closed door; `PROTOCOL` where another service answers.
    pub async fn check(&self) -> Result<Sample> {
        match self.examine().await {
            Err(error) if error.kind == ErrorKind::TIMEOUT && self.working() > 0 => Ok(self.sample(None)),
            result => result,
        }
    }

    async fn examine(&self) -> Result<Sample> {
        let config = self.config().await?;
        match self.boot(&config).await? {
            Some(boot) => self.notice(boot).await?,
            // It has no id: the answer to the next question is the proof.
            None => return Ok(self.sample(self.waiting(&config).await?)),
        }
        let pending = self.waiting(&config).await;
        match pending {
            Ok(pending) => Ok(self.sample(pending)),
            Err(error) if error.kind == ErrorKind::AUTH => Err(error),
            // It lives, and that is what was asked.
            Err(_) => Ok(self.sample(None)),
        }
    }

    /// Whether it still runs since that start, which the host knows. A call that another start gets would be taken for
    /// lost as soon as that is seen, though it runs.
    pub(crate) async fn is_same_start(&self, config: &Config, start: Option<&str>) -> Result<bool> {
        if !config.takes_uploads {
            return Ok(true);
        }
        let now = self.boot(config).await?;
        Ok(start.zip(now.as_deref()).is_none_or(|(then, now)| then == now))
    }

    /// What tells this start of the app from the next. Gradio 3.14 answers this question with an error, so it is asked
    /// only whether it lives.
    async fn boot(&self, config: &Config) -> Result<Option<String>> {
        if !config.takes_uploads {
            self.host().send(Request::head("/")).await?.success()?;
            return Ok(None);
        }
        let answer = self.host().get(&config.path("/app_id")).await?.success()?;
        let body: Option<Value> = answer.json().ok();
        let boot = body.as_ref().and_then(|body| match &body["app_id"] {
            Value::Number(id) => Some(id.to_string()),
            Value::String(id) => Some(id.clone()),
            _ => None,
        });
        boot.map(Some).ok_or_else(|| self.odd(&answer))
    }

    /// After a restart its functions may have other numbers, and it may be another app.
    async fn notice(&self, boot: String) -> Result<()> {
        let before = self.memory().boot.replace(boot.clone());
        if before.is_some_and(|before| before != boot) {
            self.ask().await?;
            self.memory().boot = Some(boot);
        }
        Ok(())
    }

    /// How many calls wait; those that run are not told.
    async fn waiting(&self, config: &Config) -> Result<Option<u32>> {
        let answer = self.send(|| Request::get(&config.path("/queue/status"))).await?.success()?;
        let status: Loose<Status> = answer.json().map_err(|_| self.odd(&answer))?;
        let waiting = status.0.and_then(|status| status.queue_size).map(|size| size as u32);
        waiting.map(Some).ok_or_else(|| self.odd(&answer))
    }

    fn odd(&self, answer: &Response) -> DriverError {
        let text = format!("it answered {}, as no Gradio app does", answer.in_words());
        DriverError::new(ErrorKind::PROTOCOL, text).with_status(answer.status)
    }

    fn sample(&self, pending: Option<u32>) -> Sample {
        let running = self.working();
        let mut sample = Sample::default();
        sample.queue = (pending.is_some() || running > 0).then_some(Queue { running, pending });
        sample.boot.clone_from(&self.memory().boot);
        sample
    }
}
