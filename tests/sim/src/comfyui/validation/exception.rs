//! What Python raises when a workflow is odder than the check expects.

use super::super::traceback;
use crate::json::Json;

/// A Python exception inside the check.
pub(super) struct Exception {
    pub(super) kind: &'static str,
    pub(super) message: String,
    /// Where it was raised.
    pub(super) at: traceback::Site,
}

impl Exception {
    pub(super) fn no_node(id: &Json) -> Self {
        if let Json::List(_) | Json::Object(_) = id {
            let message = format!("unhashable type: '{}'", id.python_type());
            return Self { kind: "TypeError", message, at: traceback::Site::LinkedNode };
        }
        Self { kind: "KeyError", message: id.python_repr(), at: traceback::Site::LinkedNode }
    }

    pub(super) fn no_slot() -> Self {
        Self { kind: "IndexError", message: "tuple index out of range".to_owned(), at: traceback::Site::LinkedSlot }
    }

    pub(super) fn slot_is(slot: &Json) -> Self {
        let message = format!("tuple indices must be integers or slices, not {}", slot.python_type());
        Self { kind: "TypeError", message, at: traceback::Site::LinkedSlot }
    }

    pub(super) fn inputs_are(inputs: &Json) -> Self {
        let message = format!("argument of type '{}' is not iterable", inputs.python_type());
        Self { kind: "TypeError", message, at: traceback::Site::InputNames }
    }

    pub(super) fn no_inputs() -> Self {
        Self { kind: "KeyError", message: "'inputs'".to_owned(), at: traceback::Site::Inputs }
    }

    pub(super) fn recursion() -> Self {
        let message = "maximum recursion depth exceeded".to_owned();
        Self { kind: "RecursionError", message, at: traceback::Site::Inputs }
    }
}
