//! The three programs that people mean by RVC.

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// The current WebUI, whose conversion takes 9 inputs.
    WebUi,
    /// The WebUI up to 2.2.231006, whose conversion takes 12.
    WebUi231006,
    /// The API of rvc-python.
    Python,
}

impl Flavour {
    /// As the host keeps it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WebUi => "webui",
            Self::WebUi231006 => "webui-231006",
            Self::Python => "rvc-python",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        [Self::WebUi, Self::WebUi231006, Self::Python].into_iter().find(|flavour| flavour.name() == name)
    }
}
