//! Disks that listings lack, and when one of them is certainly gone.

use std::collections::BTreeMap;

use vscsi_shared::vscsistats::Listing;

use super::DiskKey;

/// How far apart two listings that lack a disk have to be to prove that it is gone, milliseconds.
///
/// One alone proves nothing: a host prints it in the middle of a change, too. Less than the shortest interval of a
/// job, so that the second snapshot that misses a VM is sure of it.
pub const LIST_AGAIN_MS: u64 = 500;

/// The disks that were not in the last listing.
///
/// As after a power-off or vMotion: such a disk has no collection to stop, and its handle is never given again.
#[derive(Debug, Clone, Default)]
pub struct Unlisted(BTreeMap<DiskKey, Since>);

/// The first and the last listing in a row that lacked a disk, monotonic milliseconds.
#[derive(Debug, Clone, Copy)]
struct Since {
    first_ms: u64,
    last_ms: u64,
}

impl Unlisted {
    /// Takes in what the `listing` of the moment `now_ms` says about `disks`; any other disk is forgotten.
    ///
    /// A listing that could not be read whole proves nothing, and the proof begins anew after it.
    pub fn take_in(&mut self, listing: &Listing, now_ms: u64, disks: impl IntoIterator<Item = DiskKey>) {
        let before = std::mem::take(&mut self.0);
        if !listing.diagnostics.is_empty() {
            return;
        }
        let lacking = disks.into_iter().filter(|disk| !lists(listing, *disk));
        self.0 = lacking
            .map(|disk| {
                let first_ms = before.get(&disk).map_or(now_ms, |since| since.first_ms);
                let last_ms = now_ms;
                (disk, Since { first_ms, last_ms })
            })
            .collect();
    }

    /// The last listing lacked the disk.
    pub fn contains(&self, disk: DiskKey) -> bool {
        self.0.contains_key(&disk)
    }

    /// Listings have lacked the disk for so long that it is gone.
    pub fn is_certainly_gone(&self, disk: DiskKey) -> bool {
        self.0
            .get(&disk)
            .is_some_and(|since| since.last_ms.saturating_sub(since.first_ms) >= LIST_AGAIN_MS)
    }
}

fn lists(listing: &Listing, disk: DiskKey) -> bool {
    listing.vms.iter().any(|vm| {
        vm.world_group_id == disk.world_group_id && vm.disks.iter().any(|listed| listed.handle_id == disk.handle_id)
    })
}

#[cfg(test)]
mod tests {
    use vscsi_shared::identifier::{HandleId, WorldGroupId};
    use vscsi_shared::vscsistats::parse_listing;

    use super::*;

    const DISK: DiskKey = DiskKey {
        world_group_id: WorldGroupId(7),
        handle_id: HandleId(8192),
    };

    const WITH: &str = "Virtual Machine worldGroupID: 7, Virtual Machine Display Name: a, \
                        Virtual Machine Config File: /vmfs/volumes/ds/a/a.vmx, {\n  \
                        Virtual SCSI Disk handleID: 8192 (scsi0:0)\n}\n";

    /// After listings at these moments, the disk is gone for certain.
    fn is_gone(listings: &[(u64, &str)]) -> bool {
        let mut unlisted = Unlisted::default();
        for (now_ms, text) in listings {
            unlisted.take_in(&parse_listing(text.as_bytes()), *now_ms, [DISK]);
        }
        unlisted.is_certainly_gone(DISK)
    }

    #[test]
    fn two_listings_half_a_second_apart_prove_that_a_disk_is_gone() {
        assert!(is_gone(&[(1000, ""), (1500, "")]));
    }

    #[test]
    fn one_listing_and_two_at_nearly_the_same_moment_prove_nothing() {
        assert!(!is_gone(&[(1000, "")]));
        assert!(!is_gone(&[(1000, ""), (1499, "")]));
    }

    #[test]
    fn a_listing_with_the_disk_in_between_begins_the_proof_anew() {
        assert!(!is_gone(&[(1000, ""), (2000, WITH), (3000, "")]));
    }

    #[test]
    fn a_listing_that_could_not_be_read_whole_proves_nothing() {
        assert!(!is_gone(&[(1000, ""), (2000, "~ # vscsiStats -l")]));
        assert!(!is_gone(&[(1000, ""), (2000, "~ # vscsiStats -l"), (3000, "")]));
    }

    #[test]
    fn a_disk_of_the_same_handle_in_another_vm_is_another_disk() {
        let other = WITH.replace("worldGroupID: 7", "worldGroupID: 70");
        assert!(is_gone(&[(1000, &other), (2000, &other)]));
    }
}
