//! Kinds that no driver is in use for, and why.

use super::Inner;
use crate::{
    diagnosis::{Reason, Remedy},
    health::capital,
};
use mdd_driver_api::manifest::Declaration;

impl Inner {
    /// Why a kind has no driver: what speaks against the one that is there; where none is, `otherwise`.
    pub(super) fn no_driver(&self, declaration: &Declaration, otherwise: impl Into<String>) -> Reason {
        let registry = self.plugins.registry();
        let Some((path, refusal)) = registry.refused(&declaration.kind) else {
            return Reason::new("no-driver", otherwise, declaration);
        };
        let name = path.file_name().unwrap_or(path.as_os_str()).display();
        let observation = format!("its driver {name} is there and is not used ({}): {refusal}", refusal.code());
        let reason = Reason::new("no-driver", observation, declaration);
        let meaning =
            "The driver for this kind of service is not used; `mdd-host drivers list` shows all that there are.";
        let helps = Remedy {
            action: "mend-driver".to_owned(),
            label: capital(&refusal.remedy().replace("FILE", &path.display().to_string())),
            argument: None,
        };
        Reason { meaning: meaning.to_owned(), remedies: vec![helps], ..reason }
    }
}
