//! What a process that waits in a system call has in its memory, and what its paths mean.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};

/// Memory is read so far at once and not across a border of it, behind which there may be none.
const PAGE_BYTES: u64 = 4096;

/// As many links as Linux follows in one path.
const LINKS_AT_MOST: u32 = 40;

/// A process, by its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tracee(pub(crate) u32);

impl Tracee {
    /// The text that ends with a NUL at `address`.
    pub(crate) fn text(self, mut address: u64) -> io::Result<PathBuf> {
        let memory = File::open(self.entry("mem"))?;
        let mut text = Vec::new();
        while text.len() < usize::try_from(libc::PATH_MAX).unwrap_or(usize::MAX) {
            let room = PAGE_BYTES - address % PAGE_BYTES;
            let mut piece = vec![0; usize::try_from(room).unwrap_or(0)];
            memory.read_exact_at(&mut piece, address)?;
            if let Some(end) = piece.iter().position(|byte| *byte == 0) {
                text.extend(&piece[..end]);
                return Ok(PathBuf::from(OsStr::from_bytes(&text)));
            }
            text.extend(piece);
            address += room;
        }
        Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG))
    }

    /// The file of its program.
    pub(crate) fn program(self) -> io::Result<PathBuf> {
        fs::read_link(self.entry("exe"))
    }

    /// Puts bytes at `address`.
    pub(crate) fn write(self, address: u64, bytes: &[u8]) -> io::Result<()> {
        let memory = fs::OpenOptions::new().write(true).open(self.entry("mem"))?;
        memory.write_all_at(bytes, address)
    }

    /// What a path relative to the descriptor `folder` (or `AT_FDCWD`) means; an empty one is the descriptor itself.
    pub(crate) fn relative_to(self, folder: i32, path: &Path) -> io::Result<PathBuf> {
        if path.is_absolute() || folder == libc::AT_FDCWD {
            return Ok(path.to_owned());
        }
        let folder = fs::read_link(self.entry(&format!("fd/{folder}")))?;
        Ok(self.in_its_root(&folder)?.join(path))
    }

    /// The file behind a path of the process, with all links followed, as this process sees it.
    pub(crate) fn resolve(self, path: &Path) -> io::Result<PathBuf> {
        let root = fs::read_link(self.entry("root"))?;
        let start = if path.is_absolute() {
            PathBuf::from("/")
        } else {
            self.in_its_root(&fs::read_link(self.entry("cwd"))?)?
        };
        resolve_below(&root, &start.join(path))
    }

    /// A path of this process as the other one would name it.
    fn in_its_root(self, path: &Path) -> io::Result<PathBuf> {
        let root = fs::read_link(self.entry("root"))?;
        let below = path.strip_prefix(&root).map_err(io::Error::other)?;
        Ok(Path::new("/").join(below))
    }

    fn entry(self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.0.to_string()).join(name)
    }
}

/// Follows the links of an absolute path inside a changed root, where `/` and the `..` of it are `root`.
fn resolve_below(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let mut left: VecDeque<PathBuf> = steps(path);
    let mut found = root.to_owned();
    let mut links = 0;
    while let Some(step) = left.pop_front() {
        match step.components().next() {
            Some(Component::RootDir) => root.clone_into(&mut found),
            Some(Component::ParentDir) if found != root => {
                found.pop();
            }
            Some(Component::Normal(name)) => {
                let next = found.join(name);
                if !next.symlink_metadata()?.is_symlink() {
                    found = next;
                    continue;
                }
                links += 1;
                if links > LINKS_AT_MOST {
                    return Err(io::Error::from_raw_os_error(libc::ELOOP));
                }
                for step in steps(&fs::read_link(next)?).into_iter().rev() {
                    left.push_front(step);
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

fn steps(path: &Path) -> VecDeque<PathBuf> {
    path.components().map(|step| PathBuf::from(step.as_os_str())).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_and_parents_stay_inside_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("vmfs/volumes/5f1c")).unwrap();
        fs::create_dir_all(root.join("usr/bin")).unwrap();
        fs::write(root.join("usr/bin/tool"), "").unwrap();
        symlink("5f1c", root.join("vmfs/volumes/datastore1")).unwrap();
        symlink("/usr/bin/tool", root.join("vmfs/volumes/5f1c/link")).unwrap();
        for path in [
            "/usr/bin/tool",
            "/vmfs/volumes/datastore1/link",
            "/../../usr/./bin/tool",
            "/vmfs/volumes/datastore1/../../../usr/bin/tool",
        ] {
            let found = resolve_below(&root, Path::new(path)).unwrap();
            assert_eq!(found, root.join("usr/bin/tool"), "{path}");
        }
    }

    #[test]
    fn a_link_to_itself_and_a_missing_file_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        symlink("loop", folder.path().join("loop")).unwrap();
        assert!(resolve_below(folder.path(), Path::new("/loop")).is_err());
        assert!(resolve_below(folder.path(), Path::new("/nothing")).is_err());
    }

    #[test]
    fn a_process_reads_its_own_text() {
        let text = c"/vmfs/volumes/datastore1/agent";
        let own = Tracee(std::process::id());
        let found = own.text(text.as_ptr() as u64).unwrap();
        assert_eq!(found, Path::new("/vmfs/volumes/datastore1/agent"));
        assert_eq!(own.resolve(Path::new("/")).unwrap(), Path::new("/"));
    }
}
