//! What a story came to, in numbers.

/// What a story came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::connection::life::tests) struct Figures {
    /// A service that needs its user and is asked again counts, too.
    pub(in crate::connection::life::tests) attempts: u32,
    /// Those that began while the service was up, slow or not.
    pub(in crate::connection::life::tests) attempts_at_well: u32,
    pub(in crate::connection::life::tests) successes: u32,
    pub(in crate::connection::life::tests) successes_at_well: u32,
    pub(in crate::connection::life::tests) losses: u32,
    pub(in crate::connection::life::tests) connected_ms: u64,
    /// While the service was up, slow or not.
    pub(in crate::connection::life::tests) connected_well_ms: u64,
    pub(in crate::connection::life::tests) unresponsive_ms: u64,
    pub(in crate::connection::life::tests) well_ms: u64,
    pub(in crate::connection::life::tests) total_ms: u64,
    pub(in crate::connection::life::tests) checks: u32,
}

impl Figures {
    pub(in crate::connection::life::tests) fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.attempts_at_well += other.attempts_at_well;
        self.successes += other.successes;
        self.successes_at_well += other.successes_at_well;
        self.losses += other.losses;
        self.connected_ms += other.connected_ms;
        self.connected_well_ms += other.connected_well_ms;
        self.unresponsive_ms += other.unresponsive_ms;
        self.well_ms += other.well_ms;
        self.total_ms += other.total_ms;
        self.checks += other.checks;
    }
}
