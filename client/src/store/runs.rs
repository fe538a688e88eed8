//! `analysis/files.json`: what the last analysis left in the directory of its job, so that the next one leaves no mix of
//! both.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::{JobFiles, write_json};
use crate::failure::FileError;

/// Largest list that is read, bytes.
const SIZE_LIMIT: u64 = 1024 * 1024;

impl JobFiles {
    /// Makes `written` what an analysis left here: what the one before wrote and this one did not is removed. Files
    /// elsewhere are none of it. Returns what was removed.
    ///
    /// # Errors
    /// When a file cannot be removed, or the list not be written.
    pub fn leave_only(&self, written: &[PathBuf]) -> Result<Vec<PathBuf>, FileError> {
        let own: BTreeSet<PathBuf> = written
            .iter()
            .filter_map(|path| Some(path.strip_prefix(self.path()).ok()?.to_owned()))
            .collect();
        let list = self.analysis().join("files.json");
        let mut removed = Vec::new();
        for stale in last_time(&list).into_iter().filter(|path| !own.contains(path)) {
            let path = self.path().join(stale);
            match fs::remove_file(&path) {
                Ok(()) => removed.push(path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(FileError::new("remove", &path)(error)),
            }
        }
        write_json(&list, &own)?;
        Ok(removed)
    }
}

/// What the list names, relative to the job. A list that cannot be read names nothing, and neither does a path that leads
/// out of the job.
fn last_time(list: &Path) -> Vec<PathBuf> {
    let small = fs::metadata(list).is_ok_and(|metadata| metadata.len() <= SIZE_LIMIT);
    let bytes = fs::read(list).ok().filter(|_| small).unwrap_or_default();
    let paths: Vec<PathBuf> = serde_json::from_slice(&bytes).unwrap_or_default();
    let stays_inside = |path: &PathBuf| path.components().all(|part| matches!(part, Component::Normal(_)));
    paths.into_iter().filter(stays_inside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> (tempfile::TempDir, JobFiles) {
        let folder = tempfile::tempdir().unwrap();
        let job = JobFiles::at(folder.path().join("job"));
        fs::create_dir_all(job.analysis()).unwrap();
        (folder, job)
    }

    fn write(path: PathBuf) -> PathBuf {
        fs::write(&path, "x").unwrap();
        path
    }

    #[test]
    fn what_the_analysis_before_left_goes_and_what_others_wrote_stays() {
        let (_folder, job) = job();
        let [summary, data, own] =
            ["summary.json", "filtered_data.csv", "notes.txt"].map(|name| write(job.analysis().join(name)));
        assert!(job.leave_only(&[summary.clone(), data.clone()]).unwrap().is_empty());
        assert_eq!(job.leave_only(std::slice::from_ref(&summary)).unwrap(), [data]);
        assert!(summary.exists() && own.exists());
    }

    #[test]
    fn a_list_that_leads_out_of_the_job_removes_nothing_there() {
        let (folder, job) = job();
        let outside = write(folder.path().join("precious"));
        fs::write(job.analysis().join("files.json"), r#"["../precious", "/etc/hostname"]"#).unwrap();
        job.leave_only(&[]).unwrap();
        assert!(outside.exists());
    }
}
