//! Every driver of `drivers/`, with the scripts that lie beside it.

use crate::check;
use mdd_tests::built;

#[test]
fn every_shipped_driver_keeps_the_laws() {
    let drivers = xtask::workspace::drivers().unwrap();
    assert!(!drivers.is_empty());
    for driver in drivers {
        let script = driver.manifest.with_file_name("conformance");
        assert!(script.is_dir(), "{} has no scripts", driver.kind);
        let said = check(&built().driver(&driver.kind), Some(&script));
        assert_eq!(said.broken(), [], "{}", driver.kind);
        assert_eq!(said.finding("carries-its-job"), "kept", "{}", driver.kind);
        assert_eq!(said.code, Some(0), "{}", driver.kind);
    }
}

#[test]
fn without_a_script_it_says_what_was_not_checked() {
    let driver = &xtask::workspace::drivers().unwrap()[0];
    let said = check(&built().driver(&driver.kind), None);
    assert_eq!((said.broken(), said.code), (Vec::new(), Some(0)));
    assert_eq!(said.finding("leaves-others-alone"), "kept");
    assert_eq!(said.finding("carries-its-job"), "not-checked");
    let unsaid = said.laws.iter().filter(|(_, finding, seen)| finding == "not-checked" && seen.is_empty());
    assert_eq!(unsaid.count(), 0, "each says why");
}
