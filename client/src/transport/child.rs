//! A child process whose standard input and output are the stream.

use std::fmt;
use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Link, TransportError};

/// Bytes moved at once, and the number of such pieces that may wait for the reader.
const PIECE_BYTES: usize = 64 * 1024;
const PIECES_WAITING: usize = 16;
/// The end of what the child says on its standard error is kept, for the explanation of its end.
const STDERR_KEPT_BYTES: usize = 16 * 1024;
/// How long the child may take to end after its output did.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes the reason of the end from the exit status and what the child said.
pub(super) type Explain = Box<dyn Fn(Option<ExitStatus>, &str) -> TransportError + Send + Sync>;

/// A child process whose standard input and output are the stream. Dropping it ends the child.
pub(super) struct ChildLink {
    child: Child,
    stdin: Option<ChildStdin>,
    pieces: Mutex<Receiver<io::Result<Vec<u8>>>>,
    piece: Vec<u8>,
    consumed: usize,
    stderr: Arc<Mutex<Vec<u8>>>,
    stderr_reader: Option<JoinHandle<()>>,
    explain: Explain,
}

impl ChildLink {
    /// Starts `command`.
    pub(super) fn spawn(mut command: Command, explain: Explain) -> Result<Self, TransportError> {
        let program = command.get_program().to_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| TransportError::Program {
                program: program.into(),
                source,
            })?;
        let (sender, receiver) = sync_channel(PIECES_WAITING);
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || forward_pieces(stdout, &sender));
        }
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let stderr_reader = child.stderr.take().map(|pipe| {
            let kept = Arc::clone(&stderr);
            std::thread::spawn(move || keep_end(pipe, &kept))
        });
        Ok(Self {
            stdin: child.stdin.take(),
            child,
            pieces: Mutex::new(receiver),
            piece: Vec::new(),
            consumed: 0,
            stderr,
            stderr_reader,
            explain,
        })
    }

    /// The child has ended already.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends the child.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits a little for the child to end by itself, then ends it.
    fn end(&mut self) -> Option<ExitStatus> {
        drop(self.stdin.take());
        let deadline = Instant::now() + END_TIMEOUT;
        while Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(_) => break,
            }
        }
        self.kill();
        None
    }
}

impl Link for ChildLink {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stdin = self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        stdin.write_all(bytes)?;
        stdin.flush()
    }

    fn receive(&mut self, buffer: &mut [u8], timeout: Option<Duration>) -> io::Result<usize> {
        if self.consumed == self.piece.len() {
            let pieces = self.pieces.get_mut().unwrap_or_else(PoisonError::into_inner);
            let received = match timeout {
                Some(timeout) => pieces.recv_timeout(timeout),
                None => pieces.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            self.piece = match received {
                Ok(piece) => piece?,
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::TimedOut.into()),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            };
            self.consumed = 0;
        }
        let amount = self.piece.get(self.consumed..).unwrap_or_default().read(buffer)?;
        self.consumed += amount;
        Ok(amount)
    }

    fn post_mortem(&mut self) -> TransportError {
        let status = self.end();
        // The reader ends when the last process that holds the pipe does; a grandchild may hold it for ever.
        if status.is_some() && self.stderr_reader.as_ref().is_some_and(JoinHandle::is_finished) {
            let _ = self.stderr_reader.take().map(JoinHandle::join);
        } else {
            std::thread::sleep(Duration::from_millis(50));
        }
        let said = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        (self.explain)(status, &String::from_utf8_lossy(&said))
    }
}

impl Drop for ChildLink {
    fn drop(&mut self) {
        drop(self.stdin.take());
        self.kill();
    }
}

impl fmt::Debug for ChildLink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ChildLink")
            .field("pid", &self.child.id())
            .finish_non_exhaustive()
    }
}

fn forward_pieces(mut pipe: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        let sent = match pipe.read(&mut piece) {
            Ok(0) => return,
            Ok(amount) => {
                piece.truncate(amount);
                sender.send(Ok(piece))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => sender.send(Err(error)),
        };
        if sent.is_err() {
            return;
        }
    }
}

pub(super) fn keep_end(mut pipe: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(amount @ 1..) = pipe.read(&mut buffer) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(buffer.get(..amount).unwrap_or_default());
        let surplus = kept.len().saturating_sub(STDERR_KEPT_BYTES);
        kept.drain(..surplus);
    }
}
