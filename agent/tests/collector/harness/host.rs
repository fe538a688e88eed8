//! What happens on the host of the collector under test: its files, its programs, and what others do there.

use std::fs;
use std::sync::atomic::Ordering;

use vscsi_fixtures::{Fault, FaultKind};

use super::Harness;

impl Harness {
    pub(crate) fn remove_from_state(&self, file: &str) {
        fs::remove_file(self.state().join(file)).unwrap();
    }

    pub(crate) fn write_to_state(&self, file: &str, text: &str) {
        fs::write(self.state().join(file), text).unwrap();
    }

    pub(crate) fn read_from_state(&self, file: &str) -> String {
        fs::read_to_string(self.state().join(file)).unwrap()
    }

    /// The handle of the only disk of a VM.
    pub(crate) fn handle_of(&self, vm: &str) -> u64 {
        let disks = self.host.disks().unwrap();
        disks.into_iter().find(|disk| disk.vm == vm).unwrap().handle_id
    }

    /// Somebody else issues `-x` for a VM.
    pub(crate) fn stop_by_somebody_else(&self, vm: &str) {
        let disks = self.host.disks().unwrap();
        let disk = disks.into_iter().find(|disk| disk.vm == vm).unwrap();
        let words = ["-x", "-w", &disk.world_group_id.to_string()].map(str::to_owned);
        self.host.call("vscsiStats", &words).unwrap();
    }

    /// As on a full volume: the file can be read and not written.
    pub(crate) fn refuse_to_write(&self, file: &str) {
        // The temporary file beside it cannot be opened.
        fs::create_dir(self.state().join(format!("{file}.tmp"))).unwrap();
    }

    pub(crate) fn allow_to_write(&self, file: &str) {
        fs::remove_dir(self.state().join(format!("{file}.tmp"))).unwrap();
    }

    /// The next `times` calls of vscsiStats with `argument` fail and do nothing.
    pub(crate) fn fail(&self, argument: &str, times: u64) {
        let fault = Fault::of_vscsi_stats(FaultKind::Fail).with_arguments(argument);
        self.host.add_fault(fault.times(times)).unwrap();
    }

    /// The `number`-th call of vscsiStats with `argument` from now on, counted from 0, goes wrong in this way.
    pub(crate) fn go_wrong(&self, kind: FaultKind, argument: &str, number: u64) {
        let fault = Fault::of_vscsi_stats(kind).with_arguments(argument);
        self.host.add_fault(fault.after(number).times(1)).unwrap();
    }

    /// Whether the kernel keeps programs that were killed from ending.
    pub(crate) fn killed_programs_linger(&self, linger: bool) {
        self.killed.linger.store(linger, Ordering::SeqCst);
    }

    /// Each look at counters takes so long from now on.
    pub(crate) fn looks_take(&self, milliseconds: u64) {
        self.look_takes_ms.store(milliseconds, Ordering::SeqCst);
    }

    /// Listings lack this disk from now on, or lack none.
    pub(crate) fn unlist(&self, handle: Option<u64>) {
        *self.unlisted.lock().unwrap() = handle;
    }

    /// When vscsiStats was asked for the counters of the disk `handle`, milliseconds.
    pub(crate) fn looks_at(&self, handle: u64) -> Vec<u64> {
        let calls = self.host.journal().unwrap();
        let looks = calls.iter().filter(|call| {
            call.arguments.iter().any(|word| word == "ioLength") && call.arguments.last() == Some(&handle.to_string())
        });
        looks.map(|call| call.clock_us / 1000).collect()
    }

    /// Calls of vscsiStats in their order, each by its first argument.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = self.host.journal().unwrap().into_iter();
        calls.filter_map(|call| call.arguments.into_iter().next()).collect()
    }

    /// How often the log of the agent has `words`.
    pub(crate) fn logged(&self, words: &str) -> usize {
        let log = fs::read_to_string(self.state().join("agent.log")).unwrap();
        log.lines().filter(|line| line.contains(words)).count()
    }
}
