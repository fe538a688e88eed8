//! Which system calls the supervisor is asked about, and what it answers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::exec_policy::ExecPolicy;
use crate::tracee::Tracee;

/// Calls by which files become durable, get and lose their names.
const STORAGE: [i64; 11] = [
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
    libc::SYS_rmdir,
    libc::SYS_truncate,
    libc::SYS_ftruncate,
];

/// What a person decides who is asked at each call.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// Which files are executed.
    pub(crate) exec: Option<ExecPolicy>,
    /// While this file exists, storage fails for all but the programs below the folder that it names.
    pub(crate) failing_storage: Option<PathBuf>,
    /// The wall clock is ahead by as many seconds as this file says.
    pub(crate) wall_clock: Option<PathBuf>,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The kernel does it.
    Goes,
    /// It fails with this error.
    Fails(i32),
    /// It has been done.
    Done,
}

/// A call to be asked about, and whether only where its first argument is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watched {
    pub(crate) call: i64,
    pub(crate) only_zero: bool,
}

impl Rules {
    /// There is something to ask about.
    pub(crate) fn is_needed(&self) -> bool {
        !self.watched().is_empty()
    }

    /// The calls to be asked about.
    pub(crate) fn watched(&self) -> Vec<Watched> {
        let mut calls: Vec<i64> = Vec::new();
        if self.exec.is_some() {
            calls.extend([libc::SYS_execve, libc::SYS_execveat]);
        }
        if self.failing_storage.is_some() {
            calls.extend(STORAGE);
        }
        let plain = calls.into_iter().map(|call| Watched { call, only_zero: false });
        // The first argument is the clock, and `CLOCK_REALTIME` is zero.
        let clock = self.wall_clock.is_some().then_some(Watched {
            call: libc::SYS_clock_gettime,
            only_zero: true,
        });
        plain.chain(clock).collect()
    }

    /// What becomes of the call `number` of this process.
    pub(crate) fn answer(&self, tracee: Tracee, number: i64, arguments: &[u64; 6]) -> Answer {
        match number {
            // What cannot be read belongs to a process that has just been killed.
            libc::SYS_execve | libc::SYS_execveat => match (&self.exec, asked_file(tracee, number, arguments)) {
                (Some(policy), Ok(path)) if !policy.permits(tracee, &path) => Answer::Fails(libc::EPERM),
                _ => Answer::Goes,
            },
            libc::SYS_clock_gettime => match &self.wall_clock {
                Some(file) if tell_time(tracee, arguments[1], ahead_seconds(file)).is_ok() => Answer::Done,
                _ => Answer::Goes,
            },
            _ if self
                .failing_storage
                .as_ref()
                .is_some_and(|file| fails_for(tracee, file)) =>
            {
                Answer::Fails(libc::EIO)
            }
            _ => Answer::Goes,
        }
    }
}

/// The file that `execve` or `execveat` is asked for.
fn asked_file(tracee: Tracee, number: i64, arguments: &[u64; 6]) -> io::Result<PathBuf> {
    if number == libc::SYS_execve {
        return tracee.text(arguments[0]);
    }
    let folder = lower_half(arguments[0])?;
    tracee.relative_to(folder, &tracee.text(arguments[1])?)
}

/// Of an `int` the kernel looks at no more of the register.
fn lower_half(register: u64) -> io::Result<i32> {
    let bytes = register.to_le_bytes();
    let (lower, _) = bytes.split_at(4);
    Ok(i32::from_le_bytes(lower.try_into().map_err(io::Error::other)?))
}

fn fails_for(tracee: Tracee, file: &Path) -> bool {
    let Ok(unharmed) = fs::read_to_string(file) else {
        return false;
    };
    // A process whose program cannot be told has just been killed.
    !tracee
        .program()
        .is_ok_and(|program| program.starts_with(unharmed.trim()))
}

fn ahead_seconds(file: &Path) -> i64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

/// Writes the time, set ahead, where the call wants it: two numbers of 64 bits, seconds and nanoseconds.
fn tell_time(tracee: Tracee, address: u64, ahead_seconds: i64) -> io::Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    let seconds = i64::try_from(since.as_secs()).map_err(io::Error::other)? + ahead_seconds;
    let mut bytes = seconds.to_ne_bytes().to_vec();
    bytes.extend(i64::from(since.subsec_nanos()).to_ne_bytes());
    tracee.write(address, &bytes)
}
