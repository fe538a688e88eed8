//! Why a file cannot be made.

use super::iolog::UnreadableIolog;
use super::job_file::UnreadableJobFile;

/// Why no file was made of a workload.
#[derive(Debug, thiserror::Error)]
pub enum FioError {
    /// There is no command to replay.
    #[error(
        "the selected samples hold no read and no write, so there is nothing to replay; select others with --from, --to or --filter"
    )]
    NoCommands,
    /// The region is too small for the commands.
    #[error(
        "a span of {span_bytes} bytes is too small for commands of {largest_bytes} bytes; give at least {least_bytes} with --span"
    )]
    SpanTooSmall {
        /// The span asked for.
        span_bytes: u64,
        /// The largest command.
        largest_bytes: u64,
        /// The smallest span accepted.
        least_bytes: u64,
    },
    /// The capture's histograms do not have the edges this needs.
    #[error("the capture holds no usable {part}, which a replay log is sampled from; `--style jobs` needs less")]
    MissingHistogram {
        /// The histogram.
        part: String,
    },
    /// Our own reading of a file failed.
    #[error("a generated file cannot be read back: {0}")]
    Unreadable(#[from] UnreadableJobFile),
    /// Our own reading of a replay log failed.
    #[error("a generated replay log cannot be read back: {0}")]
    UnreadableIolog(#[from] UnreadableIolog),
    /// Writing to our own reader failed, which has no cause of its own.
    #[error("a generated replay log cannot be read back: {0}")]
    ReadBack(std::io::Error),
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
