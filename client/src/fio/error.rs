//! Why a file cannot be made.

use vscsi_shared::exit_code;

use super::iolog::UnreadableIolog;
use super::job_file::UnreadableJobFile;
use crate::failure::Failure;
use crate::number::size;

/// Why no file was made of a workload.
#[derive(Debug, thiserror::Error)]
pub enum FioError {
    /// There is no command to replay.
    #[error("the selected samples hold no read and no write, so there is nothing to replay")]
    NoCommands,
    /// A replay log was asked for with a tool that reads none.
    #[error("only fio reads a replay log, and another tool was asked for")]
    StyleWithoutFio,
    /// Something was asked for that jobs cannot do.
    #[error("{options} belongs to a replay log, and jobs were asked for")]
    OptionOfLogs {
        /// What was asked for.
        options: String,
    },
    /// The region is too small for the commands.
    #[error("a span of {span_bytes} bytes is too small for commands of {largest_bytes} bytes")]
    SpanTooSmall {
        /// The span asked for.
        span_bytes: u64,
        /// The largest command.
        largest_bytes: u64,
        /// The smallest span accepted.
        least_bytes: u64,
    },
    /// A replay log would be too long.
    #[error("a replay log would hold {commands} commands: about {} and {seconds} s of work", size(*bytes))]
    LogTooLong {
        /// Commands in it.
        commands: u64,
        /// Its size.
        bytes: u64,
        /// How long it takes to make.
        seconds: u64,
    },
    /// The region is smaller than the one that a trace reaches.
    #[error(
        "a span of {span_bytes} bytes is smaller than the {least_bytes} bytes that the commands of the trace reach"
    )]
    SpanOfTrace {
        /// The span asked for.
        span_bytes: u64,
        /// The smallest span that holds every command.
        least_bytes: u64,
    },
    /// The trace that a job was made from cannot be read.
    #[error("the trace of the job cannot be read: {0}")]
    Trace(std::io::Error),
    /// The capture's histograms do not have the edges this needs.
    #[error("the capture holds no usable {part}, which a replay log is sampled from")]
    MissingHistogram {
        /// The histogram.
        part: String,
    },
    /// Disks were to be replayed apart with a tool whose file has one target.
    #[error("only fio files have a target for each disk, and another tool was asked for")]
    LayoutWithoutFio,
    /// Phases were to be replayed with a tool whose file has none.
    #[error("only fio files have phases, and another tool was asked for")]
    PhasesWithoutFio,
    /// Our own reading of a file failed.
    #[error("a generated file cannot be read back: {0}")]
    Unreadable(#[from] UnreadableJobFile),
    /// Our own reading of a replay log failed.
    #[error("a generated replay log cannot be read back: {0}")]
    UnreadableIolog(#[from] UnreadableIolog),
    /// Writing to our own reader failed, which has no cause of its own.
    #[error("a generated replay log cannot be read back: {0}")]
    ReadBack(std::io::Error),
}

impl Failure for FioError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::NoCommands => exit_code::NOTHING_LEFT,
            Self::StyleWithoutFio
            | Self::OptionOfLogs { .. }
            | Self::SpanTooSmall { .. }
            | Self::SpanOfTrace { .. }
            | Self::LogTooLong { .. }
            | Self::LayoutWithoutFio
            | Self::PhasesWithoutFio => exit_code::USAGE,
            Self::Trace(_)
            | Self::MissingHistogram { .. }
            | Self::Unreadable(_)
            | Self::UnreadableIolog(_)
            | Self::ReadBack(_) => exit_code::FAILED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoCommands => Some("select other samples with `--from`, `--to` or `--filter`".to_owned()),
            Self::StyleWithoutFio => Some("leave out `--style iolog`, or take `--tool fio`".to_owned()),
            Self::OptionOfLogs { .. } => Some("leave it out, or write a replay log with `--style iolog`, which only fio reads".to_owned()),
            Self::SpanTooSmall { least_bytes, .. } | Self::SpanOfTrace { least_bytes, .. } => {
                Some(format!("give at least `--span {least_bytes}`"))
            }
            Self::LogTooLong { .. } => Some(
                "choose fewer samples with `--from` and `--to`, or give a shorter `--duration`, or take `--style jobs`; where the \
                 rate cannot be, look at the findings"
                    .to_owned(),
            ),
            Self::Trace(_) => Some("import the trace again; `--style jobs` needs only the samples".to_owned()),
            Self::LayoutWithoutFio => Some("leave out `--layout per-disk`, or take `--tool fio`".to_owned()),
            Self::PhasesWithoutFio => Some("leave out `--phases` and `--phase`, or take `--tool fio`".to_owned()),
            Self::MissingHistogram { .. } => Some("`--style jobs` needs less".to_owned()),
            Self::Unreadable(_) | Self::UnreadableIolog(_) | Self::ReadBack(_) => None,
        }
    }
}
