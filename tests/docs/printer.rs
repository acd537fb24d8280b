//! The job of the author's guide, so that it compiles as long as it is printed.

use mdd_replay::{Asked, Effect, Player, Script};
use std::{path::Path, sync::Arc};

#[path = "../../docs/examples/printer/run.rs"]
mod job;

/// It is what a driver's `run` may do: nothing in it keeps it from going from thread to thread.
const _: fn() = || {
    fn is_send<T: Send>(_: impl Fn(mdd_driver_api::Host, mdd_driver_api::model::Attempt, mdd_driver_api::Job) -> T) {}
    is_send(|host, attempt, port| async move { job::run(&host, attempt, port).await });
};

#[test]
fn its_script_is_asked_until_the_page_is_done() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/printer/conformance");
    let script = Script::read_all(&folder).unwrap().remove("service").unwrap();
    let mut printer = Player::new(Arc::new(script), "http://127.0.0.1:9");
    let mut ask =
        |method, target, body: &str| printer.answer(Asked { method, target, body: body.as_bytes(), is_upgrade: false });
    assert_eq!(ask("GET", "/jobs/a", "").status, 404);
    assert_eq!(ask("POST", "/jobs", r#"{"id": "a", "page": "x"}"#).effect, Some(Effect::Starts));
    let looks = [(); 3].map(|()| format!("{:?}", ask("GET", "/jobs/a", "").pieces).contains("/pages/a.png"));
    assert_eq!(looks, [false, false, true]);
    assert_eq!(ask("GET", "/pages/a.png", "").status, 200);
    assert_eq!(ask("DELETE", "/jobs/a", "").effect, Some(Effect::Cancels));
    assert_eq!(ask("GET", "/jobs/a", "").status, 404);
}
