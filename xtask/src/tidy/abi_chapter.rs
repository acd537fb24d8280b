//! The chapter on the driver ABI is about the code as it is: it holds the print of the code that it was written for, so
//! neither changes without somebody looking at both.

use super::Finding;
use super::source::File;

const CHAPTER: &str = "docs/src/driver-abi.md";
/// What stands before the print in the chapter.
const LABEL: &str = "<!-- print of driver-api/src/abi: ";

pub(super) fn check(files: &[File]) -> Option<Finding> {
    let print = print(files)?;
    let wanted = format!("{LABEL}{print} -->");
    match files.iter().find(|file| file.path == CHAPTER) {
        Some(chapter) if chapter.text.contains(&wanted) => None,
        Some(chapter) => {
            let line = chapter.lines().find(|(_, text)| text.contains(LABEL)).map_or(1, |(line, _)| line);
            let message = format!(
                "the driver ABI has changed. Was it meant to, and within the rules at the top of driver-api/src/abi.rs? \
                 Then bring this chapter up to date, and write {wanted}"
            );
            Some(Finding::new(chapter, line, message))
        }
        None => {
            let path = CHAPTER.to_owned();
            Some(Finding { path, line: 0, message: "there is no chapter on the driver ABI".to_owned() })
        }
    }
}

/// A hash of the code of the ABI, whatever its comments and its form. `None` where there is none.
fn print(files: &[File]) -> Option<String> {
    let is_abi = |path: &str| path == "driver-api/src/abi.rs" || path.starts_with("driver-api/src/abi/");
    let mut abi: Vec<&File> = files.iter().filter(|file| is_abi(&file.path)).collect();
    abi.sort_by(|a, b| a.path.cmp(&b.path));
    let words = abi.iter().flat_map(|file| file.code.as_deref().unwrap_or_default().split_whitespace());
    // FNV-1a: it guards against haste and not against malice.
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let bytes = words.flat_map(|word| word.bytes().chain([b' ']));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, fold);
    (!abi.is_empty()).then(|| format!("{hash:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abi(text: &str) -> File {
        File::new("driver-api/src/abi/objects.rs", text)
    }

    #[test]
    fn form_and_comments_do_not_count_and_code_does() {
        let of = |text: &str| print(&[abi(text)]).unwrap();
        assert_eq!(of("fn a();\nfn b();"), of("// why\nfn a();  fn b();"));
        assert_ne!(of("fn a();\nfn b();"), of("fn b();\nfn a();"));
        assert_ne!(of("field: u32"), of("field: u64"));
    }

    #[test]
    fn a_stale_chapter_is_told_the_print() {
        let print = print(&[abi("fn a();")]).unwrap();
        let chapter = |print: &str| File::new(CHAPTER, format!("# The ABI\n\n{LABEL}{print} -->\n"));
        assert!(check(&[abi("fn a();"), chapter(&print)]).is_none());
        let stale = check(&[abi("fn a();"), chapter("0")]).unwrap();
        assert!(stale.message.contains(&print) && stale.line == 3);
        assert!(check(&[abi("fn a();")]).is_some());
    }
}
