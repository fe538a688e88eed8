//! The probes: each does one thing that the agent, or a program like it, does on a host.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use vscsi_shared::esxi;

use crate::command::{CommandRunner as _, CommandSpec, ProcessRunner, Program, Programs, RunError};
use crate::files::DirectorySync;
use crate::host::{Host, HostError};
use crate::{files, lock, random, sys};

fn other(message: impl Display) -> io::Error {
    io::Error::other(format!("{message}"))
}

pub(super) fn write_and_sync(directory: &Path) -> io::Result<String> {
    let path = directory.join("vscsi-agent.doctor");
    let mut file = File::create(&path)?;
    file.write_all(b"written")?;
    file.sync_all()?;
    fs::remove_file(path)?;
    Ok(directory.display().to_string())
}

pub(super) fn rename_and_sync(directory: &Path) -> io::Result<String> {
    let began = Instant::now();
    let path = directory.join("renamed");
    files::write_atomically(&path, b"first")?;
    files::write_atomically(&path, b"second")?;
    if fs::read(&path)? != b"second" {
        return Err(other("the old content stayed"));
    }
    Ok(format!("{} us for each file", began.elapsed().as_micros() / 2))
}

/// Where a directory cannot be synced, a name in it may be lost when the host loses its power.
pub(super) fn directory_sync(directory: &Path) -> io::Result<String> {
    match files::try_sync_directory(directory)? {
        DirectorySync::Done => Ok("makes its entries durable".to_owned()),
        DirectorySync::NotSupported(error) => Err(error),
    }
}

pub(super) fn lock(directory: &Path) -> io::Result<String> {
    let held = lock::lock(directory, "lock")?.ok_or_else(|| other("a free lock was refused"))?;
    if lock::lock(directory, "lock")?.is_some() {
        return Err(other("a lock was granted twice"));
    }
    drop(held);
    lock::lock(directory, "lock")?.ok_or_else(|| other("a lock was not released with its holder"))?;
    Ok("exclusive, and released with its holder".to_owned())
}

pub(super) fn threads() -> io::Result<String> {
    let thread = thread::Builder::new().stack_size(64 * 1024).spawn(|| 7)?;
    let result = thread.join().map_err(|_| other("the thread panicked"))?;
    Ok(format!("a thread with 64 KiB of stack returned {result}"))
}

pub(super) fn timed_wait() -> io::Result<String> {
    let (_sender, receiver) = mpsc::channel::<()>();
    let began = Instant::now();
    let _ = receiver.recv_timeout(Duration::from_millis(50));
    let waited = began.elapsed();
    if waited < Duration::from_millis(50) {
        return Err(other(format!("a wait of 50 ms ended after {} us", waited.as_micros())));
    }
    Ok(format!("a wait of 50 ms took {} us", waited.as_micros()))
}

pub(super) fn monotonic_clock() -> io::Result<String> {
    let before = sys::monotonic_ms();
    thread::sleep(Duration::from_millis(5));
    let after = sys::monotonic_ms();
    if before == 0 || after <= before {
        return Err(other(format!("it went from {before} to {after} ms in 5 ms")));
    }
    Ok(format!("{after} ms"))
}

/// Agents tell each other moments of the monotonic clock, so it has to be one clock for all processes.
pub(super) fn clock_of_processes(program: &Path) -> io::Result<String> {
    let spec = CommandSpec {
        program: program.to_path_buf(),
        arguments: vec!["clock".to_owned()],
        deadline: Duration::from_secs(10),
        output_limit: 1024,
    };
    let before = sys::monotonic_ms();
    let output = ProcessRunner::default().run(&spec).map_err(other)?;
    let after = sys::monotonic_ms();
    if let Some(complaint) = output.complaint() {
        return Err(other(format!("{spec} {complaint}")));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let theirs = text.trim().parse().map_err(other)?;
    compare_clocks(before, theirs, after)
}

fn compare_clocks(before: u64, theirs: u64, after: u64) -> io::Result<String> {
    let what = format!("another process read {theirs} ms while this one read {before} to {after} ms");
    if (before..=after).contains(&theirs) {
        Ok(what)
    } else {
        Err(other(what))
    }
}

pub(super) fn urandom() -> io::Result<String> {
    let (one, two) = (random::hexadecimal(16)?, random::hexadecimal(16)?);
    if one == two {
        return Err(other("it returned the same bytes twice"));
    }
    Ok("two reads differ".to_owned())
}

pub(super) fn loopback() -> io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let mut client = TcpStream::connect(address)?;
    let (mut server, _) = listener.accept()?;
    server.set_read_timeout(Some(Duration::from_secs(2)))?;
    client.write_all(b"ping")?;
    let mut bytes = [0; 4];
    server.read_exact(&mut bytes)?;
    Ok(format!("bytes went through port {}", address.port()))
}

/// Starts a program from a process with several threads, with both outputs in pipes.
pub(super) fn start_program(programs: &Programs) -> io::Result<String> {
    let found = Program::ALL.into_iter().find_map(|program| programs.find(program));
    let program = found.ok_or_else(|| other("this host has none of the programs"))?;
    let spec = CommandSpec {
        arguments: vec!["-h".to_owned()],
        deadline: Duration::from_secs(10),
        output_limit: 64 * 1024,
        program,
    };
    let output = ProcessRunner::default().run(&spec).map_err(other)?;
    if output.timed_out {
        return Err(other(format!("{spec} did not end")));
    }
    Ok(format!(
        "{spec} printed {} bytes",
        output.stdout.len() + output.stderr.len()
    ))
}

pub(super) fn vscsi_stats(host: &Host) -> io::Result<String> {
    let listing = host.list().map_err(|error| match error {
        HostError::Run(RunError::Missing(_)) => io::Error::new(io::ErrorKind::NotFound, "it is not on this host"),
        other => io::Error::other(other.to_string()),
    })?;
    let disks: usize = listing.vms.iter().map(|vm| vm.disks.len()).sum();
    if let Some(first) = listing.diagnostics.first() {
        return Err(other(format!("its listing cannot be read: {first}")));
    }
    Ok(format!("lists {} VMs with {disks} disks", listing.vms.len()))
}

pub(super) fn esxcli(host: &Host) -> io::Result<String> {
    let output = host
        .run_well(Program::Esxcli, &["storage", "filesystem", "list"])
        .map_err(other)?;
    Ok(format!(
        "lists {} volumes",
        esxi::parse_filesystems(&output).value.len()
    ))
}

pub(super) fn vim_cmd(host: &Host) -> io::Result<String> {
    let output = host.run_well(Program::VimCmd, &["vmsvc/getallvms"]).map_err(other)?;
    Ok(format!("lists {} VMs", esxi::parse_registered_vms(&output).value.len()))
}

pub(super) fn logger(programs: &Programs) -> io::Result<String> {
    let path = programs
        .find(Program::Logger)
        .ok_or_else(|| other("it is not on this host"))?;
    Ok(path.display().to_string())
}

pub(super) fn getrandom() -> io::Result<String> {
    sys::probe_getrandom().map(|()| "gives bytes".to_owned())
}

pub(super) fn nonblocking_pipe() -> io::Result<String> {
    let (reader, _writer) = io::pipe()?;
    sys::probe_nonblocking(&reader).map(|()| "taken".to_owned())
}

pub(super) fn nonblocking_socket() -> io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    sys::probe_nonblocking(&listener).map(|()| "taken".to_owned())
}

pub(super) fn seqpacket_pair() -> io::Result<String> {
    sys::probe_seqpacket_pair().map(|()| "made".to_owned())
}

pub(super) fn eventfd() -> io::Result<String> {
    sys::probe_eventfd().map(|()| "made".to_owned())
}

pub(super) fn epoll_pwait() -> io::Result<String> {
    sys::probe_epoll_pwait().map(|()| "waits".to_owned())
}

pub(super) fn shared_mapping(directory: &Path) -> io::Result<String> {
    let path = directory.join("mapped");
    fs::write(&path, vec![0; 4096])?;
    let file = File::options().read(true).write(true).open(&path)?;
    sys::probe_shared_mapping(&file)?;
    Ok("of a file in the state directory".to_owned())
}

pub(super) fn own_path() -> io::Result<String> {
    Ok(fs::read_link("/proc/self/exe")?.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_between_processes_are_told() {
        assert!(compare_clocks(1000, 1000, 1002).is_ok());
        assert!(compare_clocks(1000, 1002, 1002).is_ok());
        for theirs in [0, 999, 1003, 900_000] {
            let error = compare_clocks(1000, theirs, 1002).unwrap_err().to_string();
            assert!(error.contains(&theirs.to_string()), "{error}");
        }
    }
}
