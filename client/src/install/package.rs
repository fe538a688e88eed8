//! The agent in Python, for hosts that run no foreign binary: its files are part of this program.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::InstallError;
use crate::sha256::hexadecimal;

/// Each file by its name below the folder of the script, in the order of their bytes.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/script.rs"));

/// The files of the agent in Python.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Package;

impl Package {
    /// What `sha256sum` prints for all files, each by its path from the folder, in the order of their bytes.
    pub(crate) fn sums() -> String {
        let mut lines: Vec<(String, String)> = FILES
            .iter()
            .map(|(name, bytes)| (format!("./{name}"), hexadecimal(&Sha256::digest(bytes))))
            .collect();
        lines.sort();
        lines.into_iter().fold(String::new(), |mut text, (name, sum)| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{sum}  {name}");
            text
        })
    }

    /// The one SHA-256 by which the whole script is known: that of [`Package::sums`].
    pub(crate) fn sha256() -> String {
        hexadecimal(&Sha256::digest(Self::sums()))
    }

    /// Bytes of all files.
    pub(crate) fn size_bytes() -> u64 {
        FILES.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }

    /// All files in one archive, for their owner's eyes only.
    ///
    /// # Errors
    /// Never, as long as the names are as short as they are.
    pub(super) fn archive() -> Result<Vec<u8>, InstallError> {
        let mut archive = tar::Builder::new(Vec::new());
        let written = FILES.iter().try_for_each(|(name, bytes)| {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o600);
            header.set_uid(0);
            header.set_gid(0);
            archive.append_data(&mut header, name, *bytes)
        });
        written
            .and_then(|()| archive.into_inner())
            .map_err(|error| InstallError::Step {
                step: "pack the files of the script",
                reason: error.to_string(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_inside_with_its_beginning_and_without_its_tests() {
        let names: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        for name in ["__main__.py", "vscsi_agent/__init__.py", "vscsi_agent/switch/disk.py"] {
            assert!(names.contains(&name), "{names:?}");
        }
        let is_shipped = |name: &&str| name.rsplit('.').next() == Some("py") && !name.starts_with("tests/");
        let strange: Vec<&str> = names.into_iter().filter(|name| !is_shipped(name)).collect();
        assert_eq!(strange, Vec::<&str>::new());
    }

    #[cfg(unix)]
    #[test]
    fn an_unpacked_archive_has_the_sums_that_the_script_is_known_by() {
        let folder = tempfile::tempdir().unwrap();
        let mut unpack = std::process::Command::new("tar");
        unpack.args(["-xf", "-", "-C"]).arg(folder.path());
        unpack.stdin(std::process::Stdio::piped());
        let mut unpack = unpack.spawn().unwrap();
        std::io::Write::write_all(&mut unpack.stdin.take().unwrap(), &Package::archive().unwrap()).unwrap();
        assert!(unpack.wait().unwrap().success());
        let summed = std::process::Command::new("/bin/sh")
            .args(["-c", crate::transport::SUMS_OF_A_FOLDER])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(summed.stdout).unwrap(), Package::sums());
    }
}
