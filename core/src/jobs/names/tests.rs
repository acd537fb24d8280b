//! Names as hostile services write them.

use super::{MAX_LEN, key, numbered, safe};
use std::path::{Component, Path};

/// What a service wrote, and the file that it gets.
pub(crate) fn table() -> Vec<(String, String)> {
    let long = "x".repeat(4096);
    let wide = "ä".repeat(2048);
    let plain: &[(&str, &str)] = &[
        ("image_00001_.png", "image_00001_.png"),
        ("a b (1).PNG", "a b (1).PNG"),
        ("Ünïcödé 画像.png", "Ünïcödé 画像.png"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("..", "result"),
        (".", "result"),
        ("", "result"),
        ("   ", "result"),
        ("....", "result"),
        ("../", "result"),
        ("a/../", "a"),
        ("/etc/cron.d/job", "job"),
        ("//server/share/x.png", "x.png"),
        ("\\\\server\\share\\x.png", "x.png"),
        ("\\\\?\\C:\\x.png", "x.png"),
        ("C:\\Windows\\x.dll", "x.dll"),
        ("C:x.png", "C_x.png"),
        ("file:///etc/passwd", "passwd"),
        ("a.png:hidden.exe", "a.png_hidden.exe"),
        ("a.png::$DATA", "a.png__$DATA"),
        ("CON", "_CON"),
        ("con.png", "_con.png"),
        ("NUL.tar.gz", "_NUL.tar.gz"),
        ("aux .txt", "_aux .txt"),
        ("COM1", "_COM1"),
        ("lpt9.log", "_lpt9.log"),
        ("COM².txt", "_COM².txt"),
        ("CONIN$", "_CONIN$"),
        ("console.png", "console.png"),
        ("a.png.", "a.png"),
        ("a.png. . ", "a.png"),
        (" a.png", "a.png"),
        ("gpj.\u{202e}exe", "gpj.exe"),
        ("\u{feff}a\u{200b}.png", "a.png"),
        ("a\u{0}.png\r\n\u{1b}[2J", "a.png[2J"),
        ("what?<is>|this*\".png", "what__is__this__.png"),
        ("a∕b／c＼d.png", "a_b_c_d.png"),
        (".bashrc", "result.bashrc"),
        (".png", "result.png"),
        ("-rf", "_rf"),
        ("~root", "_root"),
        ("%2e%2e%2fpasswd", "%2e%2e%2fpasswd"),
    ];
    let mut table: Vec<_> = plain.iter().map(|&(given, name)| (given.to_owned(), name.to_owned())).collect();
    table.push((long.clone(), "x".repeat(MAX_LEN)));
    table.push((format!("{long}.png"), format!("{}.png", "x".repeat(MAX_LEN - 4))));
    table.push((format!("{wide}.png"), format!("{}.png", "ä".repeat((MAX_LEN - 4) / 2))));
    table.push((format!("a.{long}"), format!("a.{}", "x".repeat(MAX_LEN - 2))));
    table.push((format!("{}/a.png", "../".repeat(1000)), "a.png".to_owned()));
    table
}

#[test]
fn every_name_becomes_one_plain_file_name() {
    assert!(table().len() >= 40);
    for (given, expected) in table() {
        let name = safe(&given);
        assert_eq!(name, expected, "{given:?}");
        let components: Vec<_> = Path::new(&name).components().collect();
        assert!(matches!(components[..], [Component::Normal(whole)] if whole == name.as_str()), "{given:?}");
        assert!(name.len() <= MAX_LEN && !name.contains(['/', '\\', ':', '\0']), "{given:?}");
        assert_eq!(safe(&name), name, "a safe name stays as it is");
    }
}

#[test]
fn numbers_stand_before_the_extension() {
    assert_eq!(numbered("a.png", 1), "a.png");
    assert_eq!(numbered("a.png", 2), "a (2).png");
    assert_eq!(numbered("a", 12), "a (12)");
    assert_eq!(numbered("a.this is no extension", 2), "a.this is no extension (2)");
}

#[test]
fn names_that_differ_in_case_are_the_same() {
    assert_eq!(key("Image.PNG"), key("image.png"));
    assert_ne!(key("image.png"), key("image2.png"));
}
