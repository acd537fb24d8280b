//! Everything that helps somebody else to understand a problem, in one object.

use crate::{events::Snapshot, rpc::Drivers};
use serde_json::{Value, json};
use std::path::Path;

/// Versions, system, drivers, backends, jobs and notices. The home folder is written as `~`.
pub fn report(snapshot: &Snapshot, drivers: &Drivers, started: &str) -> Value {
    let mut report = json!({
        "mdd-host": env!("CARGO_PKG_VERSION"),
        "driver_interface": mdd_driver_api::API_VERSION,
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "started": started,
        "snapshot": snapshot,
        "drivers": drivers.drivers,
    });
    if let Some(home) = std::env::home_dir() {
        without_home(&mut report, &home);
    }
    report
}

fn without_home(value: &mut Value, home: &Path) {
    let home = home.to_string_lossy();
    // A home like `/` would turn every path into nonsense and hides nothing.
    if home.len() < 3 {
        return;
    }
    match value {
        Value::String(text) => {
            if text.contains(&*home) {
                *text = text.replace(&*home, "~");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| without_home(item, Path::new(&*home))),
        Value::Object(fields) => fields.values_mut().for_each(|field| without_home(field, Path::new(&*home))),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::without_home;
    use serde_json::json;
    use std::path::Path;

    #[test]
    fn the_home_folder_never_shows() {
        let mut value = json!({"path": "/homes/anna/plugins/x.so", "list": ["see /homes/anna/log"], "n": 1});
        without_home(&mut value, Path::new("/homes/anna"));
        assert_eq!(value, json!({"path": "~/plugins/x.so", "list": ["see ~/log"], "n": 1}));
    }
}
