//! A small file system that a test fills, or closes.

#![expect(
    clippy::unwrap_used,
    reason = "a set-up that fails must fail the test that asked for it"
)]

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// A file system of its own, unmounted at the end.
#[derive(Debug)]
pub struct Volume(PathBuf);

impl Volume {
    /// Mounts one at `path`, made with these options of tmpfs.
    ///
    /// # Panics
    /// When that fails: it needs root.
    pub fn mount(path: PathBuf, options: &str) -> Self {
        fs::create_dir_all(&path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&path);
        assert!(mount.status().unwrap().success(), "this needs root");
        Self(path)
    }

    /// Lets nobody write to it any more.
    ///
    /// # Panics
    /// When that fails.
    pub fn refuse_writing(&self) {
        let mut mount = Command::new("mount");
        mount.args(["-o", "remount,ro"]).arg(&self.0);
        assert!(mount.status().unwrap().success(), "this needs root");
    }

    /// Writes until nothing more goes in. Returns the file that takes the room.
    ///
    /// # Panics
    /// When it ends otherwise.
    pub fn fill(&self) -> PathBuf {
        let path = self.0.join("filling");
        let mut file = fs::File::create(&path).unwrap();
        let piece = vec![0; 4096];
        let refused = loop {
            if let Err(error) = file.write_all(&piece) {
                break error;
            }
        };
        assert_eq!(refused.kind(), std::io::ErrorKind::StorageFull);
        path
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Lazily, because an agent of a failed test may still be there.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
