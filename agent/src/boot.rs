//! Which boot of the host this is.
//!
//! ESXi has no boot ID that a program could read, so the agent makes one and keeps it in two places: in its state
//! directory together with both clocks, and in a marker below `/var/run`, which a host loses at boot where that is a
//! RAM disk. It is still the same boot when the marker is there, the monotonic clock has not gone back, and wall and
//! monotonic clock have kept their distance. A wall clock that was set while no agent ran is thereby taken for a
//! reboot: the harmless mistake of the two, because then jobs end and their samples stay, whereas the other mistake
//! would compare clocks of two boots.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::{files, random};

/// How far the distance of the clocks may drift while no agent runs, milliseconds.
const DRIFT_MS: i64 = 10 * 60 * 1000;

/// A boot of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootId {
    /// Random, the same for one boot.
    pub id: String,
    /// Why it could not be noted, when it could not: the next start then takes this boot for another one.
    pub problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    boot_id: String,
    wall: Timestamp,
    monotonic_ms: u64,
}

impl BootId {
    /// Recognises this boot, or gives a new one a new ID.
    ///
    /// # Errors
    /// When no random bytes or not the state directory can be read.
    pub fn recognise(state_directory: &Path, host_root: &Path, clock: &dyn Clock) -> io::Result<Self> {
        let note = state_directory.join("boot.json");
        let marker = host_root.join("var/run/vscsi-agent.boot");
        let noted: Option<Noted> =
            files::read_if_there(&note, 4096)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let found = files::read_if_there(&marker, 4096).ok().flatten();
        let (wall, monotonic_ms) = (clock.wall(), clock.monotonic_ms());
        let same = noted.filter(|noted| {
            found.as_deref() == Some(noted.boot_id.as_bytes()) && is_same_boot(noted, wall, monotonic_ms)
        });
        let id = match same {
            Some(noted) => noted.boot_id,
            None => random::hexadecimal(16)?,
        };
        let noted = Noted {
            boot_id: id.clone(),
            wall,
            monotonic_ms,
        };
        let problem = files::write_atomically(&note, &serde_json::to_vec(&noted)?)
            .err()
            .map(|error| format!("cannot note the boot of the host: {error}"));
        // Without the marker the next start takes this boot for another one, which only ends jobs early.
        let _ = marker
            .parent()
            .map_or(Ok(()), files::create_directory)
            .and_then(|()| files::write_atomically(&marker, id.as_bytes()));
        Ok(Self { id, problem })
    }
}

fn is_same_boot(noted: &Noted, wall: Timestamp, monotonic_ms: u64) -> bool {
    let Some(passed_ms) = monotonic_ms.checked_sub(noted.monotonic_ms) else {
        return false;
    };
    let passed_on_wall_ms = wall.as_millisecond() - noted.wall.as_millisecond();
    i64::try_from(passed_ms).is_ok_and(|passed_ms| (passed_on_wall_ms - passed_ms).abs() <= DRIFT_MS)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct At(i64, u64);

    impl Clock for At {
        fn wall(&self) -> Timestamp {
            Timestamp::from_second(self.0).unwrap()
        }

        fn monotonic_ms(&self) -> u64 {
            self.1
        }
    }

    fn recognise(state: &Path, root: &Path, wall_seconds: i64, monotonic_ms: u64) -> String {
        BootId::recognise(state, root, &At(wall_seconds, monotonic_ms))
            .unwrap()
            .id
    }

    #[test]
    fn a_restarted_agent_recognises_its_boot() {
        let (state, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = recognise(state.path(), root.path(), 1_000_000, 5_000);
        assert_eq!(recognise(state.path(), root.path(), 1_003_600, 3_605_000), first);
    }

    #[test]
    fn a_monotonic_clock_that_went_back_is_another_boot() {
        let (state, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = recognise(state.path(), root.path(), 1_000_000, 5_000);
        assert_ne!(recognise(state.path(), root.path(), 1_000_100, 4_000), first);
    }

    #[test]
    fn a_lost_marker_is_another_boot() {
        let (state, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = recognise(state.path(), root.path(), 1_000_000, 5_000);
        fs::remove_file(root.path().join("var/run/vscsi-agent.boot")).unwrap();
        assert_ne!(recognise(state.path(), root.path(), 1_000_001, 6_000), first);
    }

    #[test]
    fn a_later_boot_with_a_surviving_marker_is_told_by_the_distance_of_the_clocks() {
        let (state, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = recognise(state.path(), root.path(), 1_000_000, 5_000);
        // Two hours on the wall, one on the monotonic clock: it began anew in between.
        assert_ne!(recognise(state.path(), root.path(), 1_007_200, 3_605_000), first);
    }
}
