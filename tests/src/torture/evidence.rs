//! What was seen of a run. All moments are milliseconds of this machine's monotonic clock.

use std::collections::{BTreeMap, BTreeSet};

use vscsi_fixtures::{Call, SimulatedHost, TruthQuery};

use super::timeline::is_about;

/// A disk as `-w` and `-i` name it: world group and handle.
pub type DiskKey = (u64, u64);

/// A moment that has not come.
pub const NEVER: u64 = u64::MAX;

/// Everything the checks of promise 1 and 5 look at.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Every call of the host's programs, and what happened to the host.
    pub calls: Vec<Call>,
    /// The last look at the host: the moment, and its virtual clock in microseconds.
    pub end: (u64, u64),
    /// Virtual seconds a second.
    pub time_scale: f64,
    /// The agent's processes.
    pub lives: Vec<Life>,
    /// Moments at which nothing of ours may run any more.
    pub deadlines: Vec<Deadline>,
    /// Disks whose collection a user asked to leave running.
    pub kept: BTreeSet<DiskKey>,
    /// Disks that somebody else collected and on which nothing happened while the agent looked whose they are.
    pub idle_foreign: BTreeSet<DiskKey>,
    /// When a command that the agent ran was killed by the plan.
    pub killed_commands: Vec<u64>,
    /// Stretches in which processes of the agent had next to no descriptors or memory.
    pub limited: Vec<(u64, u64)>,
    /// When the machine was so busy that this program ran late: the moment, and by how much.
    pub stalls: Vec<(u64, u64)>,
    /// Snapshots seen during the run, by job and file, with the fingerprint of their bytes.
    pub seen: BTreeMap<(String, String), u64>,
    /// What went wrong with the agent's answers.
    pub complaints: Vec<String>,
}

/// What a process of the agent is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It samples; so does one that waits to take over.
    Collector,
    /// It starts and stops collections.
    Switch,
}

/// A process from its birth to its death.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// What it is.
    pub role: Role,
    /// Its number.
    pub process: u32,
    /// When it was first seen.
    pub born_ms: u64,
    /// When it was gone; [`NEVER`] while it lives.
    pub died_ms: u64,
    /// The plan killed it; one that ended by itself has to have done its work before.
    pub killed: bool,
    /// It ended by itself, and said that it has done its work.
    pub in_order: bool,
    /// Stretches in which it was stopped.
    pub frozen: Vec<(u64, u64)>,
}

/// A moment at which nothing of ours may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at_ms: u64,
    /// How long it may still take.
    pub grace_ms: u64,
    /// What a user asked to keep has to have ended, too.
    pub with_kept: bool,
    /// Why.
    pub reason: String,
}

impl Life {
    /// It lived at that moment.
    pub fn lives_at(&self, moment_ms: u64) -> bool {
        (self.born_ms..self.died_ms).contains(&moment_ms)
    }
}

/// The agent that was started last has ended in order. One that was killed, or could not start, is a death like others, also
/// where the agent before it has passed everything on and ended in order.
pub(super) fn last_ended_in_order(lives: &[Life]) -> bool {
    let last = lives.iter().rfind(|life| life.role == Role::Collector);
    last.is_some_and(|life| life.in_order)
}

impl Evidence {
    /// By how much the machine held things up between two moments.
    pub fn held_up_ms(&self, from_ms: u64, to_ms: u64) -> u64 {
        let within = self.stalls.iter().filter(|(at, _)| (from_ms..=to_ms).contains(at));
        within.map(|(_, by)| by).sum()
    }
}

/// Disks of somebody else's collections that did nothing between the agent's two looks before its first `-s`: nothing on the
/// host tells them from disks that nobody collects.
pub(super) fn idle_when_looked_at(
    host: &SimulatedHost,
    calls: &[Call],
    foreign: &BTreeSet<DiskKey>,
) -> Result<BTreeSet<DiskKey>, vscsi_fixtures::SimError> {
    let mut idle = BTreeSet::new();
    for disk in foreign {
        let before = calls.iter().take_while(|call| !is_about(call, "-s", *disk));
        let looks: Vec<&Call> = before.filter(|call| is_about(call, "-p", *disk)).collect();
        let [.., first, second] = looks.as_slice() else {
            continue;
        };
        let Some(printed) = second.printed.iter().find(|printed| printed.handle_id == disk.1) else {
            continue;
        };
        let query = TruthQuery {
            vm: Some(printed.vm.clone()),
            node: Some(printed.node.clone()),
            from_us: Some(first.clock_us),
            to_us: Some(second.clock_us),
        };
        let truth = host.truth(&query)?;
        if truth
            .iter()
            .all(|truth| truth.reads.commands + truth.writes.commands == 0)
        {
            idle.insert(*disk);
        }
    }
    Ok(idle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_in_order_of_an_agent_is_not_that_of_its_successor() {
        let life = |role, died_ms, killed, in_order| Life {
            role,
            process: 1,
            born_ms: 0,
            died_ms,
            killed,
            in_order,
            frozen: Vec::new(),
        };
        let mut lives = vec![
            life(Role::Collector, 2000, false, true),
            life(Role::Switch, 2000, false, false),
        ];
        assert!(last_ended_in_order(&lives));
        // Its end is seen after that of the successor, which was killed.
        lives.push(life(Role::Collector, 1990, true, false));
        assert!(!last_ended_in_order(&lives));
    }
}
