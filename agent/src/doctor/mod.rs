//! `vscsi-agent doctor`: tests what the agent needs from a host, and what is not known about hosts, and reports both.
//!
//! One run on a real ESXi answers what its documentation does not: which system calls exist, and how they fail.

mod probes;

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use vscsi_shared::exit_code;

use crate::command::{ProcessRunner, Programs};
use crate::files;
use crate::host::Host;
use crate::options::Options;

/// What the agent makes of a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Need {
    /// The agent does not work without it.
    Needed,
    /// The agent works without it; it is tested to learn about the host.
    Interesting,
}

/// One line of the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    name: &'static str,
    works: bool,
    need: Need,
    detail: String,
    microseconds: u64,
}

impl Finding {
    fn line(&self) -> String {
        let verdict = match (self.works, self.need) {
            (true, _) => "works",
            (false, Need::Needed) => "FAILS",
            (false, Need::Interesting) => "absent",
        };
        format!("{verdict:<7} {:<24} {}\n", self.name, self.detail)
    }
}

/// Runs every probe; returns the text to print and the exit code.
pub fn doctor(options: &Options, json: bool) -> (String, u8) {
    let findings = examine(options);
    let text = if json {
        // No finding fails to become JSON.
        serde_json::to_string_pretty(&findings).unwrap_or_default() + "\n"
    } else {
        findings.iter().map(Finding::line).collect()
    };
    let fails = |name: &str| findings.iter().any(|finding| finding.name == name && !finding.works);
    let code = if fails("vscsiStats") {
        exit_code::VSCSISTATS_UNAVAILABLE
    } else if findings
        .iter()
        .any(|finding| finding.need == Need::Needed && !finding.works)
    {
        exit_code::FAILED
    } else {
        exit_code::OK
    };
    (text, code)
}

fn examine(options: &Options) -> Vec<Finding> {
    let programs = Programs::below(&options.host_root);
    let host = Host::new(Arc::new(ProcessRunner::default()), programs.clone());
    let state_directory = options.state_directory.as_path();
    let is_first = !state_directory.exists();
    let own_directory = state_directory.join(format!("doctor.{}", std::process::id()));
    let directory = files::create_directory(&own_directory).map(|()| own_directory.clone());
    let in_directory = |probe: &dyn Fn(&std::path::Path) -> io::Result<String>| match &directory {
        Ok(directory) => probe(directory),
        Err(error) => Err(io::Error::new(error.kind(), format!("no state directory: {error}"))),
    };
    let run_directory = options.host_root.join("var/run");
    let needed = |name, probe: &dyn Fn() -> io::Result<String>| find(name, Need::Needed, probe);
    let interesting = |name, probe: &dyn Fn() -> io::Result<String>| find(name, Need::Interesting, probe);
    let findings = vec![
        needed("state directory", &|| {
            in_directory(&|path| Ok(path.display().to_string()))
        }),
        needed("write and fsync", &|| in_directory(&probes::write_and_sync)),
        needed("rename and fsync", &|| in_directory(&probes::rename_and_sync)),
        interesting("fsync of a directory", &|| in_directory(&probes::directory_sync)),
        needed("file lock", &|| in_directory(&probes::lock)),
        needed("threads", &probes::threads),
        needed("timed wait", &probes::timed_wait),
        needed("monotonic clock", &probes::monotonic_clock),
        needed("clock of processes", &|| probes::clock_of_processes(&options.program)),
        needed("/dev/urandom", &probes::urandom),
        needed("loopback", &probes::loopback),
        needed("start a program", &|| probes::start_program(&programs)),
        needed("vscsiStats", &|| probes::vscsi_stats(&host)),
        interesting("esxcli", &|| probes::esxcli(&host)),
        interesting("vim-cmd", &|| probes::vim_cmd(&host)),
        interesting("logger", &|| probes::logger(&programs)),
        interesting("marker in /var/run", &|| probes::write_and_sync(&run_directory)),
        interesting("getrandom", &probes::getrandom),
        interesting("FIONBIO on a pipe", &probes::nonblocking_pipe),
        interesting("FIONBIO on a socket", &probes::nonblocking_socket),
        interesting("SOCK_SEQPACKET pair", &probes::seqpacket_pair),
        interesting("eventfd", &probes::eventfd),
        interesting("epoll_pwait", &probes::epoll_pwait),
        interesting("shared mapping", &|| in_directory(&probes::shared_mapping)),
        interesting("/proc/self/exe", &probes::own_path),
    ];
    let _ = std::fs::remove_dir_all(&own_directory);
    if is_first {
        // Only when nothing is in it: an agent may have been started meanwhile.
        let _ = std::fs::remove_dir(state_directory);
    }
    findings
}

/// Runs a probe; a panic in it is a finding like any other.
fn find(name: &'static str, need: Need, probe: &dyn Fn() -> io::Result<String>) -> Finding {
    let began = Instant::now();
    let outcome = panic::catch_unwind(AssertUnwindSafe(probe));
    let microseconds = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (works, detail) = match outcome {
        Ok(Ok(detail)) => (true, detail),
        Ok(Err(error)) => (false, error.to_string()),
        Err(_) => (false, "it panicked".to_owned()),
    };
    Finding {
        name,
        works,
        need,
        detail,
        microseconds,
    }
}
