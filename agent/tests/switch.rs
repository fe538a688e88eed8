//! Laws of the switch, on a host that does whatever a host may do: commands take long, fail, hang, and take effect at
//! any moment between their beginning and their end.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use vscsi_agent::host::DiskKey;
use vscsi_agent::journal::{Journal, SwitchId};
use vscsi_agent::switch::{Ask, Command, Core, Effect, Order, Report, RunId, State};
use vscsi_shared::identifier::{HandleId, WorldGroupId};

const MINUTE_MS: u64 = 60_000;

fn disk(number: u64) -> DiskKey {
    DiskKey {
        world_group_id: WorldGroupId(7),
        handle_id: HandleId(8192 + number),
    }
}

/// Something that happens.
#[derive(Debug, Clone)]
enum Event {
    Asked(Ask, u64),
    All,
    /// The so-many-th command that runs has done its work.
    Works(usize),
    /// It ends; whether it says that it succeeded.
    Ends(usize, bool),
    /// It hangs and is killed, and is not seen to end.
    Hangs(usize),
    Written(bool),
    Pass(u64),
    CollectorDies,
}

fn event() -> impl Strategy<Value = Event> {
    let ask = prop_oneof![
        4 => Just(Ask::Want),
        2 => Just(Ask::Again),
        1 => Just(Ask::Restart),
        1 => Just(Ask::Foreign),
        3 => Just(Ask::Drop),
        1 => Just(Ask::Keep),
    ];
    prop_oneof![
        6 => (ask, 0_u64..3).prop_map(|(ask, disk)| Event::Asked(ask, disk)),
        1 => Just(Event::All),
        4 => (0_usize..4).prop_map(Event::Works),
        8 => (0_usize..4, prop::bool::weighted(0.8)).prop_map(|(run, well)| Event::Ends(run, well)),
        1 => (0_usize..4).prop_map(Event::Hangs),
        6 => prop::bool::weighted(0.9).prop_map(Event::Written),
        4 => (1_u64..20_000).prop_map(Event::Pass),
        1 => Just(Event::CollectorDies),
    ]
}

/// The host, the storage and the collector around a switch.
struct World {
    core: Core,
    now_ms: u64,
    number: u64,
    /// Commands that run, and whether they have done their work.
    running: BTreeMap<RunId, (Command, bool)>,
    killed: BTreeSet<RunId>,
    writing: Option<Journal>,
    on_file: Journal,
    collecting: BTreeSet<DiskKey>,
    /// What the switch has said of each disk.
    told: BTreeMap<DiskKey, State>,
    /// Collections that are somebody else's.
    foreign: BTreeSet<DiskKey>,
    exited: bool,
}

impl World {
    fn new(journal: Journal) -> Self {
        let id = SwitchId {
            process: 1,
            start: "this".to_owned(),
        };
        let mut world = Self {
            core: Core::new(id, 1000),
            now_ms: 1000,
            number: 0,
            running: BTreeMap::new(),
            killed: BTreeSet::new(),
            writing: None,
            on_file: journal.clone(),
            collecting: journal.armed.iter().map(|armed| armed.disk).collect(),
            told: BTreeMap::new(),
            foreign: BTreeSet::new(),
            exited: false,
        };
        world.core.locked(journal, None, 1000);
        world.carry_out();
        world
    }

    fn carry_out(&mut self) {
        for effect in self.core.take_effects() {
            match effect {
                Effect::Run(run, command) => self.run(run, command),
                Effect::Kill(run) => drop(self.killed.insert(run)),
                Effect::Write(journal) => {
                    assert!(self.writing.is_none(), "two writes at once");
                    self.writing = Some(journal);
                }
                Effect::Say(Report::Disk(disk, told)) => self.hear(disk, told.state),
                Effect::Exit => self.exited = true,
                Effect::KillGroup(_) | Effect::Release(_) | Effect::Say(_) | Effect::Log(_) | Effect::Tell(_) => {}
            }
        }
    }

    fn run(&mut self, run: RunId, command: Command) {
        if let Command::Start(disk) | Command::Stop(disk) = command {
            let alive = |(other, (running, _)): (&RunId, &(Command, bool))| {
                let same = matches!(running, Command::Start(of) | Command::Stop(of) if *of == disk);
                same && !self.killed.contains(other)
            };
            assert!(!self.running.iter().any(alive), "two commands at once on {disk}");
        }
        let theirs = |disk: &DiskKey| self.told.get(disk) == Some(&State::Foreign);
        if let Command::Start(disk) = command
            && !theirs(&disk)
        {
            let named = self.on_file.of(disk).is_some_and(|armed| !armed.kept);
            assert!(named, "`-s` on {disk}, which the journal does not name");
        }
        self.running.insert(run, (command, false));
    }

    /// `off` is said of what certainly does not collect for us.
    fn hear(&mut self, disk: DiskKey, state: State) {
        if state == State::Off && !self.foreign.contains(&disk) {
            assert!(
                !self.collecting.contains(&disk),
                "{disk} is said to be off, and collects"
            );
            let start = |(command, _): &(Command, bool)| *command == Command::Start(disk);
            assert!(
                !self.running.values().any(start),
                "{disk} is said to be off, and a `-s` is on its way"
            );
        }
        match state {
            State::Foreign => drop(self.foreign.insert(disk)),
            State::Starting => drop(self.foreign.remove(&disk)),
            _ => {}
        }
        self.told.insert(disk, state);
    }

    fn pick(&self, number: usize) -> Option<RunId> {
        self.running.keys().nth(number % self.running.len().max(1)).copied()
    }

    fn works(&mut self, run: RunId) {
        let Some((command, done)) = self.running.get_mut(&run) else {
            return;
        };
        if std::mem::replace(done, true) {
            return;
        }
        match *command {
            Command::Start(disk) => drop(self.collecting.insert(disk)),
            Command::Stop(disk) => drop(self.collecting.remove(&disk)),
            Command::List => {}
        }
    }

    fn ends(&mut self, run: RunId, well: bool) {
        let killed = self.killed.remove(&run);
        if well && !killed {
            self.works(run);
        }
        let Some((command, _)) = self.running.remove(&run) else {
            return;
        };
        if command == Command::List {
            self.core.listed(run, None, self.now_ms);
        } else {
            let how = if well && !killed {
                Ok(())
            } else {
                Err("it failed".to_owned())
            };
            self.core.ended(run, how, self.now_ms);
        }
    }

    fn written(&mut self, well: bool) {
        let Some(journal) = self.writing.take() else { return };
        if well {
            self.on_file = journal;
        }
        let how = if well { Ok(()) } else { Err("no space".to_owned()) };
        self.core.written(how, self.now_ms);
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Asked(ask, number) => {
                self.number += 1;
                let order = Order::Disk {
                    ask,
                    number: self.number,
                    disk: disk(number),
                };
                self.core.hear(order, self.now_ms);
            }
            Event::All => self.core.hear(Order::All, self.now_ms),
            Event::Works(number) => {
                if let Some(run) = self.pick(number) {
                    self.works(run);
                }
            }
            Event::Ends(number, well) => {
                if let Some(run) = self.pick(number) {
                    self.ends(run, well);
                }
            }
            Event::Hangs(number) => {
                if let Some(run) = self.pick(number)
                    && self.killed.insert(run)
                {
                    match self.running.get(&run).map(|(command, _)| *command) {
                        Some(Command::List) => self.ends(run, false),
                        _ => self.core.overdue(run, "it hung".to_owned(), self.now_ms),
                    }
                }
            }
            Event::Written(well) => self.written(well),
            Event::Pass(milliseconds) => {
                self.now_ms += milliseconds;
                self.core.hear(Order::Alive, self.now_ms);
                self.core.tick(self.now_ms);
            }
            Event::CollectorDies => self.core.collector_gone(self.now_ms),
        }
        self.carry_out();
    }

    /// From now on every command ends, and well, and the storage takes everything.
    fn settle(&mut self) {
        for _ in 0..200 {
            while let Some(run) = self.running.keys().next().copied() {
                self.ends(run, true);
                self.carry_out();
            }
            self.written(true);
            self.now_ms += 500;
            self.core.tick(self.now_ms);
            self.carry_out();
        }
    }
}

fn journal(armed: &[(u64, bool)], now_ms: u64) -> Journal {
    let entries: Vec<_> = armed
        .iter()
        .map(|(number, started)| {
            serde_json::json!({
                "world_group_id": "7",
                "handle_id": (8192 + number).to_string(),
                "armed_ms": now_ms,
                "started": started,
            })
        })
        .collect();
    serde_json::from_value(serde_json::json!({"boot_id": "b", "armed": entries})).unwrap()
}

/// `PROPTEST_CASES` asks for more.
fn enough_unless_asked_for_more() -> ProptestConfig {
    let config = ProptestConfig::default();
    let cases = std::env::var_os("PROPTEST_CASES").map_or(500, |_| config.cases);
    ProptestConfig { cases, ..config }
}

proptest! {
    #![proptest_config(enough_unless_asked_for_more())]

    #[test]
    fn whatever_happens_a_dead_collector_leaves_nothing_but_what_is_kept(
        found in prop::collection::btree_map(0_u64..3, any::<bool>(), 0..3),
        history in prop::collection::vec(event(), 1..60),
    ) {
        let found: Vec<(u64, bool)> = found.into_iter().collect();
        let mut world = World::new(journal(&found, 1000));
        for event in &history {
            world.happen(event);
        }
        world.happen(&Event::CollectorDies);
        world.settle();
        let kept = |disk: &DiskKey| world.on_file.of(*disk).is_some_and(|armed| armed.kept);
        let left: Vec<&DiskKey> = world
            .collecting
            .iter()
            .filter(|disk| !kept(disk) && !world.foreign.contains(disk))
            .collect();
        prop_assert!(left.is_empty(), "{left:?} of {:?}", world.told);
        prop_assert!(world.exited, "it waits for nothing: {:?}", world.told);
        prop_assert!(world.on_file.armed.iter().all(|armed| armed.kept));
    }
}

#[test]
fn a_collector_that_is_late_loses_its_collections_and_gets_them_back_when_it_asks() {
    let mut world = World::new(Journal::default());
    world.happen(&Event::Asked(Ask::Want, 0));
    world.settle_while_beating();
    assert!(world.collecting.contains(&disk(0)));
    // Nobody says anything for half a minute in which the switch itself runs.
    for _ in 0..31 {
        world.now_ms += 1000;
        world.core.tick(world.now_ms);
        world.carry_out();
    }
    world.settle_while_beating();
    assert!(world.collecting.is_empty());
    world.happen(&Event::Asked(Ask::Want, 0));
    world.settle_while_beating();
    assert!(world.collecting.contains(&disk(0)));
}

#[test]
fn a_host_that_was_suspended_makes_no_collector_late() {
    let mut world = World::new(Journal::default());
    world.happen(&Event::Asked(Ask::Want, 0));
    world.settle_while_beating();
    world.now_ms += 10 * MINUTE_MS;
    world.core.tick(world.now_ms);
    world.settle_while_beating();
    assert!(world.collecting.contains(&disk(0)));
}

#[test]
fn one_stop_that_hangs_holds_up_no_other_disk() {
    let mut world = World::new(journal(&[(0, true), (1, true), (2, true)], 1000));
    world.happen(&Event::CollectorDies);
    let stops: BTreeSet<DiskKey> = world
        .running
        .values()
        .filter_map(|(command, _)| match command {
            Command::Stop(disk) => Some(*disk),
            _ => None,
        })
        .collect();
    assert_eq!(stops, BTreeSet::from([disk(0), disk(1), disk(2)]));
}

#[test]
fn a_start_of_a_switch_that_died_is_followed_by_a_stop_after_its_deadline() {
    let mut world = World::new(journal(&[(0, false)], 1000));
    world.happen(&Event::CollectorDies);
    let first = world.pick(0).unwrap();
    world.ends(first, true);
    world.carry_out();
    // The `-s` that nobody sees takes effect now.
    world.collecting.insert(disk(0));
    assert_eq!(world.told.get(&disk(0)), Some(&State::Stopping));
    world.now_ms += 15_001;
    world.settle();
    assert!(world.collecting.is_empty());
    assert!(world.on_file.armed.is_empty());
}

#[test]
fn what_another_boot_has_started_is_forgotten_and_nothing_is_stopped_by_its_handles() {
    let id = SwitchId {
        process: 1,
        start: "this".to_owned(),
    };
    let mut core = Core::new(id, 1000);
    core.locked(journal(&[(0, true)], 1000), Some("b"), 1000);
    core.hear(Order::All, 1000);
    let effects = core.take_effects();
    assert!(
        !effects.iter().any(|effect| matches!(effect, Effect::Run(..))),
        "{effects:?}"
    );
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Write(journal) if journal.armed.is_empty())),
        "{effects:?}"
    );
}

impl World {
    fn settle_while_beating(&mut self) {
        for _ in 0..20 {
            while let Some(run) = self.running.keys().next().copied() {
                self.ends(run, true);
                self.carry_out();
            }
            self.written(true);
            self.now_ms += 100;
            self.core.hear(Order::Alive, self.now_ms);
            self.carry_out();
        }
    }
}
