//! The processes and files of one run: what a deed of a plan does to them, and what is noted of it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::clock::without_vdso;
use super::evidence::{Life, NEVER, Role};
use super::plan::{Victim, World};
use crate::agent_host::AgentHost;
use crate::binaries::Binary;
use crate::processes::{self, children, command_line, is_alive, monotonic_ms, signal};

/// How long a killed process may take to be gone, milliseconds.
const GONE_MS: u64 = 1000;

/// Size of a volume that can be filled: the agent leaves the last 64 MiB to others.
const VOLUME_MIB: u64 = 70;

/// The processes and files of one run.
#[derive(Debug)]
pub struct Stage {
    /// The host and where things lie.
    pub host: AgentHost,
    program: PathBuf,
    switches: Vec<OsString>,
    children: Vec<(usize, Child)>,
    /// Every process of the agent so far.
    pub(super) lives: Vec<Life>,
    /// Thawing: when, and which life.
    frozen: Vec<(u64, usize)>,
    /// Commands to be killed as soon as one with these words runs.
    marked: Vec<&'static str>,
    /// When one was.
    pub(super) killed_commands: Vec<u64>,
    /// Stretches in which processes had next to no descriptors or memory.
    pub(super) limited: Vec<(u64, u64)>,
    /// When the limits end.
    limits_end_ms: Option<u64>,
    storage_works_ms: Option<u64>,
    volume_has_room_ms: Option<u64>,
    has_volume: bool,
}

impl Stage {
    /// Sets up the files of a run on a host that was made for it.
    pub(super) fn set_up(host: AgentHost, world: &World) -> io::Result<Self> {
        fs::create_dir_all(host.state())?;
        if world.small_volume {
            mount_small_volume(&host.state())?;
        }
        let mut stage = Self {
            program: Binary::Agent.path().map_err(io::Error::other)?,
            switches: Vec::new(),
            children: Vec::new(),
            lives: Vec::new(),
            frozen: Vec::new(),
            marked: Vec::new(),
            killed_commands: Vec::new(),
            limited: Vec::new(),
            limits_end_ms: None,
            storage_works_ms: None,
            volume_has_room_ms: None,
            has_volume: world.small_volume,
            host,
        };
        if world.wall_clock {
            let folder = stage.place("own-clock");
            fs::create_dir(&folder)?;
            stage.program = without_vdso(&stage.program, &folder)?;
            stage.switch_on("--wall-clock", "seconds-ahead");
        }
        if world.failing_storage {
            stage.switch_on("--failing-storage", "storage-fails");
        }
        Ok(stage)
    }

    fn switch_on(&mut self, switch: &str, file: &str) {
        self.switches.push(switch.into());
        self.switches.push(self.place(file).into());
    }

    /// A file beside state and host.
    fn place(&self, name: &str) -> PathBuf {
        self.host.state().with_file_name(name)
    }

    /// A command of the agent under the filter, its output thrown away.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.host.command_of(&self.program, &self.switches);
        command.args(words);
        self.host.with_places(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Starts an agent.
    pub(super) fn serve(&mut self, words: &[&str]) -> io::Result<()> {
        let all = [&["serve"], words, &["--idle-exit", "0"]].concat();
        let child = self.command(&all).spawn()?;
        self.lives.push(Life {
            role: Role::Collector,
            process: child.id(),
            born_ms: monotonic_ms(),
            died_ms: NEVER,
            killed: false,
            in_order: false,
            frozen: Vec::new(),
        });
        self.children.push((self.lives.len() - 1, child));
        Ok(())
    }

    /// Looks after everything: who was born, who died, who is to be killed or let go on.
    pub(super) fn look(&mut self) {
        let now_ms = monotonic_ms();
        self.children.retain_mut(|(life, child)| {
            let status = child.try_wait();
            if matches!(status, Ok(None)) {
                return true;
            }
            if let Some(life) = self.lives.get_mut(*life) {
                life.in_order = matches!(status, Ok(Some(status)) if status.success());
                life.died_ms = life.died_ms.min(now_ms);
            }
            false
        });
        self.find_switches(now_ms);
        for life in self.lives.iter_mut().filter(|life| life.died_ms == NEVER) {
            if life.role == Role::Switch && !is_alive(life.process) {
                life.died_ms = now_ms;
            }
        }
        self.kill_marked();
        let thawing: Vec<usize> = self
            .frozen
            .iter()
            .filter(|(at, _)| *at <= now_ms)
            .map(|(_, life)| *life)
            .collect();
        self.frozen.retain(|(at, _)| *at > now_ms);
        for life in thawing {
            self.thaw(life);
        }
        if self.limits_end_ms.is_some_and(|at| at <= now_ms) {
            self.lift_limits();
        }
        if self.storage_works_ms.is_some_and(|at| at <= now_ms) {
            self.mend_storage();
        }
        if self.volume_has_room_ms.is_some_and(|at| at <= now_ms) {
            self.empty_volume();
        }
    }

    fn find_switches(&mut self, now_ms: u64) {
        let state = self.host.state().display().to_string();
        for collector in self.living(Role::Collector) {
            for process in children(self.lives[collector].process) {
                let known = self
                    .lives
                    .iter()
                    .any(|life| life.process == process && life.died_ms == NEVER);
                if known {
                    continue;
                }
                let words = command_line(process);
                if words.iter().any(|word| word == "switch") && words.contains(&state) {
                    self.lives.push(Life {
                        role: Role::Switch,
                        process,
                        born_ms: now_ms,
                        died_ms: NEVER,
                        killed: false,
                        in_order: false,
                        frozen: Vec::new(),
                    });
                }
            }
        }
    }

    fn kill_marked(&mut self) {
        if self.marked.is_empty() {
            return;
        }
        let parents: Vec<u32> = self
            .lives
            .iter()
            .filter(|life| life.died_ms == NEVER)
            .map(|life| life.process)
            .collect();
        for process in parents.into_iter().flat_map(children) {
            let words = command_line(process);
            let Some((program, arguments)) = words.split_first() else {
                continue;
            };
            if !Path::new(program).starts_with(self.host.host.root()) {
                continue;
            }
            let line = arguments.join(" ");
            if let Some(position) = self.marked.iter().position(|mark| line.contains(mark)) {
                self.marked.remove(position);
                signal(process, libc::SIGKILL);
                self.killed_commands.push(monotonic_ms());
            }
        }
    }

    /// The living processes of a role, eldest first.
    pub(super) fn living(&self, role: Role) -> Vec<usize> {
        let living = self.lives.iter().enumerate();
        living
            .filter(|(_, life)| life.role == role && life.died_ms == NEVER)
            .map(|(position, _)| position)
            .collect()
    }

    fn victims(&self, victim: Victim) -> Vec<usize> {
        let collectors = self.living(Role::Collector);
        let switches = self.living(Role::Switch);
        match victim {
            Victim::Collector => collectors.first().copied().into_iter().collect(),
            Victim::Successor => collectors.get(1).copied().into_iter().collect(),
            Victim::Switch => switches.first().copied().into_iter().collect(),
            Victim::Both => collectors
                .first()
                .into_iter()
                .chain(switches.first())
                .copied()
                .collect(),
            Victim::Command(_) => Vec::new(),
        }
    }

    /// Kills, or marks a command to be killed.
    pub(super) fn kill(&mut self, victim: Victim) {
        if let Victim::Command(words) = victim {
            self.marked.push(words);
            return;
        }
        let victims = self.victims(victim);
        // A stopped collector replaces no switch, and a stopped switch stops nothing.
        for life in &victims {
            signal(self.lives[*life].process, libc::SIGSTOP);
        }
        for life in victims {
            let process = self.lives[life].process;
            signal(process, libc::SIGKILL);
            self.lives[life].died_ms = monotonic_ms();
            self.lives[life].killed = true;
            // Its locks are held until it is gone, which takes a moment.
            while is_alive(process) && monotonic_ms() < self.lives[life].died_ms + GONE_MS {
                sleep(Duration::from_millis(1));
            }
        }
    }

    /// Kills what goes on stopping without a collector.
    pub(super) fn end_switches_that_go_on_alone(&self) {
        self.kill_all_whose(|words| words.iter().any(|word| word == "switch"));
    }

    fn kill_all_whose(&self, is_meant: impl Fn(&[String]) -> bool) {
        for process in self.processes() {
            if is_meant(&command_line(process)) {
                signal(process, libc::SIGKILL);
            }
        }
    }

    /// Every process of this state directory.
    fn processes(&self) -> impl Iterator<Item = u32> {
        let state = self.host.state().display().to_string();
        let all = processes::all().into_iter();
        all.filter(move |process| command_line(*process).contains(&state))
    }

    /// Sends the collector a signal.
    pub(super) fn tell_collector(&self, number: i32) {
        for life in self.victims(Victim::Collector) {
            signal(self.lives[life].process, number);
        }
    }

    /// Stops processes; without an end, for good.
    pub(super) fn freeze(&mut self, victim: Victim, for_ms: Option<u64>) {
        for life in self.victims(victim) {
            let now_ms = monotonic_ms();
            signal(self.lives[life].process, libc::SIGSTOP);
            self.lives[life].frozen.push((now_ms, NEVER));
            if let Some(for_ms) = for_ms {
                self.frozen.push((now_ms + for_ms, life));
            }
        }
    }

    fn thaw(&mut self, life: usize) {
        let life = &mut self.lives[life];
        if life.died_ms == NEVER {
            signal(life.process, libc::SIGCONT);
        }
        let now_ms = monotonic_ms();
        for (_, to_ms) in life.frozen.iter_mut().filter(|(_, to_ms)| *to_ms == NEVER) {
            *to_ms = now_ms;
        }
    }

    /// Gives the collector next to nothing above what it has.
    pub(super) fn limit(&mut self, files: Option<u32>, memory_kib: Option<u32>, for_ms: u64) {
        let now_ms = monotonic_ms();
        for life in self.victims(Victim::Collector) {
            let process = self.lives[life].process;
            if let Some(files) = files {
                let open = fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count);
                set_limit(process, libc::RLIMIT_NOFILE, open as u64 + u64::from(files));
            }
            if let Some(kib) = memory_kib {
                set_limit(
                    process,
                    libc::RLIMIT_AS,
                    virtual_kib(process) * 1024 + u64::from(kib) * 1024,
                );
            }
        }
        self.limited.push((now_ms, now_ms + for_ms));
        self.limits_end_ms = self.limits_end_ms.max(Some(now_ms + for_ms));
    }

    fn lift_limits(&mut self) {
        self.limits_end_ms = None;
        // What was started meanwhile has the limits of its parent, also a switch that no look has seen yet.
        for process in self.processes() {
            set_limit(process, libc::RLIMIT_NOFILE, 1024);
            set_limit(process, libc::RLIMIT_AS, libc::RLIM_INFINITY);
        }
        let now_ms = monotonic_ms();
        if let Some(last) = self.limited.last_mut() {
            last.1 = last.1.max(now_ms);
        }
    }

    /// The wall clock of the agent is so far ahead.
    pub(super) fn set_wall_clock(&self, seconds: i64) -> io::Result<()> {
        fs::write(self.place("seconds-ahead"), seconds.to_string())
    }

    /// The agent's storage fails; that of the host's own programs does not.
    pub(super) fn fail_storage(&mut self, for_ms: u64) -> io::Result<()> {
        self.storage_works_ms = Some(monotonic_ms() + for_ms);
        fs::write(self.place("storage-fails"), self.host.host.root().display().to_string())
    }

    fn mend_storage(&mut self) {
        self.storage_works_ms = None;
        // It may work already.
        let _ = fs::remove_file(self.place("storage-fails"));
    }

    /// The volume runs full.
    pub(super) fn fill_volume(&mut self, for_ms: u64) {
        self.volume_has_room_ms = Some(monotonic_ms() + for_ms);
        // It ends with the error that is wanted: no space left.
        let _ = fs::write(
            self.ballast(),
            vec![0_u8; usize::try_from(VOLUME_MIB << 20).unwrap_or(0)],
        );
    }

    fn empty_volume(&mut self) {
        self.volume_has_room_ms = None;
        let _ = fs::remove_file(self.ballast());
    }

    fn ballast(&self) -> PathBuf {
        self.host.state().join("ballast")
    }

    /// Everything works again, and nobody is marked or frozen.
    pub(super) fn repair(&mut self) {
        self.marked.clear();
        self.mend_storage();
        self.empty_volume();
        self.lift_limits();
        for (_, life) in std::mem::take(&mut self.frozen) {
            self.thaw(life);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for life in self.lives.iter().filter(|life| life.died_ms == NEVER) {
            signal(life.process, libc::SIGKILL);
        }
        self.kill_all_whose(|_| true);
        for (_, child) in &mut self.children {
            let _ = child.wait();
        }
        if self.has_volume {
            // Lazily, for the log of a process that is just dying may still be open.
            let _ = Command::new("umount").arg("-l").arg(self.host.state()).status();
        }
    }
}

/// Mounts a small volume that only this thread and its processes see, so that it is gone with them.
#[expect(unsafe_code, reason = "unshare has no safe wrapper in std")]
fn mount_small_volume(place: &Path) -> io::Result<()> {
    // SAFETY: touches no memory of this process.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mount = |words: &[&str]| {
        let status = Command::new("mount").args(words).arg(place).status()?;
        status
            .success()
            .then_some(())
            .ok_or_else(|| io::Error::other("mount failed"))
    };
    let made = Command::new("mount").args(["--make-rprivate", "/"]).status()?;
    if !made.success() {
        return Err(io::Error::other("mount --make-rprivate failed"));
    }
    mount(&["-t", "tmpfs", "-o", &format!("size={VOLUME_MIB}m"), "tmpfs"])
}

#[expect(unsafe_code, reason = "prlimit has no safe wrapper in std")]
fn set_limit(process: u32, resource: libc::__rlimit_resource_t, soft: u64) {
    let Ok(process) = i32::try_from(process) else { return };
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the structure lives through both calls. A process that is gone has no limits to set.
    unsafe {
        if libc::prlimit(process, resource, std::ptr::null(), &raw mut limit) == 0 {
            limit.rlim_cur = soft.min(limit.rlim_max);
            libc::prlimit(process, resource, &raw const limit, std::ptr::null_mut());
        }
    }
}

fn virtual_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
