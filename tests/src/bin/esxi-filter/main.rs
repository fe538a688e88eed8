//! `esxi-filter [SWITCHES] -- PROGRAM [ARGUMENTS]`: runs a program on a kernel that lacks what the VMkernel lacks.
//!
//! A seccomp filter lets the system calls fail that no ESXi is known to offer, with the errors that were reported from
//! there. Children inherit it. It is a tripwire and no proof: what passes here may still fail on a host.
//!
//! Switches: `--getrandom enosys|einval|eperm|allow` (default enosys), `--allow-fionbio`, and `--deny NAME` for
//! `epoll`, `eventfd`, `accept4`, `pipe2`, `fdatasync`, `sigaltstack`, `sched_getaffinity`, `prlimit64`.
//!
//! - `--installed FOLDER`, which may be repeated, is the exec policy of a host: only files below such a folder may be
//!   executed, and scripts whose first line names such a file. All else fails with `Operation not permitted`.
//! - `--failing-storage FILE`: while that file exists, calls that make files durable, name or remove them fail with
//!   `EIO`, but for programs below the folder that the file names.
//! - `--wall-clock FILE`: the wall clock is ahead by as many seconds as that file says, for programs that ask the kernel
//!   and not its vDSO.
//!
//! A filter cannot see paths or clocks, so for these three the kernel asks a process beside the program, which is gone
//! when the last process under the filter is.

mod absent;
mod exec_policy;
mod rules;
mod supervisor;
mod tracee;

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use absent::Absent;
use exec_policy::ExecPolicy;
use rules::Rules;

struct Switches {
    absent: Absent,
    installed: Vec<PathBuf>,
    rules: Rules,
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
        absent: Absent::default(),
        installed: Vec::new(),
        rules: Rules::default(),
        program: Vec::new(),
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_default();
        match argument.to_str() {
            Some("--getrandom") => switches.absent.set_getrandom(&value().to_string_lossy())?,
            Some("--allow-fionbio") => switches.absent.fionbio = true,
            Some("--deny") => switches.absent.deny(&value().to_string_lossy())?,
            Some("--installed") => switches.installed.push(value().into()),
            Some("--failing-storage") => switches.rules.failing_storage = Some(value().into()),
            Some("--wall-clock") => switches.rules.wall_clock = Some(value().into()),
            Some("--") => {
                switches.program = arguments.collect();
                break;
            }
            _ => return Err(format!("unknown switch {}", argument.display())),
        }
    }
    if !switches.installed.is_empty() {
        let policy = ExecPolicy::new(&switches.installed).map_err(|error| format!("--installed: {error}"))?;
        switches.rules.exec = Some(policy);
    }
    Ok(switches)
}

fn run(switches: &Switches) -> Result<std::convert::Infallible, String> {
    let (program, arguments) = switches.program.split_first().ok_or("no program after --")?;
    let unwatched = |error| format!("cannot have a process answer for the kernel: {error}");
    // Before the filters, which it would have to live with.
    let supervisor = switches.rules.is_needed().then(|| supervisor::start(&switches.rules));
    let supervisor = supervisor.transpose().map_err(unwatched)?;
    switches.absent.install()?;
    if let Some(supervisor) = supervisor {
        supervisor.watch_this_process().map_err(unwatched)?;
    }
    Err(format!(
        "cannot run {}: {}",
        program.display(),
        Command::new(program).args(arguments).exec()
    ))
}
