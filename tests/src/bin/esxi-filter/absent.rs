//! The system calls that fail.

use std::collections::BTreeMap;

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

/// What the kernel lacks for the program.
pub(crate) struct Absent {
    getrandom: Option<i32>,
    /// `FIONBIO` works.
    pub(crate) fionbio: bool,
    denied: Vec<i64>,
}

impl Default for Absent {
    fn default() -> Self {
        Self {
            getrandom: Some(libc::ENOSYS),
            fionbio: false,
            denied: Vec::new(),
        }
    }
}

impl Absent {
    /// How `getrandom` fails, or that it works.
    pub(crate) fn set_getrandom(&mut self, variant: &str) -> Result<(), String> {
        self.getrandom = match variant {
            "enosys" => Some(libc::ENOSYS),
            "einval" => Some(libc::EINVAL),
            "eperm" => Some(libc::EPERM),
            "allow" => None,
            other => return Err(format!("unknown variant of getrandom `{other}`")),
        };
        Ok(())
    }

    /// Takes one more system call away.
    pub(crate) fn deny(&mut self, name: &str) -> Result<(), String> {
        let calls: &[i64] = match name {
            "epoll" => &[libc::SYS_epoll_create1, libc::SYS_epoll_create],
            "eventfd" => &[libc::SYS_eventfd2, libc::SYS_eventfd],
            "accept4" => &[libc::SYS_accept4],
            "pipe2" => &[libc::SYS_pipe2],
            "fdatasync" => &[libc::SYS_fdatasync],
            "sigaltstack" => &[libc::SYS_sigaltstack],
            "sched_getaffinity" => &[libc::SYS_sched_getaffinity],
            "prlimit64" => &[libc::SYS_prlimit64],
            other => return Err(format!("unknown system call `{other}`")),
        };
        self.denied.extend(calls);
        Ok(())
    }

    /// Takes it all away from this process and its children.
    pub(crate) fn install(&self) -> Result<(), String> {
        let plain = |numbers: &[i64]| numbers.iter().map(|&number| (number, Vec::new())).collect();
        let mut absent = ALWAYS_ABSENT.to_vec();
        absent.extend(&self.denied);
        install(plain(&absent), libc::ENOSYS)?;
        if let Some(errno) = self.getrandom {
            install(plain(&[libc::SYS_getrandom]), errno)?;
        }
        if !self.fionbio {
            install(one_argument(libc::SYS_ioctl, SeccompCmpOp::Eq, FIONBIO)?, libc::ENOTTY)?;
        }
        let is_seqpacket = SeccompCmpOp::MaskedEq(SOCKET_TYPE_BITS);
        let seqpacket = u64::try_from(libc::SOCK_SEQPACKET).map_err(|error| error.to_string())?;
        install(
            one_argument(libc::SYS_socketpair, is_seqpacket, seqpacket)?,
            libc::EPROTONOSUPPORT,
        )
    }
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
