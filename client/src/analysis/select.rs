//! Which disks and which time an analysis looks at.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use vscsi_shared::job::Job;

use super::{DiskKey, Sample, Series};

/// One end of a period: a point in time, or a time since the job's first sample began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Boundary {
    /// By the host's wall clock.
    At(Timestamp),
    /// Seconds since the first sample began.
    After(f64),
}

/// Neither a point in time nor a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no time: write a time such as 2025-11-06T08:30:00Z, or a duration since the first sample such as 15m"
)]
pub struct InvalidBoundary(String);

impl FromStr for Boundary {
    type Err = InvalidBoundary;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::At(at));
        }
        let duration: SignedDuration = text.parse().map_err(|_| InvalidBoundary(text.to_owned()))?;
        Ok(Self::After(duration.as_secs_f64()))
    }
}

/// A period; an end that is `None` is open.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Period {
    /// Samples whose middle lies before this are left out.
    pub from: Option<Boundary>,
    /// Samples whose middle lies at this or after it are left out.
    pub to: Option<Boundary>,
}

impl Period {
    /// The sample's middle lies in the period, its end excluded.
    ///
    /// A sample across an edge cannot be divided, and snapshots are some milliseconds off their time, so the side that
    /// holds the larger part of it takes it whole. Of two periods that meet exactly one takes it.
    pub fn contains(&self, sample: &Sample) -> bool {
        let half = SignedDuration::try_from_secs_f64(sample.seconds / 2.0).unwrap_or_default();
        let is_after = |boundary: Boundary| match boundary {
            Boundary::At(at) => sample.taken_at.duration_since(at) >= half,
            Boundary::After(seconds) => sample.start_seconds + sample.seconds / 2.0 >= seconds,
        };
        self.from.is_none_or(is_after) && !self.to.is_some_and(is_after)
    }
}

/// Wall clock at a sample's beginning, by its end and its length.
pub fn begin(sample: &Sample) -> Timestamp {
    let length = SignedDuration::try_from_secs_f64(sample.seconds).unwrap_or_default();
    sample.taken_at.checked_sub(length).unwrap_or(sample.taken_at)
}

/// A name that fits no disk of the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchDisk {
    /// What was asked for.
    pub name: String,
    /// The disks there are.
    pub disks: Vec<DiskKey>,
}

/// The disks that `names` select: by node, by handle, or by the name the job was started with. No name selects all.
///
/// # Errors
/// [`NoSuchDisk`] for a name that fits none.
pub fn disks(series: &Series, job: Option<&Job>, names: &[String]) -> Result<Vec<usize>, NoSuchDisk> {
    if names.is_empty() {
        return Ok((0..series.disks.len()).collect());
    }
    let mut selected = Vec::new();
    for name in names {
        let node = job
            .into_iter()
            .flat_map(|job| &job.target.disks)
            .find(|disk| disk.lun == *name || disk.handle_id.to_string() == *name)
            .map(|disk| disk.node.as_str());
        let index = series
            .disks
            .iter()
            .position(|key| key.0 == *name || Some(key.0.as_str()) == node)
            .ok_or_else(|| NoSuchDisk {
                name: name.clone(),
                disks: series.disks.clone(),
            })?;
        if !selected.contains(&index) {
            selected.push(index);
        }
    }
    selected.sort_unstable();
    Ok(selected)
}

/// The part of a series that lies in `period`, with these disks only.
pub fn restrict(series: Series, selected: &[usize], period: &Period) -> Series {
    let all_disks = selected.len() == series.disks.len();
    let mut samples = series.samples;
    samples.retain(|sample| period.contains(sample));
    if !all_disks {
        for sample in &mut samples {
            sample.disks.retain(|disk| selected.contains(&disk.disk));
            for disk in &mut sample.disks {
                disk.disk = selected.binary_search(&disk.disk).unwrap_or(disk.disk);
            }
        }
        samples.retain(|sample| !sample.disks.is_empty());
    }
    let disks = series
        .disks
        .into_iter()
        .enumerate()
        .filter(|(index, _)| selected.contains(index))
        .map(|(_, key)| key)
        .collect();
    Series { disks, samples }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn sample(start_seconds: f64, seconds: f64) -> Sample {
        Sample {
            sequence: 1,
            taken_at: "2025-11-06T08:31:00Z".parse().unwrap(),
            start_seconds,
            seconds,
            flags: BTreeSet::new(),
            disks: Vec::new(),
        }
    }

    #[test]
    fn a_time_is_a_timestamp_or_a_duration() {
        assert_eq!("15m".parse(), Ok(Boundary::After(900.0)));
        assert_eq!("1h30m".parse(), Ok(Boundary::After(5400.0)));
        let at = "2025-11-06T08:30:00Z";
        assert_eq!(at.parse(), Ok(Boundary::At(at.parse().unwrap())));
        assert!("yesterday".parse::<Boundary>().is_err());
    }

    #[test]
    fn a_sample_belongs_to_the_period_that_holds_its_middle() {
        let period = Period {
            from: Some(Boundary::After(60.0)),
            to: Some(Boundary::After(180.0)),
        };
        assert!(period.contains(&sample(60.0, 60.0)));
        assert!(period.contains(&sample(120.0, 60.0)));
        // Their middles are 59.9, 60, 179.9 and 180 s.
        assert!(!period.contains(&sample(29.9, 60.0)));
        assert!(period.contains(&sample(30.0, 60.0)));
        assert!(period.contains(&sample(149.9, 60.0)));
        assert!(!period.contains(&sample(150.0, 60.0)));
    }

    #[test]
    fn a_snapshot_taken_milliseconds_early_keeps_its_sample_in_the_period() {
        let phase = Period {
            from: Some(Boundary::After(10.0)),
            to: Some(Boundary::After(20.0)),
        };
        assert!(!phase.contains(&sample(8.999, 0.999)));
        assert!(phase.contains(&sample(9.998, 1.003)));
        assert!(phase.contains(&sample(19.002, 1.001)));
    }

    #[test]
    fn wall_clock_ends_are_compared_with_the_middle_of_a_sample() {
        let from = |text: &str| Period {
            from: Some(Boundary::At(text.parse().unwrap())),
            to: None,
        };
        // It ends at 08:31:00, so its middle is 08:30:30.
        assert!(from("2025-11-06T08:30:30Z").contains(&sample(0.0, 60.0)));
        assert!(!from("2025-11-06T08:30:31Z").contains(&sample(0.0, 60.0)));
    }
}
