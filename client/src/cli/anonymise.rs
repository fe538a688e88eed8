//! Output without names and dates: the same flag for every command that writes what is passed on.

use std::path::PathBuf;

use clap::Args;

use crate::analysis::Analysis;
use crate::analysis::anonymous::Aliases;
use crate::failure::UsageError;
use crate::store::JobReference;

/// Whether what is written is without names and dates.
#[derive(Debug, Args)]
pub(super) struct AnonymiseArg {
    /// Write aliases such as vm-1 for names, none of the notes and paths, and times from 2000-01-01 on instead of dates
    #[arg(long, alias = "anonymize")]
    anonymise: bool,
}

impl AnonymiseArg {
    /// The analysis to write.
    pub(super) fn of(&self, analysis: Analysis, aliases: &mut Aliases) -> Analysis {
        if self.anonymise {
            aliases.anonymise(analysis)
        } else {
            analysis
        }
    }

    /// The file to write where the user names none, by the jobs that it is made of: their names, or their aliases.
    ///
    /// # Errors
    /// When the one of the aliases is there: every run calls its first job `job-1`.
    pub(super) fn usual_file(
        &self,
        jobs: &[(&JobReference, &Analysis)],
        extension: &str,
    ) -> Result<PathBuf, UsageError> {
        let names = jobs.iter().map(|(reference, written)| {
            if self.anonymise {
                written.job.job_id.to_string()
            } else {
                reference.to_string()
            }
        });
        let names: Vec<String> = names.collect();
        let stem = match names.as_slice() {
            // The names of many make no name of a file.
            [_, _, _, ..] => format!("{}-jobs", names.len()),
            few => few.join("-and-"),
        };
        let path = PathBuf::from(format!("{stem}.{extension}"));
        if self.anonymise && path.exists() {
            return Err(UsageError::new(
                format!(
                    "`{}` is there already, and may be what was written of another job",
                    path.display()
                ),
                "name a file with `-o FILE`",
            ));
        }
        Ok(path)
    }
}
