//! `esxi-filter [SWITCHES] -- PROGRAM [ARGUMENTS]`: runs a program on a kernel that lacks what the VMkernel lacks.
//!
//! A seccomp filter lets the system calls fail that no ESXi is known to offer, with the errors that were reported from
//! there. Children inherit it. It is a tripwire and no proof: what passes here may still fail on a host.
//!
//! Switches: `--getrandom enosys|einval|eperm|allow` (default enosys), `--allow-fionbio`, and `--deny NAME` for
//! `epoll`, `eventfd`, `accept4`, `pipe2`, `fdatasync`, `sigaltstack`, `sched_getaffinity`, `prlimit64`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};

/// Absent on every ESXi as far as is known.
const ALWAYS_ABSENT: &[i64] = &[
    libc::SYS_epoll_pwait,
    441, // epoll_pwait2
    libc::SYS_statx,
    libc::SYS_openat2,
    libc::SYS_close_range,
    libc::SYS_renameat2,
    libc::SYS_copy_file_range,
    libc::SYS_fallocate,
    libc::SYS_name_to_handle_at,
    libc::SYS_preadv2,
    libc::SYS_pwritev2,
    libc::SYS_clone3,
    libc::SYS_rseq,
    libc::SYS_membarrier,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_memfd_create,
    libc::SYS_inotify_init1,
    libc::SYS_timerfd_create,
    libc::SYS_signalfd4,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// `ioctl` request that makes a descriptor nonblocking.
const FIONBIO: u64 = 0x5421;

/// The bits of a socket type that are not flags.
const SOCKET_TYPE_BITS: u64 = 0xf;

struct Switches {
    getrandom: Option<i32>,
    fionbio: bool,
    denied: Vec<i64>,
    program: Vec<OsString>,
}

fn main() -> ExitCode {
    match switches(std::env::args_os().skip(1)).and_then(|switches| run(&switches)) {
        Ok(never) => match never {},
        Err(problem) => {
            eprint_line(&problem);
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stderr, reason = "a test program that speaks to its caller")]
fn eprint_line(problem: &str) {
    eprintln!("esxi-filter: {problem}");
}

fn switches(mut arguments: impl Iterator<Item = OsString>) -> Result<Switches, String> {
    let mut switches = Switches {
        getrandom: Some(libc::ENOSYS),
        fionbio: false,
        denied: Vec::new(),
        program: Vec::new(),
    };
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .and_then(|value| value.into_string().ok())
                .unwrap_or_default()
        };
        match argument.to_str() {
            Some("--getrandom") => {
                switches.getrandom = match value().as_str() {
                    "enosys" => Some(libc::ENOSYS),
                    "einval" => Some(libc::EINVAL),
                    "eperm" => Some(libc::EPERM),
                    "allow" => None,
                    other => return Err(format!("unknown variant of getrandom `{other}`")),
                }
            }
            Some("--allow-fionbio") => switches.fionbio = true,
            Some("--deny") => switches.denied.extend(denied(&value())?),
            Some("--") => {
                switches.program = arguments.collect();
                break;
            }
            _ => return Err(format!("unknown switch {}", argument.display())),
        }
    }
    Ok(switches)
}

fn denied(name: &str) -> Result<&'static [i64], String> {
    Ok(match name {
        "epoll" => &[libc::SYS_epoll_create1, libc::SYS_epoll_create],
        "eventfd" => &[libc::SYS_eventfd2, libc::SYS_eventfd],
        "accept4" => &[libc::SYS_accept4],
        "pipe2" => &[libc::SYS_pipe2],
        "fdatasync" => &[libc::SYS_fdatasync],
        "sigaltstack" => &[libc::SYS_sigaltstack],
        "sched_getaffinity" => &[libc::SYS_sched_getaffinity],
        "prlimit64" => &[libc::SYS_prlimit64],
        other => return Err(format!("unknown system call `{other}`")),
    })
}

fn run(switches: &Switches) -> Result<std::convert::Infallible, String> {
    let (program, arguments) = switches.program.split_first().ok_or("no program after --")?;
    let plain = |numbers: &[i64]| numbers.iter().map(|&number| (number, Vec::new())).collect();
    let mut absent = ALWAYS_ABSENT.to_vec();
    absent.extend(&switches.denied);
    install(plain(&absent), libc::ENOSYS)?;
    if let Some(errno) = switches.getrandom {
        install(plain(&[libc::SYS_getrandom]), errno)?;
    }
    if !switches.fionbio {
        install(one_argument(libc::SYS_ioctl, SeccompCmpOp::Eq, FIONBIO)?, libc::ENOTTY)?;
    }
    let is_seqpacket = SeccompCmpOp::MaskedEq(SOCKET_TYPE_BITS);
    let seqpacket = u64::try_from(libc::SOCK_SEQPACKET).map_err(|error| error.to_string())?;
    install(
        one_argument(libc::SYS_socketpair, is_seqpacket, seqpacket)?,
        libc::EPROTONOSUPPORT,
    )?;
    Err(format!(
        "cannot run {}: {}",
        program.display(),
        Command::new(program).args(arguments).exec()
    ))
}

/// The rule that matches when the second argument of a call compares.
fn one_argument(call: i64, comparison: SeccompCmpOp, value: u64) -> Result<BTreeMap<i64, Vec<SeccompRule>>, String> {
    let condition =
        SeccompCondition::new(1, SeccompCmpArgLen::Dword, comparison, value).map_err(|error| error.to_string())?;
    let rule = SeccompRule::new(vec![condition]).map_err(|error| error.to_string())?;
    Ok(BTreeMap::from([(call, vec![rule])]))
}

/// Lets the calls of `rules` fail with `errno`; several filters add up.
fn install(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32) -> Result<(), String> {
    let errno = u32::try_from(errno).map_err(|error| error.to_string())?;
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno),
        TargetArch::x86_64,
    )
    .map_err(|error| error.to_string())?;
    let program: BpfProgram = filter
        .try_into()
        .map_err(|error: seccompiler::BackendError| error.to_string())?;
    // Sets no_new_privs first, without which an ordinary user may not install a filter.
    apply_filter(&program).map_err(|error| error.to_string())
}
