//! The two faces of Wan2GP. One program shows only one of them.

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// The page for people.
    WebUi,
    /// The server for programs.
    Mcp,
}

impl Flavour {
    /// As the host keeps it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WebUi => "webui",
            Self::Mcp => "mcp",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        [Self::WebUi, Self::Mcp].into_iter().find(|flavour| flavour.name() == name)
    }
}
