//! `GET /queue`: where a job stands.

use mdd_driver_api::{DriverError, ErrorKind, Result};
use serde_json::Value;

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Running,
    /// It waits; 0 for the next one, of so many that wait.
    Waiting {
        place: u32,
        length: u32,
    },
}

/// Looks for a job; `None` when it is not there. The waiting ones come in the order of a heap, not in that of their
/// turns, which is by number, the lowest first, then by id.
///
/// # Errors
/// `TRANSPORT` for anything that is no queue: that says nothing about the job.
pub(crate) fn find(answer: &Value, id: &str) -> Result<Option<Place>> {
    let list = |name: &str| {
        answer.get(name).and_then(Value::as_array).ok_or_else(|| {
            DriverError::new(ErrorKind::TRANSPORT, format!("it answered /queue without a list `{name}`"))
        })
    };
    if list("queue_running")?.iter().any(|item| item[1] == id) {
        return Ok(Some(Place::Running));
    }
    let waiting = list("queue_pending")?;
    let turn = |item: &Value| (item[0].as_f64().unwrap_or(f64::MAX), item[1].as_str().unwrap_or_default().to_owned());
    let Some(ours) = waiting.iter().find(|item| item[1] == id).map(turn) else {
        return Ok(None);
    };
    let before = waiting.iter().map(turn).filter(|other| other.0.total_cmp(&ours.0).then(other.1.cmp(&ours.1)).is_lt());
    Ok(Some(Place::Waiting { place: count(before.count()), length: count(waiting.len()) }))
}

fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Place, find};
    use mdd_driver_api::ErrorKind;
    use serde_json::{Value, from_slice, json};

    #[test]
    fn the_recorded_queue_is_put_in_order() {
        let busy: Value = from_slice(include_bytes!("../../../tests/fixtures/comfyui-0.33.0/queue_busy.json")).unwrap();
        assert_eq!(find(&busy, "909cbe2a-1e16-48b8-ae18-d3a3b350803b").unwrap(), Some(Place::Running));
        for (place, id) in [
            "76466865-24f8-4a02-848a-4abbc5206cfd",
            "caeae0f4-a7e6-4756-a6a6-44d4f3808fb1",
            "9ec518c3-6663-48c9-8da3-b738ac925758",
            "ff7b98d2-f302-4257-8fdb-d0cd618c00fb",
            "51eec867-5cb3-4109-8ac8-1311e0650e05",
        ]
        .into_iter()
        .enumerate()
        {
            let place = u32::try_from(place).unwrap();
            assert_eq!(find(&busy, id).unwrap(), Some(Place::Waiting { place, length: 5 }), "{id}");
        }
        assert_eq!(find(&busy, "ffb4e1ed-2a21-40f0-9b36-781d6087f5ad").unwrap(), None);
    }

    #[test]
    fn both_versions_are_read() {
        let idle: Value = from_slice(include_bytes!("../../../tests/fixtures/comfyui-0.3.64/queue_idle.json")).unwrap();
        assert_eq!(find(&idle, "x").unwrap(), None);
        let busy: Value = from_slice(include_bytes!("../../../tests/fixtures/comfyui-0.3.64/queue_busy.json")).unwrap();
        let running = busy["queue_running"][0][1].as_str().unwrap();
        assert_eq!(find(&busy, running).unwrap(), Some(Place::Running));
    }

    #[test]
    fn equal_numbers_go_by_id() {
        let queue = json!({"queue_running": [], "queue_pending": [[1, "b", {}], [1.0, "a", {}], [null, "c"], 7]});
        assert_eq!(find(&queue, "a").unwrap(), Some(Place::Waiting { place: 0, length: 4 }));
        assert_eq!(find(&queue, "b").unwrap(), Some(Place::Waiting { place: 1, length: 4 }));
    }

    #[test]
    fn what_is_no_queue_says_nothing() {
        for odd in [json!({}), json!([]), json!({"queue_running": []}), json!({"queue_pending": []}), json!(null)] {
            assert_eq!(find(&odd, "a").unwrap_err().kind, ErrorKind::TRANSPORT, "{odd}");
        }
    }
}
