//! The process beside the program that answers the kernel: a seccomp filter sees numbers, and a policy is about paths.
//!
//! It is forked off before the program begins, in a session of its own and with nothing open that the program has, and
//! ends by itself: the kernel closes the line to it with the last process under the filter.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::mem::zeroed;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;

use crate::rules::{Answer, Rules, Watched};
use crate::tracee::Tracee;

/// `AUDIT_ARCH_X86_64` of the kernel's audit.h.
const X86_64: u32 = 0xc000_003e;

/// The program's side of the line to its supervisor.
#[derive(Debug)]
pub(crate) struct Supervisor {
    line: UnixStream,
    watched: Vec<Watched>,
}

/// Forks the supervisor off.
#[expect(unsafe_code, reason = "there is no safe fork; this process has one thread")]
pub(crate) fn start(rules: &Rules) -> io::Result<Supervisor> {
    let (ours, its) = UnixStream::pair()?;
    let program = std::process::id();
    // SAFETY: this process has a single thread, so the child may do whatever this process may.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // The child of a child is nobody's to wait for: the program may look after all children it has.
            // SAFETY: as above.
            let status = match unsafe { libc::fork() } {
                0 => i32::from(supervise(program, its, rules).is_err()),
                other => i32::from(other < 0),
            };
            // SAFETY: ends this process without what the program has registered for its own end.
            unsafe { libc::_exit(status) }
        }
        child => {
            // SAFETY: waits for the child just made; a null status is allowed.
            unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
            Ok(Supervisor {
                line: ours,
                watched: rules.watched(),
            })
        }
    }
}

impl Supervisor {
    /// Puts this process under the filter that asks the supervisor.
    pub(crate) fn watch_this_process(mut self) -> io::Result<()> {
        let listener = listen(&self.watched)?;
        self.line.write_all(&listener.as_raw_fd().to_le_bytes())?;
        // It has taken the listener over by then, and only it may hold it: the end of its line is the end of its work.
        self.line.read_exact(&mut [0])?;
        Ok(())
    }
}

/// Installs the filter that has these calls asked for, and gives the descriptor to answer at.
#[expect(unsafe_code, reason = "seccomp has no safe wrapper that gives a listener")]
fn listen(watched: &[Watched]) -> io::Result<OwnedFd> {
    let mut program = program(watched);
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the filter lives until the call has copied it; prctl touches no memory.
    let listener = unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 {
            return Err(io::Error::last_os_error());
        }
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const filter,
        )
    };
    owned(listener)
}

/// The filter: each call that is watched gets two jumps, one around the other, so that no jump is long.
fn program(watched: &[Watched]) -> Vec<libc::sock_filter> {
    const CALL: u32 = 0;
    const ARCHITECTURE: u32 = 4;
    const FIRST_ARGUMENT: u32 = 16;
    let load = |offset| instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0, 0);
    let unless_equal = |value, skipped| instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, 0, skipped);
    let answer = |action| instruction(libc::BPF_RET | libc::BPF_K, action, 0, 0);
    let mut program = vec![
        load(ARCHITECTURE),
        unless_equal(X86_64, 1),
        load(CALL),
        // Of another architecture it is the architecture that is compared below, which is no call's number.
    ];
    for Watched { call, only_zero } in watched {
        if *only_zero {
            program.extend([
                unless_equal(number(*call), 4),
                load(FIRST_ARGUMENT),
                unless_equal(0, 1),
                answer(libc::SECCOMP_RET_USER_NOTIF),
                answer(libc::SECCOMP_RET_ALLOW),
            ]);
        } else {
            program.extend([unless_equal(number(*call), 1), answer(libc::SECCOMP_RET_USER_NOTIF)]);
        }
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program
}

fn instruction(code: u32, value: u32, yes: u8, no: u8) -> libc::sock_filter {
    libc::sock_filter {
        code: u16::try_from(code).unwrap_or(u16::MAX),
        jt: yes,
        jf: no,
        k: value,
    }
}

fn number(call: libc::c_long) -> u32 {
    u32::try_from(call).unwrap_or(u32::MAX)
}

/// A descriptor that a system call has just given, or its error.
#[expect(unsafe_code, reason = "takes over a descriptor that nobody else knows")]
fn owned(descriptor: libc::c_long) -> io::Result<OwnedFd> {
    match i32::try_from(descriptor) {
        // SAFETY: the kernel has just opened it for this process.
        Ok(descriptor @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The supervisor's life.
fn supervise(program: u32, mut line: UnixStream, rules: &Rules) -> io::Result<()> {
    be_apart(line.as_raw_fd())?;
    let mut descriptor = [0; 4];
    line.read_exact(&mut descriptor)?;
    let listener = take_over(program, i32::from_le_bytes(descriptor))?;
    line.write_all(&[1])?;
    drop(line);
    while let Some(question) = receive(&listener)? {
        let (tracee, call) = (Tracee(question.pid), libc::c_long::from(question.data.nr));
        let answer = rules.answer(tracee, call, &question.data.args);
        reply(&listener, question.id, answer)?;
    }
    Ok(())
}

/// Leaves the session of the program and closes all it has open but `line`.
#[expect(unsafe_code, reason = "setsid and close have no safe wrappers in std")]
fn be_apart(line: i32) -> io::Result<()> {
    let open: Vec<i32> = fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    // SAFETY: nothing in this process uses those descriptors any more.
    unsafe {
        libc::setsid();
        for descriptor in open.into_iter().filter(|descriptor| *descriptor != line) {
            libc::close(descriptor);
        }
    }
    Ok(())
}

/// Takes the listener out of the program, which keeps none.
#[expect(unsafe_code, reason = "pidfd_getfd has no safe wrapper in std")]
fn take_over(program: u32, descriptor: i32) -> io::Result<OwnedFd> {
    // SAFETY: neither call touches memory of this process.
    let process = owned(unsafe { libc::syscall(libc::SYS_pidfd_open, program, 0) })?;
    // SAFETY: as above.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), descriptor, 0) })
}

/// The next question; `None` when nobody is left to ask.
#[expect(unsafe_code, reason = "poll and ioctl have no safe wrappers in std")]
fn receive(listener: &OwnedFd) -> io::Result<Option<libc::seccomp_notif>> {
    loop {
        let mut ready = libc::pollfd {
            fd: listener.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one entry, which lives until the call returns.
        if unsafe { libc::poll(&raw mut ready, 1, -1) } < 0 {
            return Err(io::Error::last_os_error());
        }
        if ready.revents & libc::POLLIN == 0 {
            return Ok(None);
        }
        // SAFETY: plain numbers, for which all bits zero is a value, as the kernel demands here.
        let mut question: libc::seccomp_notif = unsafe { zeroed() };
        // SAFETY: the structure is the one this request fills.
        if unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut question) } == 0 {
            return Ok(Some(question));
        }
        // The process was killed between the two calls.
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ENOENT) {
            return Err(error);
        }
    }
}

/// Tells the kernel what becomes of the call.
#[expect(unsafe_code, reason = "ioctl has no safe wrapper in std")]
fn reply(listener: &OwnedFd, question: u64, answer: Answer) -> io::Result<()> {
    let goes_on = libc::c_long::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).map_err(io::Error::other)?;
    let (error, flags) = match answer {
        Answer::Goes => (0, number(goes_on)),
        Answer::Fails(errno) => (-errno, 0),
        Answer::Done => (0, 0),
    };
    let mut answer = libc::seccomp_notif_resp {
        id: question,
        val: 0,
        error,
        flags,
    };
    // SAFETY: the structure is the one this request reads.
    if unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    // The process was killed while it waited.
    if error.raw_os_error() == Some(libc::ENOENT) {
        return Ok(());
    }
    Err(error)
}
