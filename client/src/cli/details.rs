//! `-v`: what the libraries tell of their work, on the standard error.
//!
//! They tell it to the `log` facade, because what they do is the same whoever calls them. What libraries of others tell is
//! left out: it was not written with secrets in mind.

use std::io::Write as _;
use std::sync::OnceLock;

use indicatif::MultiProgress;
use log::{LevelFilter, Log, Metadata, Record};

use crate::visible;

/// Whose details are shown.
const OURS: &str = "vscsi_helper";

static DETAILS: OnceLock<Details> = OnceLock::new();

struct Details {
    bars: MultiProgress,
}

impl Log for Details {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(OURS)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = record.args().to_string();
            // Bars are taken off the terminal for the moment. That a detail cannot be written is no reason to fail.
            self.bars.suspend(|| {
                let _ = writeln!(std::io::stderr(), "{}", visible::lines(&text));
            });
        }
    }

    fn flush(&self) {}
}

/// Shows details from here on, beside `bars`.
pub(super) fn show(bars: MultiProgress) {
    // A second logger is refused, which only a second command in one process would ask for.
    if log::set_logger(DETAILS.get_or_init(|| Details { bars })).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}
