//! A walk: reads and writes of one process share a position that moves on with every command.
//!
//! A random fio process draws its places from a region and never relative to its last command, so that the short way
//! from one command to the next is lost, and with it every burst over neighbouring blocks. `zonemode=strided` restricts
//! the draw to a zone, and a zone smaller than the smallest command is left with every command of either direction.
//! [Source: `setup_strided_zone_mode` in fio's `io_u.c`, and the logs of such runs with 3.33 and 3.39.]

mod draft;
mod sections;

use super::demand::Demand;
use super::draft::random_region_bytes;
use super::job_file::{Section, UnreadableJobFile};
use super::sizes::{SizeMix, mix_with};
use crate::stream::BLOCK_BYTES;

pub(super) use draft::{Bursts, WalkDraft};
pub(super) use sections::walk_sections;

/// Bytes after which fio begins the next zone: a block, which no command is smaller than.
const ZONE_BYTES: u64 = BLOCK_BYTES;
/// A walk takes no more of its region than this, so that commands which come early do not lead beyond it.
pub(super) const LARGEST_PART_OF_REGION: f64 = 0.9;

/// A walk as a job file holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Walk {
    /// Distance from one zone to the next, bytes.
    pub stride: u64,
    /// Size of the zone that places are drawn from, bytes.
    pub range: u64,
}

impl Walk {
    /// The walk of a section, `None` when it makes none.
    ///
    /// # Errors
    /// [`UnreadableJobFile`] when the options are not of this form, or the walk leaves the section's region before the
    /// section's run is over: fio would go on to the end of the target, or begin again with the same random numbers.
    pub(crate) fn of(section: &Section) -> Result<Option<Self>, UnreadableJobFile> {
        match section.text("zonemode") {
            None => return Ok(None),
            Some("strided") => {}
            Some(other) => return Err(section.bad("zonemode", other)),
        }
        if section.number("zonesize")? != Some(ZONE_BYTES) {
            return Err(section.bad("zonesize", section.text("zonesize").unwrap_or_default()));
        }
        let range = section.number("zonerange")?.filter(|range| *range > 0);
        let range = range.ok_or_else(|| section.bad("zonerange", section.text("zonerange").unwrap_or_default()))?;
        let stride = range.saturating_add(section.number("zoneskip")?.unwrap_or(0));
        let walk = Self { stride, range };
        for direction in section.access()?.0 {
            let sizes = section.sizes(direction)?;
            let smallest = sizes.iter().map(|(bytes, _)| *bytes).min().unwrap_or(0);
            let align = section.number_for("blockalign", direction)?.unwrap_or(smallest);
            if smallest < ZONE_BYTES || random_region_bytes(range, smallest, align) == 0 {
                return Err(section.bad("zonerange", section.text("zonerange").unwrap_or_default()));
            }
        }
        let seconds = section.number("runtime")?.unwrap_or(0);
        if walk.seconds_in_region(section)? < seconds as f64 {
            return Err(UnreadableJobFile::LeavesRegion {
                section: section.name.clone(),
                region_bytes: section.number("size")?.unwrap_or(0),
                seconds,
            });
        }
        Ok(Some(walk))
    }

    /// How long the walk stays inside its region, seconds.
    pub(crate) fn seconds_in_region(&self, section: &Section) -> Result<f64, UnreadableJobFile> {
        let mut iops = 0.0;
        for direction in section.access()?.0 {
            iops += section.commands_per_second(direction)?.unwrap_or(f64::INFINITY);
        }
        Ok(self.seconds_in(section.number("size")?.unwrap_or(0), iops))
    }

    /// The sizes of one direction. Where a step is a size, it is the same one in both.
    fn mix(&self, demand: &Demand) -> SizeMix {
        mix_with(demand.sizes, self.stride)
    }

    fn seconds_in(&self, region: u64, iops: f64) -> f64 {
        region as f64 * LARGEST_PART_OF_REGION / (self.stride as f64 * iops)
    }
}
