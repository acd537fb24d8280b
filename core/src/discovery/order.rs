//! Who is asked first: the driver that knows the program, then the one that calls the port its own, then by rank.

use super::watcher::Port;
use crate::plugins::LoadedDriver;
use std::sync::Arc;

/// Whether one of the programs that hold the port looks like the driver's service.
pub(super) fn hinted(driver: &LoadedDriver, port: &Port) -> bool {
    port.programs.iter().any(|program| is_hinted(&driver.manifest.driver.process_hints, program))
}

/// Whether a program looks like the service of the driver with these hints: all words of one hint must occur.
pub(crate) fn is_hinted(hints: &[String], program: &str) -> bool {
    hints.iter().any(|hint| {
        let mut words = hint.split_whitespace().peekable();
        words.peek().is_some() && words.all(|word| program.contains(word))
    })
}

/// The drivers in the order in which a candidate is shown to them. They come by rank.
pub(super) fn order(drivers: &[Arc<LoadedDriver>], number: u16, port: Option<&Port>) -> Vec<Arc<LoadedDriver>> {
    let mut drivers = drivers.to_vec();
    drivers.sort_by_key(|driver| {
        let is_hinted = port.is_some_and(|port| hinted(driver, port));
        (!is_hinted, !driver.manifest.driver.default_ports.contains(&number))
    });
    drivers
}

#[cfg(test)]
mod tests {
    use super::is_hinted;

    #[test]
    fn all_words_of_one_hint_must_occur() {
        let hints = ["lamp".to_owned(), "main.py --light".to_owned(), String::new()];
        for program in ["/home/you/lamp python main.py", "/srv python main.py --port 1 --light"] {
            assert!(is_hinted(&hints, program), "{program}");
        }
        for program in ["", "/srv python main.py", "/srv other --light"] {
            assert!(!is_hinted(&hints, program), "{program}");
        }
    }
}
