//! Tables of what is read and what is refused.

use super::{Endpoint, EndpointError as E, TargetError as T};

#[test]
fn reads_what_people_type() {
    let table = [
        ("8188", "http://127.0.0.1:8188"),
        ("  8188 ", "http://127.0.0.1:8188"),
        (":8188", "http://127.0.0.1:8188"),
        ("localhost:8188", "http://localhost:8188"),
        ("LOCALHOST:8188", "http://localhost:8188"),
        ("127.0.0.1:8188", "http://127.0.0.1:8188"),
        ("127.0.0.1:8188/", "http://127.0.0.1:8188"),
        ("http://[::1]:8188/base/", "http://[::1]:8188/base"),
        ("HTTP://Render-Box.lan:8188/A/b", "http://render-box.lan:8188/A/b"),
        ("https://localhost", "https://localhost"),
        ("https://localhost:443", "https://localhost"),
        ("http://localhost:80/", "http://localhost"),
        ("http://localhost:443", "http://localhost:443"),
        ("[::ffff:127.0.0.1]:22", "http://127.0.0.1:22"),
        ("[0:0:0:0:0:0:0:1]:4000", "http://[::1]:4000"),
        ("0.0.0.0:4000", "http://127.0.0.1:4000"),
        ("http://[::]:4000", "http://[::1]:4000"),
        ("render_box:8188", "http://render_box:8188"),
        ("localhost:8188/a%20b", "http://localhost:8188/a%20b"),
    ];
    for (text, canonical) in table {
        let endpoint = Endpoint::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(endpoint.to_string(), canonical, "{text:?}");
        assert_eq!(Endpoint::parse(canonical), Ok(endpoint), "{text:?} does not read back");
    }
}

#[test]
fn refuses_what_is_no_endpoint() {
    let text = str::to_owned;
    let table = [
        ("", E::Empty),
        ("   ", E::Empty),
        ("0", E::Port(text("0"))),
        ("65536", E::Port(text("65536"))),
        ("localhost:0", E::Port(text("0"))),
        ("localhost:65536", E::Port(text("65536"))),
        ("localhost:", E::Port(text(""))),
        ("localhost:+80", E::Port(text("+80"))),
        ("localhost:http", E::Port(text("http"))),
        ("http://user@localhost:8188", E::UserInfo),
        ("http://user:word@localhost:8188", E::UserInfo),
        ("http://127.0.0.1@evil/", E::UserInfo),
        ("unix:/run/x.sock", E::Scheme(text("unix"))),
        ("unix:///run/x.sock", E::Scheme(text("unix"))),
        ("file:///etc/passwd", E::Scheme(text("file"))),
        ("ws://localhost:8188", E::Scheme(text("ws"))),
        ("local host:8188", E::Character(' ')),
        ("localhost:81\n88", E::Character('\n')),
        ("localhost:8188\u{0}", E::Character('\0')),
        ("http://localhost\\evil", E::Character('\\')),
        ("localhost:8188?a=1", E::QueryOrFragment('?')),
        ("localhost:8188/#top", E::QueryOrFragment('#')),
        ("http://", E::NoHost),
        ("http:///path", E::NoHost),
        ("2130706433:80", E::OddAddress(text("2130706433"))),
        ("0x7f000001:80", E::OddAddress(text("0x7f000001"))),
        ("0x7f.0.0.1:80", E::OddAddress(text("0x7f.0.0.1"))),
        ("0177.0.0.1:80", E::OddAddress(text("0177.0.0.1"))),
        ("127.1:80", E::OddAddress(text("127.1"))),
        ("127.0.0.256:80", E::OddAddress(text("127.0.0.256"))),
        ("127.0.0.0x1:80", E::OddAddress(text("127.0.0.0x1"))),
        ("[fe80::1%eth0]:8188", E::ZoneId),
        ("[fe80::1%25eth0]:8188", E::ZoneId),
        ("::1", E::Brackets),
        ("::1:8188", E::Brackets),
        ("[::1:8188", E::Brackets),
        ("[::1]8188", E::InvalidName(text("[::1]8188"))),
        ("[::g]:8188", E::InvalidName(text("::g"))),
        ("localhost.:8188", E::TrailingDot),
        ("127.0.0.1.:8188", E::TrailingDot),
        ("l\u{43e}calhost:8188", E::NotAscii),
        ("１２７.0.0.1:8188", E::NotAscii),
        ("a..b:8188", E::InvalidName(text("a..b"))),
        ("loc%61lhost:8188", E::InvalidName(text("loc%61lhost"))),
        ("localhost:8188/a/../b", E::DotSegment),
        ("localhost:8188/%2E%2e/b", E::DotSegment),
    ];
    for (text, error) in table {
        assert_eq!(Endpoint::parse(text), Err(error), "{text:?}");
    }
    let long = format!("localhost/{}", "a".repeat(1_000_000));
    assert_eq!(Endpoint::parse(&long), Err(E::TooLong(1_000_010)));
}

#[test]
fn knows_this_machine() {
    let local = ["8188", "localhost:1", "127.8.9.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"];
    let foreign = ["render-box:1", "192.168.1.5:1", "localhost.evil:1", "[2001:db8::1]:1"];
    for text in local {
        assert!(Endpoint::parse(text).unwrap().is_loopback(), "{text}");
    }
    for text in foreign {
        assert!(!Endpoint::parse(text).unwrap().is_loopback(), "{text}");
    }
}

#[test]
fn joins_only_what_is_its_own() {
    let table: [(&str, &str, Result<&str, T>); 25] = [
        ("8188", "/prompt", Ok("http://127.0.0.1:8188/prompt")),
        ("8188", "prompt?a=b", Ok("http://127.0.0.1:8188/prompt?a=b")),
        ("8188", "", Ok("http://127.0.0.1:8188/")),
        ("8188/base", "/x", Ok("http://127.0.0.1:8188/base/x")),
        ("8188/base", "a/../x", Ok("http://127.0.0.1:8188/base/x")),
        ("8188/base", "/file=http://a/../b", Ok("http://127.0.0.1:8188/base/file=http://b")),
        ("8188", "/x?u=http://evil/../..", Ok("http://127.0.0.1:8188/x?u=http://evil/../..")),
        ("8188", "/a b", Ok("http://127.0.0.1:8188/a%20b")),
        ("8188", "http://127.0.0.1:8188/x", Ok("http://127.0.0.1:8188/x")),
        ("localhost", "http://localhost:80/x", Ok("http://localhost/x")),
        ("8188", "HTTP://127.0.0.1:8188/x", Ok("http://127.0.0.1:8188/x")),
        ("8188", "https://127.0.0.1:8188/x", Err(T::OtherOrigin)),
        ("8188", "http://127.0.0.1:8189/x", Err(T::OtherOrigin)),
        ("8188", "http://127.0.0.1:8188@evil/x", Err(T::OtherOrigin)),
        ("8188", "http://a@127.0.0.1:8188/x", Err(T::OtherOrigin)),
        ("8188", "http://evil/x", Err(T::OtherOrigin)),
        ("8188", "file:///etc/passwd", Err(T::OtherOrigin)),
        ("8188", "//evil/x", Err(T::OtherOrigin)),
        ("8188/base", "../x", Err(T::Escapes)),
        ("8188/base", "/a/../../x", Err(T::Escapes)),
        ("8188", "/..", Err(T::Escapes)),
        ("8188/base", "%2e%2E/x", Err(T::Escapes)),
        ("8188", "/\\evil", Err(T::Character)),
        ("8188", "/a\tb", Err(T::Character)),
        ("8188", "/a#b", Err(T::Fragment)),
    ];
    for (endpoint, target, expected) in table {
        let text = if endpoint.contains('/') { format!(":{endpoint}") } else { endpoint.to_owned() };
        let endpoint = Endpoint::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let url = endpoint.join(target);
        assert_eq!(url.as_ref().map(url::Url::as_str), expected.as_ref().copied(), "{target:?}");
    }
    let long = format!("/{}", "a".repeat(100_000));
    assert_eq!(Endpoint::local(1).join(&long), Err(T::TooLong));
}

#[test]
fn serde_uses_the_text() {
    let endpoint: Endpoint = serde_json::from_str("\"8188\"").unwrap();
    assert_eq!(serde_json::to_string(&endpoint).unwrap(), "\"http://127.0.0.1:8188\"");
    assert!(serde_json::from_str::<Endpoint>("\"unix:/x\"").is_err());
}
