//! Why files cannot be imported.

use std::path::PathBuf;

use vscsi_shared::exit_code;
use vscsi_shared::identifier::Name;
use vscsi_shared::vscsistats::Diagnostic;

use crate::failure::{Failure, FileError};
use crate::fio::UnreadableJobFile;
use crate::interrupt::Interruption;
use crate::samples::SamplesError;
use crate::store::StoreError;
use crate::stream::fio_log::UnreadableLog;

/// Why files cannot be imported. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read, or the job not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Something in the data directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The program was told to end.
    #[error(transparent)]
    Interrupted(#[from] Interruption),
    /// A file holds no complete histogram.
    #[error("`{}` holds no complete vscsiStats histogram{detail}", path.display())]
    NothingFound {
        /// The file.
        path: PathBuf,
        /// What was found instead, or nothing.
        detail: String,
    },
    /// A trace holds no read and no write.
    #[error("`{}` is a trace without a command that reads or writes", path.display())]
    EmptyTrace {
        /// The file.
        path: PathBuf,
    },
    /// The files hold several of: prints, a trace, logs of fio.
    #[error("the files are prints, a trace or fio's logs, and one job cannot be made of several of these")]
    SeveralKinds,
    /// A log of fio cannot be used.
    #[error("`{}` cannot be used", path.display())]
    FioLog {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: UnreadableLog,
    },
    /// A log of fio, by its name, holds something else than completions.
    #[error("`{}` holds {holds}, and not when commands were completed", path.display())]
    OtherFioLog {
        /// The file.
        path: PathBuf,
        /// What it holds.
        holds: &'static str,
    },
    /// The fio file that was run cannot be read.
    #[error("`{}` cannot be read as a fio file", path.display())]
    FioJob {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: UnreadableJobFile,
    },
    /// A section of the fio file has several targets, or names none.
    #[error("the section [{section}] of the fio file does not name one target")]
    NoSingleTarget {
        /// Name of the section.
        section: String,
    },
    /// The name of a log does not say which job of the fio file wrote it.
    #[error("the name of `{}` does not tell which of the {jobs} jobs of the fio file it is of", path.display())]
    NoJobOfLog {
        /// The log.
        path: PathBuf,
        /// Jobs of the fio file.
        jobs: usize,
    },
    /// Commands were issued to several files, and which of them the completions are of is not known.
    #[error("commands were issued to {files} files, and the logs of completions do not tell which of them they are of")]
    SeveralFiles {
        /// Number of files.
        files: usize,
    },
    /// A fio file was named, and no log of it.
    #[error("`{}` tells which target each of fio's logs belongs to, and none of the files is such a log", job_file.display())]
    NoFioLogs {
        /// The fio file.
        job_file: PathBuf,
    },
    /// fio's logs hold no read and no write.
    #[error("fio's logs hold no command that reads or writes")]
    EmptyFioLogs,
    /// Commands reach over more samples than a job may have.
    #[error(
        "the commands lie over {seconds} s, which are {samples} samples of the interval, and a job has at most \
         {most}"
    )]
    TooLong {
        /// From its first command to its last.
        seconds: u64,
        /// Samples of the interval in that time.
        samples: u64,
        /// Samples that a job may have.
        most: u32,
    },
    /// The job that was made cannot be read back.
    #[error("the imported job cannot be read back")]
    Unusable(#[source] Box<SamplesError>),
    /// The only print was to be left out.
    #[error("there is only one print, and as a baseline it leaves nothing to count")]
    OnlyBaseline,
    /// No file tells how long its capture took.
    #[error("the duration of the capture cannot be derived: it holds too few interarrival times")]
    NoDuration,
    /// No file tells how long its capture took, and one of them is not whole.
    #[error(
        "the duration of the capture cannot be derived: part of `{}` is missing or unusable ({diagnostic})",
        path.display()
    )]
    NoDurationInPart {
        /// The file.
        path: PathBuf,
        /// What is missing in it.
        diagnostic: Diagnostic,
    },
    /// The name is in use.
    #[error("there is already a job `{0}`")]
    NameTaken(Name),
    /// The name and the number of the VM do not fit a name together.
    #[error("the files hold several VMs, and `{name}` is too long to be extended for each")]
    NameTooLong {
        /// The name asked for.
        name: Name,
    },
}

impl ImportError {
    pub(super) fn unusable(error: impl Into<SamplesError>) -> Self {
        Self::Unusable(Box::new(error.into()))
    }
}

impl Failure for ImportError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::File(error) => error.exit_code(),
            Self::Store(error) => error.exit_code(),
            Self::Interrupted(interruption) => interruption.exit_code(),
            Self::Unusable(error) => error.exit_code(),
            Self::NothingFound { .. }
            | Self::EmptyTrace { .. }
            | Self::FioLog { .. }
            | Self::FioJob { .. }
            | Self::EmptyFioLogs => exit_code::FAILED,
            Self::SeveralKinds
            | Self::OtherFioLog { .. }
            | Self::NoSingleTarget { .. }
            | Self::NoJobOfLog { .. }
            | Self::SeveralFiles { .. }
            | Self::NoFioLogs { .. }
            | Self::TooLong { .. }
            | Self::OnlyBaseline
            | Self::NoDuration
            | Self::NoDurationInPart { .. }
            | Self::NameTaken(_)
            | Self::NameTooLong { .. } => exit_code::USAGE,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Interrupted(interruption) => interruption.hint(),
            Self::Unusable(error) => error.hint(),
            Self::NothingFound { .. } => Some("give the output of `vscsiStats -p all -c`, unchanged".to_owned()),
            Self::EmptyTrace { .. } => Some("export the trace again with `vscsiStats -e`".to_owned()),
            Self::TooLong { .. } => Some(
                "give a longer `--interval`, or leave it out; where the time cannot be, one line has a damaged time stamp"
                    .to_owned(),
            ),
            Self::SeveralKinds => Some("import them one after the other".to_owned()),
            Self::FioLog { source, .. } => Some(match source {
                UnreadableLog::Averaged { .. } => {
                    "run fio again with `write_lat_log=NAME` and `log_offset=1`, and without `log_avg_msec`".to_owned()
                }
                UnreadableLog::NoOffsets => {
                    "run fio again with `write_lat_log=NAME` and `log_offset=1`, and from 3.38 on `log_issue_time=1`".to_owned()
                }
                UnreadableLog::NoTimes => "run fio 3.33 or newer with `write_iolog=FILE`".to_owned(),
                UnreadableLog::Read(_) | UnreadableLog::Line { .. } => {
                    "copy the file again; where fio was killed its last line is cut off and may be deleted".to_owned()
                }
            }),
            Self::OtherFioLog { .. } => {
                Some("give the completion logs of the same run, NAME_clat.N.log, alone".to_owned())
            }
            Self::FioJob { .. } => Some("give the fio file that was run".to_owned()),
            Self::NoSingleTarget { .. } => {
                Some("leave out `--fio-job`, and import the logs of one target at a time".to_owned())
            }
            Self::NoJobOfLog { .. } => Some(
                "give the logs under the names that fio gave them, NAME_clat.N.log, and the fio file that was run"
                    .to_owned(),
            ),
            Self::SeveralFiles { .. } => {
                Some("name the fio file with `--fio-job FILE`, or import the logs of one target at a time".to_owned())
            }
            Self::NoFioLogs { .. } => Some("add the logs, NAME_clat.N.log, or leave out `--fio-job`".to_owned()),
            Self::EmptyFioLogs => {
                Some("give the completion logs of a run that read or wrote, NAME_clat.N.log".to_owned())
            }
            Self::OnlyBaseline => Some("leave out `--first-print baseline`, or add the prints after it".to_owned()),
            Self::NoDurationInPart { .. } => Some(
                "copy the file again, or use what is there and give the time between two prints with \
                 `--interval SECONDS`"
                    .to_owned(),
            ),
            Self::NoDuration => Some("give the time between two prints with `--interval SECONDS`".to_owned()),
            Self::NameTaken(_) => Some("choose another name with `--name`".to_owned()),
            Self::NameTooLong { .. } => Some("choose a shorter name with `--name`".to_owned()),
        }
    }
}
