//! System calls that only `doctor` makes, to learn which a host has.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// Size of the mapping that is tried, bytes.
const PAGE: usize = 4096;

fn done(result: impl Into<i64>) -> io::Result<()> {
    if result.into() < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Takes over a descriptor that a call has made, so that it is closed.
fn close(descriptor: i32) -> io::Result<()> {
    done(descriptor)?;
    // SAFETY: the call has just made this descriptor, and nobody else knows it.
    drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
    Ok(())
}

/// `getrandom(2)` itself, which every C library wraps differently.
pub(crate) fn probe_getrandom() -> io::Result<()> {
    let mut bytes = [0_u8; 16];
    // SAFETY: the pointer is valid for writes of `bytes.len()` bytes.
    done(unsafe { libc::syscall(libc::SYS_getrandom, bytes.as_mut_ptr(), bytes.len(), 0) })
}

/// `ioctl(FIONBIO)`, on which the standard library's nonblocking mode rests.
pub(crate) fn probe_nonblocking(descriptor: &impl std::os::fd::AsFd) -> io::Result<()> {
    let mut on: libc::c_int = 1;
    // SAFETY: FIONBIO reads one int, which `on` is, for the duration of the call.
    done(unsafe { libc::ioctl(descriptor.as_fd().as_raw_fd(), libc::FIONBIO as _, &raw mut on) })
}

/// `socketpair(SOCK_SEQPACKET)`, which the standard library's fork path uses.
pub(crate) fn probe_seqpacket_pair() -> io::Result<()> {
    let mut pair = [-1; 2];
    // SAFETY: the pointer is valid for writes of two ints.
    done(unsafe { libc::socketpair(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0, pair.as_mut_ptr()) })?;
    pair.into_iter().try_for_each(close)
}

/// `eventfd2(2)`.
pub(crate) fn probe_eventfd() -> io::Result<()> {
    // SAFETY: eventfd touches no memory of this process.
    close(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) })
}

/// `epoll_pwait(2)` itself, which a C library may replace by `epoll_wait`.
pub(crate) fn probe_epoll_pwait() -> io::Result<()> {
    // SAFETY: epoll_create1 touches no memory of this process.
    let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    done(epoll)?;
    // SAFETY: epoll_create1 has just made this descriptor, and nobody else knows it.
    let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    let no_signals: *const libc::sigset_t = std::ptr::null();
    // SAFETY: the event pointer is valid for the one event announced; a null signal set is allowed.
    done(unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait,
            epoll.as_raw_fd(),
            &raw mut event,
            1,
            0,
            no_signals,
            8_usize,
        )
    })
}

/// `mmap(MAP_SHARED)` of a file, with a write through it. The file has at least [`PAGE`] bytes.
pub(crate) fn probe_shared_mapping(file: &File) -> io::Result<()> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a mapping at an address of the kernel's choice touches no memory of this process.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            PAGE,
            protection,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the mapping is writable, has PAGE bytes, and the file behind it is as long; nobody else uses either.
    unsafe { address.cast::<u8>().write_volatile(1) };
    // SAFETY: the mapping was made above with this length and is not used any more.
    done(unsafe { libc::munmap(address, PAGE) })
}
