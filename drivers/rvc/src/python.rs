//! The API of rvc-python.

use mdd_driver_api::{Host, Result, model::Identity};

/// Whether an rvc-python answers; asked only of what is no Gradio app.
pub(crate) async fn identify(_host: &Host, seen: &str) -> Result<Identity> {
    Ok(Identity::no(seen))
}
