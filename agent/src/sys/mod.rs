//! The only module with `unsafe` code: the few system calls that the standard library does not offer.
#![expect(
    unsafe_code,
    reason = "system calls without a safe wrapper in std; each block says why it is sound"
)]

mod probe;

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

pub(crate) use probe::{
    probe_epoll_pwait, probe_eventfd, probe_getrandom, probe_nonblocking, probe_seqpacket_pair, probe_shared_mapping,
};

/// `CLOCK_MONOTONIC` in milliseconds.
///
/// Unlike [`std::time::Instant`] the value is comparable between processes of one boot, so that a restarted agent
/// continues the schedule of its jobs.
pub(crate) fn monotonic_ms() -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: the pointer is valid for a write of one timespec for the duration of the call.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr()) };
    if result != 0 {
        return 0;
    }
    // SAFETY: the value was zeroed, and zero is a valid timespec; the call has then written it.
    let time = unsafe { time.assume_init() };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let milliseconds = u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000;
    seconds.saturating_mul(1000).saturating_add(milliseconds)
}

/// Puts this process into a session of its own, so that the end of a login does not end it.
///
/// # Errors
/// When the process leads a process group already.
pub(crate) fn start_session() -> io::Result<()> {
    // SAFETY: setsid takes no arguments and touches no memory of this process.
    match unsafe { libc::setsid() } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Sends `signal` to the process group that `leader` leads.
pub(crate) fn signal_group(leader: u32, signal: i32) -> io::Result<()> {
    let group = i32::try_from(leader).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: kill touches no memory of this process.
    match unsafe { libc::kill(-group, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends `signal` to one process; signal 0 only asks whether it exists.
pub(crate) fn signal_process(process: u32, signal: i32) -> io::Result<()> {
    let process = i32::try_from(process).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: kill touches no memory of this process.
    match unsafe { libc::kill(process, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Files made from here on are readable by their owner alone.
pub(crate) fn private_files() {
    // SAFETY: umask cannot fail and touches no memory of this process.
    unsafe { libc::umask(0o077) };
}

/// What a volume can still take; `None` for what its file system does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Volume {
    /// Bytes that an ordinary write may take.
    pub(crate) free_bytes: Option<u64>,
    /// Files that may be made.
    pub(crate) free_files: Option<u64>,
}

/// The volume of `path`; `None` when the kernel does not tell.
pub(crate) fn volume(path: &Path) -> Option<Volume> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut volume = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path ends with a zero byte, and the pointer is valid for a write of one statvfs.
    let result = unsafe { libc::statvfs(path.as_ptr(), volume.as_mut_ptr()) };
    if result != 0 {
        return None;
    }
    // SAFETY: the value was zeroed, and zero is a valid statvfs; the call has then written it.
    Some(Volume::from(unsafe { volume.assume_init() }))
}

impl From<libc::statvfs> for Volume {
    /// A file system that has no blocks or no files at all does not count them.
    fn from(volume: libc::statvfs) -> Self {
        let block_bytes = if volume.f_frsize == 0 {
            volume.f_bsize
        } else {
            volume.f_frsize
        };
        let tells_blocks = volume.f_blocks > 0 && block_bytes > 0;
        Self {
            free_bytes: tells_blocks.then(|| volume.f_bavail.saturating_mul(block_bytes)),
            free_files: (volume.f_files > 0).then_some(volume.f_favail),
        }
    }
}

/// The name the kernel knows this machine by; empty when it has none.
pub(crate) fn hostname() -> String {
    let mut buffer = [0_u8; 256];
    // SAFETY: the pointer is valid for writes of `buffer.len()` bytes.
    let result = unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len()) };
    if result != 0 {
        return String::new();
    }
    let name = buffer.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(change: impl FnOnce(&mut libc::statvfs)) -> Volume {
        // SAFETY: zero is a valid value of every field of a statvfs.
        let mut volume: libc::statvfs = unsafe { MaybeUninit::zeroed().assume_init() };
        change(&mut volume);
        Volume::from(volume)
    }

    #[test]
    fn a_volume_that_counts_nothing_is_not_full() {
        let nothing = Volume {
            free_bytes: None,
            free_files: None,
        };
        assert_eq!(volume(|_| ()), nothing);
    }

    #[test]
    fn a_full_volume_is_full() {
        let full = volume(|volume| {
            volume.f_frsize = 4096;
            volume.f_blocks = 1000;
            volume.f_files = 100;
        });
        assert_eq!((full.free_bytes, full.free_files), (Some(0), Some(0)));
    }

    #[test]
    fn free_blocks_are_counted_in_fragments_or_else_in_blocks() {
        let fragments = volume(|volume| {
            (volume.f_bsize, volume.f_frsize) = (1 << 20, 4096);
            (volume.f_blocks, volume.f_bavail) = (100, 10);
        });
        assert_eq!(fragments.free_bytes, Some(40_960));
        let blocks = volume(|volume| {
            volume.f_bsize = 1 << 20;
            (volume.f_blocks, volume.f_bavail) = (100, 10);
        });
        assert_eq!(blocks.free_bytes, Some(10 << 20));
    }
}
