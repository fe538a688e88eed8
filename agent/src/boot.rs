//! Which boot of the host this is.
//!
//! ESXi has no boot ID that a program could read, so the agents of a host make one and keep it in two places: in the
//! state directory together with both clocks, and in a marker below `/var/run`, which a host loses at boot where that
//! is a RAM disk. Two mistakes are possible, and neither may do harm. A boot taken for the same one would compare
//! clocks of two boots, so jobs go on only where both clocks prove that they can. The same boot taken for another one
//! would forget collections that run, so nothing is forgotten before it is certain that the host was started again:
//! the marker is lost, and the monotonic clock went back or the two clocks moved against each other, as they do at a boot
//! by the uptime before it. Neither a clock nor a marker proves it alone: where `/var/run` survives a boot, or where
//! processes read different monotonic clocks, what the journal names is stopped once more, which does no harm.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::{files, random};

/// How far the distance of the clocks may drift within one boot while no agent runs, milliseconds.
const DRIFT_MS: i64 = 10 * 60 * 1000;

/// How far that distance may move while an agent runs before it is noted anew, milliseconds.
const NOTE_AFTER_MS: i64 = 60 * 1000;

/// How long a failed note rests before it is tried again, milliseconds.
const RETRY_MS: u64 = 10_000;

/// Bytes of randomness in a boot ID.
const ID_BYTES: usize = 16;

/// A boot of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootId {
    /// Random, the same for one boot.
    pub id: String,
    /// Monotonic times of earlier agents with this ID are comparable with the clock of now.
    pub clocks_agree: bool,
    /// Why it could not be noted, when it could not: a handover then ends jobs instead of going on with them.
    pub problem: Option<String>,
    /// The boot before, when it is certain that it is over.
    over: Option<String>,
    note: PathBuf,
    noted: Noted,
    tried_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    boot_id: String,
    wall: Timestamp,
    monotonic_ms: u64,
    /// The marker was there: without it, its absence proves nothing.
    marked: bool,
    /// The boot before this one.
    over: Option<String>,
}

impl Noted {
    /// The clocks have kept their distance since, as they do within one boot.
    fn agrees(&self, wall: Timestamp, monotonic_ms: u64) -> bool {
        self.moved_ms(wall, monotonic_ms) <= DRIFT_MS
    }

    /// The host seems to have been started again since: times of then and now cannot be compared.
    fn is_before(&self, found: &Marker, wall: Timestamp, monotonic_ms: u64) -> bool {
        monotonic_ms < self.monotonic_ms || (self.has_lost(found) && !self.agrees(wall, monotonic_ms))
    }

    /// The marker was there, and is not any more.
    fn has_lost(&self, found: &Marker) -> bool {
        let lost = match found {
            Marker::Is(id) => *id != self.boot_id,
            Marker::Gone => true,
            Marker::Unreadable => false,
        };
        self.marked && lost
    }

    /// How far the distance of the clocks has moved since.
    fn moved_ms(&self, wall: Timestamp, monotonic_ms: u64) -> i64 {
        distance_ms(wall, monotonic_ms)
            .saturating_sub(distance_ms(self.wall, self.monotonic_ms))
            .saturating_abs()
    }
}

/// How far the wall clock is ahead of the monotonic one.
fn distance_ms(wall: Timestamp, monotonic_ms: u64) -> i64 {
    wall.as_millisecond()
        .saturating_sub(i64::try_from(monotonic_ms).unwrap_or(i64::MAX))
}

/// What the marker says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Marker {
    Is(String),
    Gone,
    Unreadable,
}

impl Marker {
    fn read(path: &Path) -> Self {
        match files::read_if_there(path, 4096) {
            Ok(None) => Self::Gone,
            Ok(Some(bytes)) => match String::from_utf8(bytes) {
                Ok(id) if id.len() == 2 * ID_BYTES && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => Self::Is(id),
                _ => Self::Unreadable,
            },
            Err(_) => Self::Unreadable,
        }
    }
}

impl BootId {
    /// Recognises this boot, or gives a new one a new ID, and notes it for the next agent.
    ///
    /// # Errors
    /// When no random bytes or not the state directory can be read.
    pub fn recognise(state_directory: &Path, host_root: &Path, clock: &dyn Clock) -> io::Result<Self> {
        let mut boot = Self::look(state_directory, host_root, clock)?;
        let marker = marker_below(host_root);
        let marked = match Marker::read(&marker) {
            Marker::Is(id) if id == boot.id => Ok(()),
            _ => marker
                .parent()
                .map_or(Ok(()), files::create_directory)
                .and_then(|()| files::write_atomically(&marker, boot.id.as_bytes())),
        };
        boot.noted.marked = marked.is_ok();
        boot.write(clock);
        Ok(boot)
    }

    /// Recognises this boot and leaves no trace.
    ///
    /// # Errors
    /// When no random bytes or not the state directory can be read.
    pub fn look(state_directory: &Path, host_root: &Path, clock: &dyn Clock) -> io::Result<Self> {
        let note = state_directory.join("boot.json");
        let noted: Option<Noted> =
            files::read_if_there(&note, 4096)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let found = Marker::read(&marker_below(host_root));
        let (wall, monotonic_ms) = (clock.wall(), clock.monotonic_ms());
        let (same, before) = match noted {
            Some(noted) if noted.is_before(&found, wall, monotonic_ms) => (None, Some(noted)),
            noted => (noted, None),
        };
        let over = match (&same, &before) {
            (Some(noted), _) => noted.over.clone(),
            (None, Some(before)) if before.has_lost(&found) => Some(before.boot_id.clone()),
            (None, _) => None,
        };
        let clocks_agree = same.as_ref().is_some_and(|noted| noted.agrees(wall, monotonic_ms));
        let id = match (same, found) {
            (Some(noted), _) => noted.boot_id,
            // Another agent of this host, with another state directory, has marked this boot already.
            (None, Marker::Is(id)) if before.is_none_or(|before| before.boot_id != id) => id,
            (None, _) => random::hexadecimal(ID_BYTES)?,
        };
        Ok(Self {
            noted: Noted {
                boot_id: id.clone(),
                wall,
                monotonic_ms,
                marked: false,
                over: over.clone(),
            },
            id,
            clocks_agree,
            problem: None,
            over,
            note,
            tried_ms: monotonic_ms,
        })
    }

    /// Takes the marker away when it is the one of this boot: nothing is left that it could be needed for.
    ///
    /// Another agent of this host that dies now and whose wall clock is set before it comes back would take that for a
    /// reboot; it notes its own marker anew at each start.
    pub fn remove_marker(&self, host_root: &Path) {
        let marker = marker_below(host_root);
        if Marker::read(&marker) == Marker::Is(self.id.clone()) {
            // One that stays says nothing wrong; beside it may lie what a write that was interrupted has left.
            for path in [files::temporary_beside(&marker), marker] {
                let _ = std::fs::remove_file(path);
            }
        }
    }

    /// The boot before, when it is certain that it is over: nothing that was started in it runs any more.
    pub fn over(&self) -> Option<&str> {
        self.over.as_deref()
    }

    /// Notes the clocks anew when the wall clock was set, so that the next agent does not take that for a reboot.
    pub fn keep_up(&mut self, clock: &dyn Clock) {
        let (wall, monotonic_ms) = (clock.wall(), clock.monotonic_ms());
        let moved = self.noted.moved_ms(wall, monotonic_ms) > NOTE_AFTER_MS;
        let due = if self.problem.is_some() {
            monotonic_ms.saturating_sub(self.tried_ms) >= RETRY_MS
        } else {
            moved
        };
        if due {
            self.write(clock);
        }
    }

    fn write(&mut self, clock: &dyn Clock) {
        self.tried_ms = clock.monotonic_ms();
        self.noted.wall = clock.wall();
        self.noted.monotonic_ms = self.tried_ms;
        self.problem = serde_json::to_vec(&self.noted)
            .map_err(io::Error::from)
            .and_then(|bytes| files::write_atomically(&self.note, &bytes))
            .err()
            .map(|error| format!("cannot record the boot of the host: {error}; the agent tries again"));
    }
}

fn marker_below(host_root: &Path) -> PathBuf {
    host_root.join("var/run/vscsi-agent.boot")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    struct At(i64, u64);

    impl Clock for At {
        fn wall(&self) -> Timestamp {
            Timestamp::from_second(self.0).unwrap()
        }

        fn monotonic_ms(&self) -> u64 {
            self.1
        }

        fn sleep(&self, _: Duration) {}
    }

    /// A host and an agent's state directory.
    struct Places(tempfile::TempDir);

    impl Places {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            fs::create_dir(directory.path().join("state")).unwrap();
            fs::create_dir(directory.path().join("root")).unwrap();
            Self(directory)
        }

        fn recognise(&self, wall_seconds: i64, monotonic_ms: u64) -> BootId {
            self.recognise_by("state", wall_seconds, monotonic_ms)
        }

        fn recognise_by(&self, state: &str, wall_seconds: i64, monotonic_ms: u64) -> BootId {
            let (state, root) = (self.0.path().join(state), self.0.path().join("root"));
            BootId::recognise(&state, &root, &At(wall_seconds, monotonic_ms)).unwrap()
        }

        fn lose_marker(&self) {
            fs::remove_file(marker_below(&self.0.path().join("root"))).unwrap();
        }
    }

    #[test]
    fn a_restarted_agent_recognises_its_boot() {
        let places = Places::new();
        let first = places.recognise(1_000_000, 5_000);
        let second = places.recognise(1_003_600, 3_605_000);
        assert_eq!(second.id, first.id);
        assert!(second.clocks_agree);
    }

    #[test]
    fn a_monotonic_clock_that_went_back_is_another_boot() {
        let places = Places::new();
        let first = places.recognise(1_000_000, 5_000);
        let second = places.recognise(1_000_100, 4_000);
        assert_ne!(second.id, first.id);
        // With its marker in place nothing is certain: two processes may read different clocks.
        assert_eq!(second.over(), None);
        assert!(!second.clocks_agree);
    }

    #[test]
    fn a_clock_that_went_back_and_a_lost_marker_together_are_certain() {
        let places = Places::new();
        let first = places.recognise(1_000_000, 5_000);
        places.lose_marker();
        let second = places.recognise(1_000_100, 4_000);
        assert_eq!(second.over(), Some(first.id.as_str()));
    }

    #[test]
    fn a_lost_marker_is_another_boot_when_the_clocks_have_moved_as_at_a_boot() {
        let places = Places::new();
        let first = places.recognise(1_000_000, 5_000);
        places.lose_marker();
        // Started again an hour later, and this boot is a minute old.
        let second = places.recognise(1_003_660, 60_000);
        assert_eq!(second.over(), Some(first.id.as_str()));
        // An agent that died before it could write its journal is followed by one that still knows.
        assert_eq!(places.recognise(1_003_661, 61_000).over(), Some(first.id.as_str()));
    }

    #[test]
    fn a_lost_marker_alone_is_no_other_boot() {
        let places = Places::new();
        let first = places.recognise(1_000_000, 5_000);
        places.lose_marker();
        let second = places.recognise(1_000_001, 6_000);
        assert_eq!(second.id, first.id);
        assert_eq!(second.over(), None);
    }

    #[test]
    fn the_marker_of_another_agent_is_no_other_boot() {
        let places = Places::new();
        fs::create_dir(places.0.path().join("other")).unwrap();
        let first = places.recognise(1_000_000, 5_000);
        places.lose_marker();
        let other = places.recognise_by("other", 1_000_001, 6_000);
        assert_ne!(other.id, first.id);
        let second = places.recognise(1_000_002, 7_000);
        assert_eq!(second.id, first.id);
        assert_eq!(second.over(), None);
    }

    #[test]
    fn clocks_that_have_drifted_apart_prove_no_other_boot_and_no_same_one() {
        let places = Places::new();
        places.recognise(1_000_000, 5_000);
        // Two hours on the wall, one on the monotonic clock: set by hand, or a boot that kept its marker.
        let second = places.recognise(1_007_200, 3_605_000);
        assert_eq!(second.over(), None);
        assert!(!second.clocks_agree);
    }

    #[test]
    fn a_marker_that_could_not_be_written_proves_nothing_by_its_absence() {
        let places = Places::new();
        fs::write(places.0.path().join("root/var"), "not a directory").unwrap();
        let first = places.recognise(1_000_000, 5_000);
        let second = places.recognise(1_000_001, 6_000);
        assert_eq!(second.id, first.id);
        assert_eq!(second.over(), None);
    }

    #[test]
    fn a_wall_clock_set_while_the_agent_runs_is_no_drift() {
        let places = Places::new();
        let mut first = places.recognise(1_000_000, 5_000);
        first.keep_up(&At(1_007_200, 6_000));
        assert!(places.recognise(1_007_201, 7_000).clocks_agree);
    }

    #[test]
    fn the_marker_of_this_boot_is_removed_and_no_other() {
        let places = Places::new();
        let root = places.0.path().join("root");
        let first = places.recognise(1_000_000, 5_000);
        let marker = marker_below(&root);
        fs::write(&marker, "0".repeat(2 * ID_BYTES)).unwrap();
        first.remove_marker(&root);
        assert!(marker.exists());
        fs::write(&marker, &first.id).unwrap();
        first.remove_marker(&root);
        assert!(!marker.exists());
    }

    #[test]
    fn two_agents_of_one_host_agree_on_its_boot() {
        let places = Places::new();
        fs::create_dir(places.0.path().join("other")).unwrap();
        let first = places.recognise(1_000_000, 5_000);
        let other = places.recognise_by("other", 1_000_001, 6_000);
        assert_eq!(other.id, first.id);
        assert_eq!(places.recognise(1_000_002, 7_000).id, first.id);
    }

    #[test]
    fn what_an_interrupted_write_of_the_marker_has_left_goes_with_it() {
        let places = Places::new();
        let root = places.0.path().join("root");
        let first = places.recognise(1_000_000, 5_000);
        let run = root.join("var/run");
        fs::write(run.join("vscsi-agent.boot.tmp"), "half").unwrap();
        first.remove_marker(&root);
        assert_eq!(fs::read_dir(run).unwrap().count(), 0);
    }
}
