//! How to collect on a host on which nothing can be installed: the exact commands, for its own shell.

use super::Findings;

/// Where a capture may lie: on the datastore with the most room, or else where a host has always some.
const ELSEWHERE: &str = "/tmp";

impl Findings {
    /// The commands that collect without an agent, from the listing of the disks to the import here; `None` where not
    /// even that is possible: no vscsiStats, or a login that may not run it.
    pub(crate) fn by_hand(&self) -> Option<String> {
        let program = self.vscsistats.as_deref().filter(|_| self.is_root != Some(false))?;
        let place = self
            .datastores
            .iter()
            .find(|datastore| datastore.unsuitable.is_none())
            .map_or(ELSEWHERE, |datastore| datastore.path.as_str());
        let file = format!("{place}/capture.csv");
        Some(format!(
            "In a shell of the host:\n\n  \
             {program} -l                  # world group ID (WG) and handle ID (H) of each disk\n  \
             {program} -s -w WG -i H       # starts; ends by itself after 30 minutes, so repeat it each 20 minutes\n  \
             for n in $(seq 31); do date -u '+# %Y-%m-%dT%H:%M:%SZ'; {program} -p all -c -w WG -i H; sleep 60; \
             done > {file}\n  \
             {program} -x -w WG -i H       # stops\n\n\
             Then copy the file here, and:\n\n  \
             vscsi-helper import capture.csv --interval 60 --name NAME"
        ))
    }
}

#[cfg(test)]
mod tests {
    use crate::preflight::findings_for_tests;

    #[test]
    fn the_commands_are_those_of_the_host_that_was_asked() {
        let by_hand = findings_for_tests(Some(true), Some(true)).by_hand().unwrap();
        for part in [
            "  /usr/sbin/vscsiStats -s -w WG -i H ",
            "> /vmfs/volumes/5f/capture.csv\n",
            "  vscsi-helper import capture.csv --interval 60",
        ] {
            assert!(by_hand.contains(part), "{by_hand}");
        }
    }

    #[test]
    fn without_vscsistats_or_root_there_is_no_way() {
        let mut findings = findings_for_tests(Some(true), Some(true));
        findings.is_root = Some(false);
        assert_eq!(findings.by_hand(), None);
        findings.is_root = Some(true);
        findings.vscsistats = None;
        assert_eq!(findings.by_hand(), None);
    }
}
