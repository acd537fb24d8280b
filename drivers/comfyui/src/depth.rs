//! How long the queue is. `queue_remaining` counts the running job and the waiting ones together.

use mdd_driver_api::{
    DriverError, ErrorKind, Host, Request, Result,
    model::{Queue, Sample},
};
use serde_json::Value;

/// `GET /prompt` answers with 37 bytes.
const LONGEST: u64 = 64 * 1024;

/// Asks for the depth: 0.4 ms of the server's time. `None` when it answers as ComfyUI but without a number.
pub(crate) async fn ask(host: &Host) -> Result<Option<u32>> {
    let answer = host.send(Request::get("/prompt").max_bytes(LONGEST)).await?.success()?;
    let body: Value = answer.json()?;
    if body.get("exec_info").is_some_and(Value::is_object) {
        Ok(read(&body))
    } else {
        let text = format!("it answered /prompt without a queue: {}", answer.in_words());
        Err(DriverError::new(ErrorKind::PROTOCOL, text).with_status(answer.status))
    }
}

/// Reads the depth beside `exec_info`, in an answer or a `status` message.
pub(crate) fn read(holder: &Value) -> Option<u32> {
    let depth = holder.get("exec_info")?.get("queue_remaining")?.as_u64()?;
    Some(u32::try_from(depth).unwrap_or(u32::MAX))
}

/// ComfyUI runs one job at a time, so whatever is more than one waits.
pub(crate) fn sample(depth: Option<u32>) -> Sample {
    depth.map_or_else(Sample::default, |depth| {
        let running = depth.min(1);
        Sample::with_queue(Queue { running, pending: Some(depth - running) })
    })
}

#[cfg(test)]
mod tests {
    use super::{read, sample};
    use mdd_driver_api::{model::Queue, text::lenient_json};
    use serde_json::json;

    #[test]
    fn both_versions_are_read() {
        for recorded in [
            include_bytes!("../../../tests/fixtures/comfyui-0.3.64/prompt_get.json").as_slice(),
            include_bytes!("../../../tests/fixtures/comfyui-0.33.0/prompt_get.json"),
        ] {
            assert_eq!(read(&lenient_json(recorded).unwrap()), Some(0));
        }
    }

    #[test]
    fn one_runs_and_the_rest_waits() {
        let queue = |depth| sample(Some(depth)).queue.unwrap();
        assert_eq!(queue(0), Queue { running: 0, pending: Some(0) });
        assert_eq!(queue(1), Queue { running: 1, pending: Some(0) });
        assert_eq!(queue(4), Queue { running: 1, pending: Some(3) });
    }

    #[test]
    fn an_unreadable_depth_is_unknown() {
        for odd in [json!({}), json!({"exec_info": null}), json!({"exec_info": {"queue_remaining": -1}})] {
            assert_eq!(read(&odd), None);
        }
        assert_eq!(read(&json!({"exec_info": {"queue_remaining": u64::MAX}})), Some(u32::MAX));
        assert_eq!(sample(None).queue, None);
    }
}
