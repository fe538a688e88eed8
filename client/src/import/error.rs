//! Why files cannot be imported.

use std::path::PathBuf;

use vscsi_shared::exit_code;
use vscsi_shared::identifier::Name;
use vscsi_shared::vscsistats::Diagnostic;

use crate::failure::{Failure, FileError};
use crate::interrupt::Interruption;
use crate::samples::SamplesError;
use crate::store::StoreError;

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
    /// Some of the files hold prints, others a trace.
    #[error("some of the files hold prints and others a trace, and one job cannot be made of both")]
    PrintsAndTrace,
    /// A trace reaches over more samples than a job may have.
    #[error(
        "the commands of the trace lie over {seconds} s, which are {samples} samples of the interval, and a job has at most \
         {most}"
    )]
    TraceTooLong {
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
            Self::NothingFound { .. } | Self::EmptyTrace { .. } => exit_code::FAILED,
            Self::PrintsAndTrace
            | Self::TraceTooLong { .. }
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
            Self::TraceTooLong { .. } => Some(
                "give a longer `--interval`, or leave it out; where the time cannot be, one line has a damaged time stamp"
                    .to_owned(),
            ),
            Self::PrintsAndTrace => Some("import them one after the other".to_owned()),
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
