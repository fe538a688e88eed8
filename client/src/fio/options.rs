//! What the user may choose about a generated file.

use std::fmt;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::pace::{Intensity, Speed, sector_size};

/// How a workload is written for fio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// One or more fio jobs per direction; runs on older versions of fio too
    #[default]
    Jobs,
    /// A timed replay log, of the commands of a trace or sampled from the histograms; needs fio 3.36 or newer
    Iolog,
}

/// How fast the replay goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// At the measured rate
    #[default]
    Measured,
    /// As fast as the queue depth allows
    Max,
}

/// What a target of the replay stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// All disks together on one target
    #[default]
    Aggregate,
    /// Each disk on a target of its own
    PerDisk,
}

/// The program a file is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// fio, with a stated fidelity
    #[default]
    Fio,
    /// A vdbench parameter file
    Vdbench,
    /// A diskspd command line
    Diskspd,
}

impl Tool {
    /// Extension of the file written for it.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Fio => "fio",
            Self::Vdbench => "vdbench",
            Self::Diskspd => "cmd",
        }
    }

    /// What that file is called in a list of outputs.
    pub fn file_title(self) -> &'static str {
        match self {
            Self::Fio => "fio job",
            Self::Vdbench => "vdbench",
            Self::Diskspd => "diskspd",
        }
    }
}

/// A number of bytes, written with fio's binary suffixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSize(pub u64);

/// A text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a size: write bytes, or a number with k, m, g or t, such as 64g")]
pub struct InvalidSize {
    text: String,
}

impl FromStr for ByteSize {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = super::job_file::parse_number(text).filter(|bytes| *bytes > 0);
        number.map(Self).ok_or_else(|| InvalidSize {
            text: text.chars().take(40).collect(),
        })
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&crate::number::size(self.0))
    }
}

/// The choices, as options of the `analyze` command.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct FioOptions {
    /// How the workload is written for fio
    #[arg(long, value_enum, default_value_t)]
    pub style: Style,
    /// Replay at the measured rate, or as fast as the queue depth allows
    #[arg(long, value_enum, default_value_t)]
    pub pace: Pace,
    /// Replay all disks on one target, or each on its own
    #[arg(long, value_enum, default_value_t)]
    pub layout: Layout,
    /// Program to write a file for
    #[arg(long, value_enum, default_value_t)]
    pub tool: Tool,
    /// Size of the region the replay works on [default: the longest seek measured, at least 1g]
    #[arg(long, value_name = "SIZE")]
    pub span: Option<ByteSize>,
    /// Length of the replay in seconds [default: 300, or the measured time with --timeline]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=604_800))]
    pub duration: Option<u32>,
    /// Let the replay log follow sample after sample (the default where samples differ and --duration is not given)
    #[arg(long, overrides_with = "no_timeline")]
    pub timeline: bool,
    /// Let the replay log repeat the average of all samples
    #[arg(long, overrides_with = "timeline")]
    pub no_timeline: bool,
    /// How much faster than measured the replay log passes, such as 2
    #[arg(long, value_name = "FACTOR", default_value_t)]
    pub speed: Speed,
    /// How many of the measured commands the replay log issues in the same time, such as 150%
    #[arg(long, value_name = "PERCENT%", default_value_t)]
    pub intensity: Intensity,
    /// Multiple of bytes that places and sizes in the replay log have [default: 4k, or 512 where commands are not aligned]
    #[arg(long, value_name = "SIZE", value_parser = sector_size)]
    pub sector_size: Option<ByteSize>,
    /// Seed of the sampling; the same seed gives the same file
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
}

impl Default for FioOptions {
    fn default() -> Self {
        Self {
            style: Style::default(),
            pace: Pace::default(),
            layout: Layout::default(),
            tool: Tool::default(),
            span: None,
            duration: None,
            timeline: false,
            no_timeline: false,
            speed: Speed::default(),
            intensity: Intensity::default(),
            sector_size: None,
            seed: 1,
        }
    }
}

/// Seconds of a replay that is as long as one likes.
const USUAL_SECONDS: u32 = 300;

impl FioOptions {
    /// Length of a replay of the average, seconds.
    pub fn seconds(&self) -> u32 {
        self.duration.unwrap_or(USUAL_SECONDS)
    }

    /// Whether the replay log is to follow the samples; `None` when the user left it open.
    pub(super) fn timeline(&self) -> Option<bool> {
        (self.timeline || self.no_timeline).then_some(self.timeline)
    }

    /// How much shorter gaps are than measured.
    pub(super) fn compression(&self) -> f64 {
        match self.style {
            Style::Jobs => 1.0,
            Style::Iolog => self.speed.factor() * self.intensity.factor(),
        }
    }

    /// The same choices for jobs, without those that only a replay log has.
    pub(crate) fn for_jobs(&self) -> Self {
        let usual = Self::default();
        Self {
            style: Style::Jobs,
            timeline: usual.timeline,
            no_timeline: usual.no_timeline,
            speed: usual.speed,
            intensity: usual.intensity,
            sector_size: usual.sector_size,
            ..self.clone()
        }
    }

    /// What was chosen that only a replay log has.
    pub(super) fn choices_for_logs(&self) -> Vec<&'static str> {
        let usual = Self::default();
        let chosen = [
            (self.timeline, "--timeline"),
            (self.no_timeline, "--no-timeline"),
            (self.speed != usual.speed, "--speed"),
            (self.intensity != usual.intensity, "--intensity"),
            (self.sector_size.is_some(), "--sector-size"),
        ];
        chosen
            .into_iter()
            .filter(|(is_chosen, _)| *is_chosen)
            .map(|(_, name)| name)
            .collect()
    }
}
