//! `POST /prompt`: checking a submission and putting it into the queue.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{
    Release,
    errors::{crash, error, rejected},
    process::{Process, now_ms},
    queue::{Incomparable, Item, remove_secrets},
    validation::{self, Verdict},
};
use crate::{
    fault::Fault,
    json::{Json, object},
    service::Reply,
    uuid,
};

/// A submission that was found good.
struct Accepted {
    item: Item,
    reply: Reply,
}

/// Answers a submission whose body is JSON.
pub(super) async fn answer(process: &Arc<Process>, body: Json, fault: Option<Fault>) -> Reply {
    let accepted = match check(process, body) {
        Ok(accepted) => accepted,
        Err(reply) => return reply,
    };
    match fault {
        Some(Fault::LateJob(delay)) => {
            put_later(process, accepted.item, delay);
            return accepted.reply;
        }
        Some(Fault::SlowJob(delay)) => sleep(delay).await,
        _ => {}
    }
    match put(process, accepted.item) {
        Ok(()) => accepted.reply,
        Err(Incomparable) => crash(),
    }
}

/// Puts a job into the queue after a while, unless the process has ended by then.
fn put_later(process: &Arc<Process>, item: Item, delay: Duration) {
    let process = Arc::downgrade(process);
    tokio::spawn(async move {
        sleep(delay).await;
        if let Some(process) = process.upgrade() {
            // The acknowledgement is long gone; a job that cannot be ordered is queued anyway.
            let _ = put(&process, item);
        }
    });
}

fn put(process: &Process, mut item: Item) -> Result<(), Incomparable> {
    item.number = process.book.job_accepted(&item.prompt_id, item.client_id());
    process.queue.put(item)
}

fn check(process: &Process, mut body: Json) -> Result<Accepted, Reply> {
    match &body {
        Json::Object(_) | Json::List(_) => {}
        // `in` looks for parts of a text, and finding one is what raises.
        Json::String(text) if !text.contains("number") && !text.contains("prompt") => {}
        _ => return Err(crash()),
    }
    let priority = priority(process, &body)?;
    let Some(mut prompt) = body.remove("prompt") else {
        let text = "No prompt provided";
        return Err(rejected(error("no_prompt", text, text, object! {}), object! {}));
    };
    let prompt_id = prompt_id(process.release, body.get("prompt_id"))?;
    let targets = body.get("partial_execution_targets");
    let verdict = validation::validate(process, &mut prompt, targets);
    let extra_data = extra_data(process.release, &mut body)?;
    let (outputs, node_errors) = match verdict {
        Verdict::Good { outputs, node_errors } => (outputs, node_errors),
        Verdict::Bad { error, node_errors } => return Err(rejected(error, node_errors)),
        Verdict::Crash => return Err(crash()),
    };
    let reply = object! { "prompt_id" => &prompt_id, "number" => &priority, "node_errors" => node_errors };
    let item = Item { priority, prompt_id, prompt, extra_data, outputs, number: 0 };
    Ok(Accepted { item, reply: Reply::python_json(200, &reply) })
}

/// The client's own `number` becomes a float; otherwise jobs are counted, even those refused later.
fn priority(process: &Process, body: &Json) -> Result<Json, Reply> {
    match body.get("number") {
        Some(Json::String(text)) => text.trim().parse().map(Json::Float).map_err(|_| crash()),
        Some(Json::Bool(value)) => Ok(Json::Float(f64::from(u8::from(*value)))),
        Some(number) => number.as_f64().map(Json::Float).ok_or_else(crash),
        None => {
            let number = process.next_number();
            let is_front = body.get("front").is_some_and(Json::is_truthy);
            Ok(Json::from(if is_front { -number } else { number }))
        }
    }
}

fn prompt_id(release: Release, wanted: Option<&Json>) -> Result<String, Reply> {
    match (release, wanted) {
        (_, None) => Ok(uuid::v4()),
        (Release::V0_3_64, Some(wanted)) => Ok(wanted.python_str()),
        (Release::V0_33_0, Some(Json::Null)) => Ok(uuid::v4()),
        (Release::V0_33_0, Some(Json::String(id))) if uuid::is_canonical(id) => Ok(id.clone()),
        (Release::V0_33_0, Some(_)) => {
            let details = "prompt_id must be a UUID string in canonical lowercase hyphenated form; \
                           omit it to let the server generate one";
            let error = error("invalid_prompt_id", "prompt_id must be a valid UUID", details, object! {});
            Err(rejected(error, object! {}))
        }
    }
}

fn extra_data(release: Release, body: &mut Json) -> Result<Json, Reply> {
    let mut extra_data = body.remove("extra_data").unwrap_or(object! {});
    if !matches!(extra_data, Json::Object(_)) {
        // The older release accepts it if it has nothing to add; its worker then dies of it, which is not simulated.
        let is_touched = release >= Release::V0_33_0 || body.get("client_id").is_some();
        return if is_touched { Err(crash()) } else { Ok(extra_data) };
    }
    if let Some(client_id) = body.remove("client_id") {
        extra_data.set("client_id", client_id);
    }
    if release >= Release::V0_33_0 {
        remove_secrets(&mut extra_data);
        extra_data.set("create_time", now_ms());
    }
    Ok(extra_data)
}
