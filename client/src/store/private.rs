//! Files and directories that are their owner's alone: 0600 and 0700, whatever the umask, and no link is followed.
//!
//! On systems without such modes the home directory's own rights do this.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

use super::StoreError;
use crate::failure::FileError;

/// Makes a directory, with those above it that are missing, so that only its owner may enter them.
///
/// # Errors
/// When it cannot be made.
pub fn create_directory(path: &Path) -> Result<(), FileError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(FileError::new("create", path))
}

/// Opens a file, made if `options` say so, so that only its owner may read it. A link in its place is an error.
///
/// # Errors
/// When it cannot be opened.
pub fn open_file(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    options.open(path)
}

/// Puts a new file at `path`, which only its owner may read.
///
/// # Errors
/// When something is there, or it cannot be written.
pub fn create_file(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let create = || {
        io::Write::write_all(
            &mut open_file(path, OpenOptions::new().write(true).create_new(true))?,
            bytes,
        )
    };
    create().map_err(FileError::new("write", path))
}

/// Refuses a directory whose content somebody else could have put there: what it says is obeyed, down to which program
/// reaches a host. git does the same with a repository (CVE-2022-24765).
///
/// # Errors
/// When it has another owner, or others may write to it. One that is not there is nobody's.
#[cfg(unix)]
pub(super) fn check_directory(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(FileError::new("look at", path)(error).into()),
    };
    let own = rustix::process::geteuid().as_raw();
    if metadata.uid() != own {
        return Err(StoreError::NotOurs {
            path: path.to_owned(),
            owner: metadata.uid(),
            own,
        });
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o022 != 0 {
        return Err(StoreError::OthersWrite {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn check_directory(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::failure::Failure as _;

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_for_its_owner_only() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        create_directory(&folder).unwrap();
        let file = folder.join("file");
        create_file(&file, b"x").unwrap();
        let modes = [root.path().join("a"), folder.clone(), file].map(|path| mode_of(&path));
        assert_eq!(modes, [0o700, 0o700, 0o600]);
    }

    #[test]
    fn a_link_that_was_planted_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let (target, link) = (root.path().join("target"), root.path().join("link"));
        fs::write(&target, "theirs").unwrap();
        symlink(&target, &link).unwrap();
        assert!(open_file(&link, OpenOptions::new().write(true).truncate(true)).is_err());
        assert!(create_file(&link, b"x").is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_refused_with_how_to_fix_it() {
        let root = tempfile::tempdir().unwrap();
        for (mode, is_refused) in [
            (0o700, false),
            (0o755, false),
            (0o775, true),
            (0o757, true),
            (0o1777, true),
        ] {
            fs::set_permissions(root.path(), fs::Permissions::from_mode(mode)).unwrap();
            let checked = check_directory(root.path());
            assert_eq!(checked.is_err(), is_refused, "{mode:o}");
            if let Err(error) = checked {
                assert!(error.hint().unwrap().contains("chmod -R go-w"), "{error}");
            }
        }
    }

    #[test]
    fn a_directory_of_another_owner_is_refused_with_how_to_fix_it() {
        // Whoever runs this, one of these two is not theirs.
        let own = rustix::process::geteuid().as_raw();
        let root = tempfile::tempdir().unwrap();
        let theirs = if own == 0 {
            std::os::unix::fs::chown(root.path(), Some(12345), None).unwrap();
            root.path()
        } else {
            Path::new("/")
        };
        let error = check_directory(theirs).unwrap_err();
        assert!(matches!(error, StoreError::NotOurs { .. }), "{error}");
        assert!(error.hint().unwrap().contains("chown"), "{error}");
    }
}
