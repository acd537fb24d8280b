//! The checks of a backend, as its host counts them for monitoring systems.

use std::collections::BTreeMap;

/// How many there were, by result: `answered`, or the code of what was wrong.
///
/// # Panics
/// When the text is none of a host's.
pub fn checks(metrics: &str, backend: &str) -> BTreeMap<String, u64> {
    let of = format!("mdd_backend_checks_total{{backend=\"{backend}\",");
    let lines = metrics.lines().filter(|line| line.starts_with(&of));
    let result = |line: &str| {
        let (labels, count) = line.rsplit_once(' ')?;
        let (_, result) = labels.rsplit_once("result=\"")?;
        Some((result.trim_end_matches("\"}").to_owned(), count.parse().ok()?))
    };
    lines.map(|line| result(line).unwrap_or_else(|| panic!("{line} counts no checks"))).collect()
}
