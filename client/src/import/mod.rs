//! Existing vscsiStats output becomes a job: CSV (`-c`) and plain text, traces of commands (`-e`), the XML of the vSphere
//! API, tables of commands, and fio's own logs as well.
//!
//! Every print in the files becomes a snapshot, in the order given, so that the analysis treats an import like any
//! other job: growing counters are cumulative and give differences, fallen ones stand alone. The snapshots hold the
//! numbers in the CSV form of vscsiStats, and carry the flag `undated`, because the host's clock was not read with them,
//! and `timed` where a time beside the print tells its moment. A trace becomes the prints that vscsiStats would have made of its commands, and is kept beside them. The logs of a fio run become those of a host on which vscsiStats had
//! counted what fio did.

mod clock;
mod commands;
mod description;
mod error;
mod fio;
mod first_print;
mod job;
mod read;
mod trace;
mod xml;

use std::path::PathBuf;

use jiff::Timestamp;
use vscsi_shared::identifier::Name;

pub use error::ImportError;
pub use first_print::FirstPrint;
pub use read::Warning;

use crate::analysis::{self, Analysis, Filter, Options};
use crate::failure::FileError;
use crate::interrupt::Deferred;
use crate::samples;
use crate::store::{JobDirectory, Store};
use job::Importer;
use read::Found;

/// What an import is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The files, in order of time.
    pub files: Vec<PathBuf>,
    /// Name of the job; several VMs become several jobs, with the world group behind the name.
    pub name: Name,
    /// Time between two prints, seconds.
    pub interval_seconds: Option<u32>,
    /// What the first print is taken for; by default what the prints themselves tell.
    pub first_print: Option<FirstPrint>,
    /// The fio file whose logs the files are: it tells which target each of them belongs to.
    pub fio_job: Option<PathBuf>,
    /// Host the files come from.
    pub host: Option<String>,
    /// Display name of the VM, instead of the one that a file tells.
    pub vm_name: Option<String>,
}

/// A job that was made.
#[derive(Debug)]
pub struct Imported {
    /// Where it is.
    pub directory: JobDirectory,
    /// What all of its samples say.
    pub analysis: Analysis,
    /// Number of prints.
    pub prints: u32,
    /// What the files do not tell, and what would.
    pub notes: Vec<String>,
}

/// Makes jobs from files: all of them, or nothing.
///
/// # Errors
/// [`ImportError`] when a file cannot be used, no duration can be found, or a name is taken, or SIGINT or SIGTERM came.
/// Nothing is left behind.
pub fn import(store: &Store, request: &Request, now: Timestamp) -> Result<(Vec<Imported>, Vec<Warning>), ImportError> {
    // What is being made is as large as the files.
    let deferred = Deferred::begin().map_err(FileError::new("handle signals for", store.root()))?;
    let mut importer = Importer::new(store, request, now)?;
    let mut warnings = Vec::new();
    for path in &request.files {
        let changed_at = read::changed_at(path).unwrap_or(now);
        let diagnostics = read::read_file(path, |found| {
            deferred.check()?;
            match found {
                Found::Print(print, description) => importer.push(print, &description, changed_at),
                Found::Trace(commands) => {
                    importer.push_trace(commands, changed_at);
                    Ok(())
                }
                Found::Fio(log) => {
                    importer.push_fio(log, changed_at);
                    Ok(())
                }
            }
        })?;
        warnings.extend(diagnostics.into_iter().map(|diagnostic| Warning {
            path: path.clone(),
            diagnostic,
        }));
    }
    let everything = Options {
        filter: Filter::None,
        ..Options::default()
    };
    let mut readable = Vec::new();
    for staged in importer.finish(&warnings)? {
        staged.reserve(store)?;
        let loaded = samples::load(&staged.files).map_err(ImportError::unusable)?.loaded;
        if loaded.series.samples.is_empty() {
            if request.first_print == Some(FirstPrint::Baseline) && staged.prints == 1 {
                return Err(ImportError::OnlyBaseline);
            }
            return Err(match warnings.into_iter().rev().find(Warning::is_loss) {
                Some(warning) => ImportError::NoDurationInPart {
                    path: warning.path,
                    diagnostic: warning.diagnostic,
                },
                None => ImportError::NoDuration,
            });
        }
        let job = staged.files.read_job().map_err(ImportError::unusable)?.job;
        let analysis = analysis::analyze(job, loaded, &everything, now).map_err(ImportError::unusable)?;
        readable.push((staged, analysis));
    }
    deferred.check()?;
    let mut jobs = Vec::new();
    for (staged, analysis) in readable {
        jobs.push(Imported {
            directory: staged.publish(store)?,
            prints: staged.prints,
            notes: staged.notes,
            analysis,
        });
    }
    Ok((jobs, warnings))
}
