//! SIGINT and SIGTERM during work that must not be left half done, and SIGHUP while the terminal is a picture.
//!
//! Everywhere else they end the program at once, which is right: what a command writes is whole or not there, and a ssh
//! that lost its reader ends by itself. SIGHUP is left to whoever started the program, as `nohup` does, where a command
//! has no terminal to give back.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use vscsi_shared::exit_code;

use crate::failure::Failure;

/// The program was told to end, and has cleaned up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", match self {
    Self::Interrupted => "interrupted",
    Self::Terminated => "terminated",
    Self::HungUp => "the terminal has hung up",
})]
pub enum Interruption {
    /// By SIGINT, as Ctrl-C sends it.
    Interrupted,
    /// By SIGTERM.
    Terminated,
    /// By SIGHUP.
    HungUp,
}

impl Failure for Interruption {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted => exit_code::INTERRUPTED,
            Self::Terminated => exit_code::TERMINATED,
            Self::HungUp => exit_code::HUNG_UP,
        }
    }

    fn hint(&self) -> Option<String> {
        Some("unfinished work was cleaned up".to_owned())
    }
}

/// While it lives, the signals are only noted, and whoever holds it looks for them.
#[derive(Debug)]
pub(crate) struct Deferred(&'static Handlers);

#[derive(Debug)]
struct Handlers {
    /// Nobody defers: a signal ends the program.
    immediate: Arc<AtomicBool>,
    /// The signal that came, or 0.
    noted: Arc<AtomicUsize>,
    /// How many defer them now.
    holders: Mutex<usize>,
}

impl Deferred {
    /// Defers the signals. Several may at the same time, and each sees the signal that came since the first of them.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(crate) fn begin() -> io::Result<Self> {
        static HANDLERS: OnceLock<Handlers> = OnceLock::new();
        let handlers = if let Some(handlers) = HANDLERS.get() {
            handlers
        } else {
            let installed = Handlers::install()?;
            HANDLERS.get_or_init(|| installed)
        };
        let mut holders = handlers.holders.lock().unwrap_or_else(PoisonError::into_inner);
        if *holders == 0 {
            handlers.noted.store(0, Ordering::SeqCst);
            handlers.immediate.store(false, Ordering::SeqCst);
        }
        *holders += 1;
        drop(holders);
        Ok(Self(handlers))
    }

    /// Defers SIGHUP as well, where there is one.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(crate) fn begin_on_terminal() -> io::Result<Self> {
        let deferred = Self::begin()?;
        #[cfg(unix)]
        deferred.0.handle(SIGHUP, Interruption::HungUp)?;
        Ok(deferred)
    }

    /// What has come since.
    ///
    /// # Errors
    /// [`Interruption`] when a signal came: the work is to end.
    pub(crate) fn check(&self) -> Result<(), Interruption> {
        match self.0.noted.load(Ordering::SeqCst) {
            0 => Ok(()),
            signal if i32::try_from(signal) == Ok(SIGINT) => Err(Interruption::Interrupted),
            #[cfg(unix)]
            signal if i32::try_from(signal) == Ok(SIGHUP) => Err(Interruption::HungUp),
            _ => Err(Interruption::Terminated),
        }
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        let mut holders = self.0.holders.lock().unwrap_or_else(PoisonError::into_inner);
        *holders = holders.saturating_sub(1);
        if *holders == 0 {
            self.0.immediate.store(true, Ordering::SeqCst);
        }
    }
}

impl Handlers {
    fn install() -> io::Result<Self> {
        let handlers = Self {
            immediate: Arc::new(AtomicBool::new(true)),
            noted: Arc::new(AtomicUsize::new(0)),
            holders: Mutex::new(0),
        };
        handlers.handle(SIGINT, Interruption::Interrupted)?;
        handlers.handle(SIGTERM, Interruption::Terminated)?;
        Ok(handlers)
    }

    fn handle(&self, signal: i32, interruption: Interruption) -> io::Result<()> {
        let code = i32::from(interruption.exit_code());
        flag::register_conditional_shutdown(signal, code, Arc::clone(&self.immediate))?;
        let number = usize::try_from(signal).unwrap_or(1);
        flag::register_usize(signal, Arc::clone(&self.noted), number).map(drop)
    }
}
