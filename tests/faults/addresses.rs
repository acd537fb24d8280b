//! Addresses that a person, a file or a web page may have thought of.

use mdd_core::endpoint::Endpoint;
use mdd_tests::mdd_host;

/// None of them may be connected to, and each gets a sentence that says why.
fn refused() -> Vec<(&'static str, String)> {
    vec![
        ("10^6 characters", format!("http://127.0.0.1/{}", "a".repeat(1_000_000))),
        ("userinfo", "http://anna:hunter2@127.0.0.1:8188".to_owned()),
        ("another host behind an @", "http://127.0.0.1@evil.example/".to_owned()),
        ("unix:", "unix:/run/service.sock".to_owned()),
        ("file:", "file:///etc/passwd".to_owned()),
        ("javascript:", "javascript:alert(1)".to_owned()),
        ("port 0", "http://127.0.0.1:0".to_owned()),
        ("port 65536", "http://127.0.0.1:65536".to_owned()),
        ("a negative port", "http://127.0.0.1:-1".to_owned()),
        ("a zone id", "http://[fe80::1%25eth0]:8188".to_owned()),
        ("control characters", "http://127.0.0.1:8188/\u{1b}[2J".to_owned()),
        ("a decimal IP", "http://2130706433:8188".to_owned()),
        ("a hexadecimal IP", "http://0x7f.1:8188".to_owned()),
        ("an octal IP", "http://0177.0.0.1:8188".to_owned()),
        ("nothing", String::new()),
        ("a query", "http://127.0.0.1:8188/?key=1".to_owned()),
        ("a fragment", "http://127.0.0.1:8188/#x".to_owned()),
    ]
}

#[test]
fn bad_addresses_are_refused_with_a_sentence() {
    for (name, text) in refused() {
        let error = Endpoint::parse(&text).map(|endpoint| endpoint.to_string());
        let said = error.unwrap_err().to_string();
        println!("{name}: {said}");
        assert!(!said.is_empty() && said.len() < 500 && !said.contains('\u{1b}'), "{name}: {said:?}");
        assert!(!said.contains("hunter2"), "{name}: {said}");
    }
}

#[test]
fn the_mapped_form_of_this_machine_is_this_machine() {
    assert!(Endpoint::parse("http://[::ffff:127.0.0.1]:8188").unwrap().is_loopback());
}

#[test]
fn the_command_line_says_the_same() {
    let home = tempfile::tempdir().unwrap();
    let output =
        mdd_host(home.path()).args(["status", "--backend", "comfyui=http://127.0.0.1:65536"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("65536"), "{said}");
}
