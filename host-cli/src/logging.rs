//! The log on stderr.

use crate::arguments::Global;
use std::io::IsTerminal as _;
use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// `MDD_LOG` wins over the options: it can name targets, as in `mdd_core=debug,mdd_driver=trace`.
pub(crate) fn install(options: &Global) {
    let level = match (options.quiet, options.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, _) => LevelFilter::DEBUG,
    };
    let ours =
        Targets::new().with_target("mdd_core", level).with_target("mdd_driver", level).with_target("mdd_host", level);
    let ours = ours.with_default(LevelFilter::ERROR);
    let named = std::env::var("MDD_LOG").ok().map(|text| text.parse::<Targets>());
    let (filter, complaint) = match named {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (ours, Some(error)),
        None => (ours, None),
    };
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colours).with_target(false).with_filter(filter);
    tracing_subscriber::registry().with(lines).init();
    if let Some(error) = complaint {
        tracing::warn!(%error, "MDD_LOG cannot be understood");
    }
}
