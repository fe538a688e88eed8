//! `vscsiStats -p …`: the histograms of disks, as CSV (`-c`) or plain text.

use crate::histogram::{Histogram, HistogramKind};
use crate::identifier::{HandleId, WorldGroupId};

use super::{Diagnostic, Parser, PrintedTime};

/// The histograms of one disk in one print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskHistograms {
    /// World group of the VM.
    pub world_group_id: WorldGroupId,
    /// Handle of the disk, exactly as printed.
    pub handle_id: HandleId,
    /// Virtual device node such as `scsi0:0`; hosts of the 4.x era do not print it.
    pub node: Option<String>,
    histograms: [Option<Histogram>; HistogramKind::COUNT],
}

impl DiskHistograms {
    /// A disk without any histogram yet.
    pub fn new(world_group_id: WorldGroupId, handle_id: HandleId, node: Option<String>) -> Self {
        Self {
            world_group_id,
            handle_id,
            node,
            histograms: Default::default(),
        }
    }

    /// The histogram of this kind, when it was printed completely.
    pub fn get(&self, kind: HistogramKind) -> Option<&Histogram> {
        self.histograms.get(kind.index()).and_then(Option::as_ref)
    }

    /// Stores a histogram; an earlier one of the same kind is replaced and returned.
    pub fn insert(&mut self, kind: HistogramKind, histogram: Histogram) -> Option<Histogram> {
        self.histograms
            .get_mut(kind.index())
            .and_then(|slot| slot.replace(histogram))
    }

    /// The histograms present, in print order.
    pub fn iter(&self) -> impl Iterator<Item = (HistogramKind, &Histogram)> {
        HistogramKind::ALL
            .into_iter()
            .zip(&self.histograms)
            .filter_map(|(kind, slot)| Some((kind, slot.as_ref()?)))
    }
}

/// What one run of `vscsiStats -p` printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Print {
    /// The disks in the order printed.
    pub disks: Vec<DiskHistograms>,
    /// The time that somebody had printed beside it: the last one before it, or the first one behind it where the first
    /// print has none before it.
    pub time: Option<PrintedTime>,
}

impl Print {
    /// A print of these disks, without a time beside it.
    pub fn new(disks: Vec<DiskHistograms>) -> Self {
        Self { disks, time: None }
    }
}

/// Everything found in an input, which may hold several prints one after another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// The prints in order; a histogram that a disk of the current print already has begins the next one.
    pub prints: Vec<Print>,
    /// What could not be used.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads everything complete from the output of `vscsiStats -p`, CSV or plain text, even mixed in one input.
///
/// Line ends may be LF, CRLF or CR; a byte order mark is skipped, and UTF-16 is read, also without one; control
/// characters and invalid UTF-8 end up in diagnostics. Text before the first histogram, such as a shell prompt, is
/// reported once.
///
/// What people keep is often no longer what vscsiStats printed. Where the numbers are unambiguous they are read all the
/// same, with a diagnostic at the first line that shows it (those of which [`is_loss`](super::DiagnosticKind::is_loss)
/// is false): cells between semicolons or tabs, in quotation marks, or padded by empty ones, as spreadsheets save them; large numbers
/// that one rounded; no-break spaces; text before each line, such as a time stamp, a quote mark or a prompt, as long as
/// the buckets then add up to the printed count; and histograms whose minimum, maximum, mean or count is missing.
///
/// For inputs that should not be in memory as a whole there is [`Parser`].
pub fn parse(input: &[u8]) -> Parsed {
    let mut parser = Parser::new();
    parser.push(input);
    parser.finish()
}
