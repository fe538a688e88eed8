//! Threads that are small: userworld memory on ESXi is reserved, not overcommitted.

use std::io;
use std::thread;

/// Stack of a thread, bytes: enough for a list of VMs, a job's JSON, or a command of the host.
const STACK_BYTES: usize = 128 * 1024;

/// Starts a thread that nobody waits for.
///
/// # Errors
/// When the host refuses another one.
pub(crate) fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    // Boxed, so that the machinery of a thread is in the program once.
    let work: Box<dyn FnOnce() + Send> = Box::new(work);
    thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK_BYTES)
        .spawn(work)
        .map(drop)
}
