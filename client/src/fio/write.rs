//! Putting a generated job on the disk.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::generate::FioJob;
use super::target_file::TargetFile;
use crate::failure::FileError;
use crate::store::write_atomic;

impl FioJob {
    /// Writes the job file to `path`, its replay logs and its target beside it. Returns everything written.
    ///
    /// # Errors
    /// [`FileError`] when a file cannot be written; the job file comes last, so there is never one without its logs.
    pub fn write(&self, path: &Path, target: &TargetFile) -> Result<Vec<PathBuf>, FileError> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let mut written = Vec::new();
        for companion in &self.companions {
            let log = directory.join(&companion.file_name);
            let failed = || FileError::new("write", &log);
            let file = tempfile::NamedTempFile::new_in(directory).map_err(failed())?;
            let mut out = BufWriter::new(file);
            companion
                .log
                .write(&mut out)
                .and_then(|()| out.flush())
                .map_err(failed())?;
            let file = out.into_inner().map_err(|error| failed()(error.into_error()))?;
            file.persist(&log).map_err(|error| failed()(error.error))?;
            written.push(log);
        }
        let target_path = TargetFile::path_for(path);
        let mut json =
            serde_json::to_vec_pretty(target).map_err(|error| FileError::new("write", &target_path)(error.into()))?;
        json.push(b'\n');
        write_atomic(&target_path, &json)?;
        written.push(target_path);
        write_atomic(path, self.text.as_bytes())?;
        written.push(path.to_owned());
        Ok(written)
    }
}
