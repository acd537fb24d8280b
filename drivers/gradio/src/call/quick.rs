//! Calls beside jobs: small ones that are waited for, whose end is all that counts.

use crate::{
    app::App,
    call::Call,
    config::{Config, Function},
    course::{Ending, Step},
    input::Input,
    session::fresh_hash,
};
use mdd_driver_api::{DriverError, ErrorKind, Request, Result, abi::Segment};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// For a function that only looks.
const PATIENCE: Duration = Duration::from_secs(15);
/// What it lists may be long.
const LONGEST: u64 = 4 << 20;

impl App {
    /// Calls a function through the queue and waits for its end. Dropping it lets the function go on.
    ///
    /// # Errors
    /// Those of the network.
    pub async fn call(&self, config: &Arc<Config>, function: &Function, data: &[Input]) -> Result<Ending> {
        let mut call = Call::open(self, config.clone(), function, &fresh_hash(self)).await?;
        loop {
            match call.next().await? {
                Step::Wanted => call.send(data).await?,
                Step::Over(ending) => return Ok(ending),
                Step::Queued { .. } | Step::Started | Step::Progress(_) | Step::Log(_) => {}
            }
        }
    }

    /// Calls a cheap function without the queue, by its name.
    ///
    /// # Errors
    /// Those of the network; `REJECTED` for a function that failed.
    pub async fn ask_directly(&self, config: &Config, api_name: &str, data: &[Value]) -> Result<Vec<Value>> {
        let target = config.path(&format!("/api/{api_name}"));
        let body = json!({ "data": data }).to_string();
        let request = || {
            let request = Request::post(&target).header("content-type", "application/json");
            let body = vec![Segment::bytes(body.clone())];
            request.body(body).head_within(PATIENCE).total_within(PATIENCE).max_bytes(LONGEST)
        };
        let answer = self.send(request).await?.success()?;
        let mut body: Value = answer.json()?;
        // An index that is to be changed panics in a list.
        match body.get_mut("data").map(Value::take) {
            Some(Value::Array(values)) => Ok(values),
            _ => {
                let text = format!("it answered {} to /api/{api_name}", answer.in_words());
                Err(DriverError::new(ErrorKind::PROTOCOL, text))
            }
        }
    }
}
