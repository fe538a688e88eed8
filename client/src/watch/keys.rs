//! Where keys come from, waited for so that a terminal that has gone is noticed.

use std::io;
use std::time::Duration;

use ratatui::crossterm::event;

/// The keyboard of the terminal.
#[derive(Debug)]
pub(super) struct Keyboard {
    #[cfg(unix)]
    terminal: std::os::fd::OwnedFd,
}

#[cfg(unix)]
impl Keyboard {
    /// The one that crossterm reads.
    ///
    /// # Errors
    /// When there is no terminal.
    pub(super) fn open() -> io::Result<Self> {
        use std::io::IsTerminal as _;
        use std::os::fd::AsFd as _;
        let stdin = io::stdin();
        let terminal = if stdin.is_terminal() {
            stdin.as_fd().try_clone_to_owned()?
        } else {
            std::fs::File::open("/dev/tty")?.into()
        };
        Ok(Self { terminal })
    }

    /// Whether the terminal tells something within `patience`. It is waited for here: crossterm reads one that has hung
    /// up over and over, and never comes back.
    ///
    /// # Errors
    /// When it has hung up.
    pub(super) fn tells(&self, patience: Duration) -> io::Result<bool> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut terminal = [PollFd::new(&self.terminal, PollFlags::IN)];
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        match poll(&mut terminal, Some(&patience)) {
            // Another size of the terminal is a signal.
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let gone = PollFlags::HUP | PollFlags::ERR;
        if terminal.iter().any(|terminal| terminal.revents().intersects(gone)) {
            return Err(io::Error::other("it has hung up"));
        }
        event::poll(Duration::ZERO)
    }
}

/// A console of Windows ends with its programs, so none waits for one that has gone.
#[cfg(not(unix))]
impl Keyboard {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self {})
    }

    pub(super) fn tells(&self, patience: Duration) -> io::Result<bool> {
        event::poll(patience)
    }
}
