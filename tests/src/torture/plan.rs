//! What is done to a host and its agent in one run. Pure data: drawn from a seed, printed when a run fails.

use std::fmt;

use vscsi_fixtures::{ExitCodes, FaultKind, HandleWidth, Messages, Variants};

/// One run: a host, what happens on it and when, and how it ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The host.
    pub world: World,
    /// What is done, in order of time.
    pub steps: Vec<Step>,
    /// How it ends.
    pub ending: Ending,
}

/// The host of a run.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent property of the host"
)]
pub struct World {
    /// The scenario it is made from.
    pub scenario: &'static str,
    /// How its tools behave where nobody knows how the real ones do.
    pub variants: Variants,
    /// Virtual seconds a second: where it is large, collections end by themselves during the run.
    pub time_scale: f64,
    /// Somebody else collects from every disk before the agent comes.
    pub foreign: bool,
    /// The agent's state lies on a small volume of its own, which can be filled.
    pub small_volume: bool,
    /// Calls that make files durable, name or remove them can be made to fail.
    pub failing_storage: bool,
    /// The wall clock of the agent can be set.
    pub wall_clock: bool,
}

/// Something done at its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// When, milliseconds after the agent first answered.
    pub at_ms: u64,
    /// What.
    pub deed: Deed,
}

/// Something done to the agent or its host.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// Ask for a job.
    CreateJob(JobPlan),
    /// Stop a job.
    StopJob {
        /// Its number.
        job: u32,
        /// Leave the collection running.
        keep: bool,
    },
    /// Start an agent where none lives.
    Start,
    /// Start an agent that takes over from the one that runs.
    TakeOver,
    /// End the agent in order.
    Terminate,
    /// Run `cleanup`.
    CleanUp {
        /// With `--all`.
        all: bool,
    },
    /// Kill with SIGKILL.
    Kill(Victim),
    /// Stop with SIGSTOP, and let it go on after so many milliseconds.
    Freeze(Victim, u64),
    /// Let calls of `vscsiStats` go wrong.
    Fault {
        /// How.
        kind: FaultKind,
        /// Calls with this in their arguments.
        calls: &'static str,
        /// So many good ones first.
        after: u64,
        /// So many bad ones.
        times: u64,
    },
    /// Somebody else meddles with collections, or a VM moves.
    Host(HostEvent),
    /// Set the wall clock of the agent by so many seconds.
    SetWallClock(i64),
    /// Let the volume run full, and give the space back after so many milliseconds.
    FillVolume(u64),
    /// Let the storage fail, and work again after so many milliseconds.
    FailStorage(u64),
    /// Leave the collector so many descriptors above those it has, for so many milliseconds.
    LimitFiles(u32, u64),
    /// Leave the collector so many KiB of memory above what it has, for so many milliseconds.
    LimitMemory(u32, u64),
}

/// A job that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobPlan {
    /// Its number, from which its name is made.
    pub number: u32,
    /// Which of the running VMs, counted round.
    pub vm: usize,
    /// Only the first disk of the VM.
    pub one_disk: bool,
    /// Samples, one a second.
    pub samples: u32,
    /// In `restart` mode.
    pub restart: bool,
}

impl JobPlan {
    /// Its name.
    pub fn name(number: u32) -> String {
        format!("job-{number}")
    }
}

/// A process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    /// The agent that samples; during an upgrade the one that is to be replaced.
    Collector,
    /// The process that starts and stops collections.
    Switch,
    /// Both at one moment.
    Both,
    /// During an upgrade, the agent that is to take over.
    Successor,
    /// The next command of the host with this in its arguments, as soon as it runs.
    Command(&'static str),
}

/// Something that happens on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostEvent {
    /// `vscsiStats -x` by somebody else.
    ForeignStop,
    /// `vscsiStats -r` by somebody else.
    Reset,
    /// A VM, counted round, is powered off and on.
    PowerCycle(usize),
    /// A VM moves away and comes back after so many milliseconds.
    Migrate(usize, u64),
    /// So many minutes pass for the host and for nobody else, as when it was suspended.
    Advance(u64),
}

/// How a run ends. What was made to fail works again before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The collector dies, and nobody starts another one.
    KillCollector,
    /// Collector and switch die; another agent starts.
    KillBothAndStart,
    /// Collector and switch die; `cleanup` is run.
    KillBothAndCleanUp,
    /// The agent is told to end.
    Terminate,
    /// The jobs come to their own end.
    JobsEnd,
    /// The collector dies on a host on which each stop takes 0.6 s and one of them hangs.
    KillAmongSlowStops,
    /// The collector freezes for good.
    FreezeCollector,
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let World {
            scenario,
            variants,
            time_scale,
            foreign,
            small_volume,
            failing_storage,
            wall_clock,
        } = &self.world;
        write!(formatter, "host {scenario}, {time_scale} virtual seconds a second")?;
        let default = Variants::default();
        for (differs, words) in [
            (variants.start_again_zeroes, "start_again_zeroes"),
            (!variants.stop_start_zeroes, "stop_start_zeroes: false"),
            (!variants.print_after_stop, "print_after_stop: false"),
            (variants.print_before_start, "print_before_start"),
            (variants.stop_needs_collection, "stop_needs_collection"),
            (variants.messages == Messages::Silent, "messages: silent"),
            (variants.handles == HandleWidth::Wide, "handles: wide"),
            (variants.exit_codes == ExitCodes::AlwaysZero, "exit_codes: always_zero"),
            (variants.config_path != default.config_path, "config_path: label"),
            (*foreign, "somebody else collects"),
            (*failing_storage, "storage that can fail"),
            (*small_volume, "a volume that can be filled"),
            (*wall_clock, "a wall clock that can be set"),
        ] {
            if differs {
                write!(formatter, ", {words}")?;
            }
        }
        for Step { at_ms, deed } in &self.steps {
            write!(formatter, "\n{at_ms:>6} ms  {deed:?}")?;
        }
        write!(formatter, "\n   then    {:?}", self.ending)
    }
}
