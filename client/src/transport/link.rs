//! A duplex stream of bytes with a deadline on reading.

use std::fmt::Debug;
use std::io;
use std::time::Duration;

use super::TransportError;

/// A duplex stream of bytes to an agent.
pub trait Link: Debug + Send + Sync {
    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// When the other end is gone.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Reads what there is, at least one byte; 0 at the end of the stream.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when nothing came within `timeout`; otherwise when the stream broke.
    fn receive(&mut self, buffer: &mut [u8], timeout: Option<Duration>) -> io::Result<usize>;

    /// Why the stream ended, to be asked after it did.
    fn post_mortem(&mut self) -> TransportError;
}
