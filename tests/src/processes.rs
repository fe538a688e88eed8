//! Processes of this machine, as Linux shows them: only tests look at them in this way.

use std::fs;
use std::path::Path;

use rustix::time::{ClockId, clock_gettime};

/// The monotonic clock of this machine in milliseconds, which means the same in every process.
pub fn monotonic_ms() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

/// The words of a process's command line; none when it is gone.
pub fn command_line(process: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let words = line.split(|byte| *byte == 0);
    let mut words: Vec<String> = words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    // The last word ends with a zero, too.
    words.pop();
    words
}

/// The processes that a process has started itself.
pub fn children(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let lists = threads
        .into_iter()
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    let numbers = lists.flat_map(|list| {
        let numbers = list.split_whitespace().filter_map(|number| number.parse().ok());
        numbers.collect::<Vec<u32>>()
    });
    numbers.collect()
}

/// Every process of this machine.
pub fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers.collect()
}

/// It is there and has not ended.
pub fn is_alive(process: u32) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"));
    status.is_ok_and(|status| !status.contains("State:\tZ") && !status.contains("State:\tX"))
}

/// Sends a signal to a process that may be gone.
#[expect(unsafe_code, reason = "kill has no safe wrapper in std")]
pub fn signal(process: u32, number: i32) {
    // Neither everybody nor the first process of the machine is meant by mistake.
    if let Some(process) = i32::try_from(process).ok().filter(|process| *process > 1) {
        // SAFETY: kill touches no memory of this process.
        unsafe { libc::kill(process, number) };
    }
}
