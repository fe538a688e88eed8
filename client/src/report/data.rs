//! What the page's script works with, which the page holds as base64 of deflated JSON: no name of others can end it.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::Serialize;

use super::ladder::Ladder;
use super::numbers::Numbers;
use super::{Charts, Replay, Report};
use crate::chart::{ChartInput, ChartKind};

/// The data, a field for each concept of the script.
#[derive(Debug, Serialize)]
pub(super) struct Data<'a> {
    /// What is said of other samples; `null` where these cannot be merged.
    ladder: Option<&'a Ladder>,
    /// The charts over time; `null` without any.
    charts: Option<Numbers>,
    /// The fio job that can be saved; `null` without one.
    replay: Option<ReplayFile>,
}

/// The fio job as a file.
#[derive(Debug, Serialize)]
struct ReplayFile {
    /// What it is called.
    file: String,
}

impl<'a> Data<'a> {
    pub(super) fn of(report: &'a Report<'_>) -> Self {
        let job = &report.analysis.workload.provenance.job;
        let replay = matches!(report.replay, Replay::Written(_)).then(|| ReplayFile {
            file: format!("{job}-workload.fio"),
        });
        let charts = match &report.charts {
            Charts::Drawn(charts) => {
                let kinds: Vec<ChartKind> = charts.iter().map(|chart| chart.kind).collect();
                Numbers::of(&ChartInput::from(report.analysis), &kinds).ok()
            }
            Charts::Missing(_) => None,
        };
        Self {
            ladder: report.ladder.as_ref(),
            charts,
            replay,
        }
    }

    /// As the page holds it. The same data gives the same text.
    pub(super) fn packed(&self) -> String {
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
        // Writing into memory cannot fail, and every key is a text.
        let _ = packer.write_all(&serde_json::to_vec(self).unwrap_or_default());
        STANDARD.encode(packer.finish().unwrap_or_default())
    }
}
