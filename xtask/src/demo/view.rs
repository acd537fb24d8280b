//! The status as a table that is drawn over itself on a terminal, and as lines of what is new elsewhere.

use super::status::{Backend, Status};
use std::io::{IsTerminal, stdout};

/// A printed table.
pub(super) struct View {
    /// Addresses of the services that are none.
    simulated: Vec<String>,
    /// What stands below the last caption: a block of lines for each backend, and one for the summary.
    blocks: Vec<String>,
}

impl View {
    pub(super) fn new(simulated: Vec<String>) -> View {
        View { simulated, blocks: Vec::new() }
    }

    /// Begins a new act below the last one.
    pub(super) fn caption(&mut self, text: &str) {
        self.blocks.clear();
        println!("\n{}", paint(text, "1"));
    }

    /// A line below the table, which stays.
    pub(super) fn note(&mut self, text: &str) {
        self.blocks.clear();
        println!("  {text}");
    }

    /// Shows the table; elsewhere than on a terminal only the parts that have changed.
    pub(super) fn show(&mut self, status: &Status) {
        let live = stdout().is_terminal();
        let width = terminal_size::terminal_size().filter(|_| live).map_or(usize::MAX, |(width, _)| width.0.into());
        let blocks = self.table(status, width);
        let drawn: usize = self.blocks.iter().map(|block| block.lines().count()).sum();
        if live && drawn > 0 {
            print!("\x1b[{drawn}F\x1b[J");
        }
        for block in &blocks {
            if live || !self.blocks.iter().any(|old| without_time(old) == without_time(block)) {
                print!("{block}");
            }
        }
        self.blocks = blocks;
    }

    fn table(&self, status: &Status, width: usize) -> Vec<String> {
        let backends = status.backends.iter().map(|backend| self.block(backend, width));
        let summary = format!("  {}\n", cut(&status.summary.sentence, width.saturating_sub(2)));
        backends.chain([summary]).collect()
    }

    fn block(&self, backend: &Backend, width: usize) -> String {
        let state = match &backend.detail {
            Some(detail) => format!("{} ({detail})", backend.state),
            None => backend.state.clone(),
        };
        let endpoint = backend.endpoint.as_deref().unwrap_or_default();
        let version = backend.version.as_deref().unwrap_or_default();
        let title = backend.title.as_deref().unwrap_or(&backend.kind);
        let simulated = self.simulated.iter().any(|url| url == endpoint.trim_end_matches('/'));
        let title = if simulated { format!("{title} (simulated)") } else { title.to_owned() };
        let line = format!("{state:<24} {title:<21} {version:<8} {endpoint:<22} {}", latency(backend));
        let mut block = format!("  {} {}\n", dot(&backend.state), cut(line.trim_end(), width.saturating_sub(4)));
        for line in backend.reason.iter().flat_map(|reason| reason.lines()) {
            block += &format!("      {}\n", cut(&line, width.saturating_sub(6)));
        }
        block
    }
}

fn latency(backend: &Backend) -> String {
    let last = backend.latency_ms.as_ref().and_then(|latency| latency.last);
    last.map(|milliseconds| format!("{milliseconds:.1} ms")).unwrap_or_default()
}

/// Times differ from look to look; they are no news.
fn without_time(block: &str) -> String {
    let lines = block.lines().map(|line| match line.strip_suffix(" ms") {
        Some(rest) => {
            rest.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.').trim_end()
        }
        None => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn dot(state: &str) -> String {
    let shade = match state {
        "connected" => "32",
        "connecting" => "33",
        "disconnected" => "31",
        _ => "2",
    };
    paint("●", shade)
}

fn paint(text: &str, shade: &str) -> String {
    let plain = !stdout().is_terminal() || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if plain { text.to_owned() } else { format!("\x1b[{shade}m{text}\x1b[0m") }
}

/// The first `width` characters: a line that wraps would not be drawn over.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = r#"{"summary":{"severity":"problem","sentence":"One of two services is away."},"backends":[
        {"kind":"a","title":"Alpha","endpoint":"http://127.0.0.1:1","state":"disconnected","detail":"waiting","version":null,
         "reason":{"code":"refused","observation":"port 1 refused","meaning":"Nothing listens there.",
                   "remedies":[{"action":"start-hint","label":"Start it","argument":"alpha --run"},{"action":"retry","label":"Try now"}]},
         "latency_ms":null},
        {"kind":"b","title":"Beta","endpoint":null,"state":"connected","detail":"ready","version":"1.2",
         "reason":null,"latency_ms":{"last":0.62,"p50":null,"p95":null}}]}"#;

    fn table(width: usize) -> String {
        let view = View::new(vec!["http://127.0.0.1:1".into()]);
        view.table(&serde_json::from_str(STATUS).unwrap(), width).concat()
    }

    #[test]
    fn a_table_says_state_service_reason_and_remedy() {
        let expected = "  ● disconnected (waiting)   Alpha (simulated)              http://127.0.0.1:1
      port 1 refused: Nothing listens there.
      → Start it: alpha --run
      → Try now
  ● connected (ready)        Beta                  1.2                             0.6 ms
  One of two services is away.
";
        assert_eq!(table(usize::MAX), expected);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let text = table(30);
        assert!(text.lines().all(|line| line.chars().count() <= 30), "{text}");
    }

    #[test]
    fn a_new_time_alone_is_no_news() {
        assert_eq!(without_time("  ● connected  0.6 ms\n"), without_time("  ● connected  10.2 ms\n"));
        assert_ne!(without_time("  ● connected  0.6 ms\n"), without_time("  ● disconnected\n"));
    }
}
