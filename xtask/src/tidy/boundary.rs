//! The ABI has one home: `abi_stable` is named nowhere else, and nothing asynchronous crosses it as such.

use super::Finding;
use super::source::{File, has_word};

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    files.iter().flat_map(|file| strangers(file).into_iter().chain(async_in_sabi_trait(file))).collect()
}

fn strangers(file: &File) -> Vec<Finding> {
    let home = match file.path.as_str() {
        // The dependency itself, and the rules on it.
        "Cargo.toml" | "Cargo.lock" | "clippy.toml" | "core/Cargo.toml" | "driver-api/Cargo.toml" => true,
        path if path.starts_with("tests/abi/1.0/") => true,
        path => path.starts_with("driver-api/src/abi") || path.starts_with("core/src/plugins/load"),
    };
    if home {
        return Vec::new();
    }
    let manifest = file.path.ends_with("Cargo.toml").then(|| file.lines()).into_iter().flatten();
    let lines = manifest.chain(file.code_lines());
    lines
        .filter(|(_, text)| has_word(text, "abi_stable"))
        .map(|(line, _)| {
            Finding::new(file, line, "names abi_stable: only driver-api/src/abi and core/src/plugins/load may")
        })
        .collect()
}

/// A generated vtable cannot hold an `async fn`; it compiles to something with no stable layout.
fn async_in_sabi_trait(file: &File) -> Vec<Finding> {
    let code = file.code.as_deref().unwrap_or_default();
    let mut findings = Vec::new();
    for (at, _) in code.match_indices("sabi_trait]") {
        let Some(open) = code[at..].find('{').map(|open| at + open) else {
            continue;
        };
        let body = &code[open..block_end(code, open)];
        for (inside, _) in body.match_indices("async fn") {
            let line = code[..open + inside].matches('\n').count() + 1;
            findings.push(Finding::new(file, line, "async fn in a sabi_trait: return an FfiFuture"));
        }
    }
    findings
}

/// The offset behind the brace that closes the one at `open`.
fn block_end(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (at, character) in code[open..].char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return open + at + 1;
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&[File::new(path, text)]).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn abi_stable_stays_at_home() {
        let text = "//! On abi_stable.\nuse abi_stable::RMut;\n";
        assert_eq!(lines("core/src/plugins/vet.rs", text), [2]);
        assert_eq!(lines("drivers/x/Cargo.toml", "[dependencies]\nabi_stable.workspace = true"), [2]);
        for home in ["driver-api/src/abi.rs", "driver-api/src/abi/host.rs", "core/src/plugins/load.rs"] {
            assert!(lines(home, text).is_empty(), "{home}");
        }
        assert!(lines("docs/src/abi.md", "abi_stable").is_empty());
    }

    #[test]
    fn async_fn_is_found_inside_the_trait_only() {
        let text = "#[sabi_trait]\npub trait A {\n  fn a(&self) { }\n  async fn b();\n}\ntrait B { async fn c(); }";
        assert_eq!(lines("driver-api/src/abi.rs", text), [4]);
    }
}
