//! Which disks and which time an analysis looks at.

use std::str::FromStr;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use vscsi_shared::job::{Job, TargetDisk};

use super::{DiskKey, Sample, Series};

/// One end of a period, as people write it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Boundary {
    /// By the host's wall clock.
    At(Timestamp),
    /// A time of day by that clock, on the day of the job that has it. The clocks of ESXi hosts are in UTC.
    Daily(Time),
    /// Seconds since the first sample began.
    After(f64),
}

/// Neither a point in time nor a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no time: write a time such as 2025-11-06T08:30:00Z, a time of day such as 08:30, or a duration since the first \
     sample such as 15m"
)]
pub struct InvalidBoundary(String);

impl FromStr for Boundary {
    type Err = InvalidBoundary;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::At(at));
        }
        // As a duration it would be hours, minutes and seconds after the first sample, which nobody means.
        if let Some(time) = text.parse().ok().filter(|_| text.contains(':')) {
            return Ok(Self::Daily(time));
        }
        let duration: SignedDuration = text.parse().map_err(|_| InvalidBoundary(text.to_owned()))?;
        Ok(Self::After(duration.as_secs_f64()))
    }
}

/// A time of day that a job has on several days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeveralDays {
    /// The time of day.
    pub time: Time,
    /// The moments that it may be.
    pub moments: Vec<Timestamp>,
}

/// A period, as people write it; an end that is `None` is open.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Period {
    /// Samples whose middle lies before this are left out.
    pub from: Option<Boundary>,
    /// Samples whose middle lies at this or after it are left out.
    pub to: Option<Boundary>,
}

impl Period {
    /// One of its ends is a time of the wall clock.
    pub fn names_a_date(&self) -> bool {
        let is_date = |boundary: Option<Boundary>| matches!(boundary, Some(Boundary::At(_) | Boundary::Daily(_)));
        is_date(self.from) || is_date(self.to)
    }

    /// The stretch of time that it is in these samples.
    ///
    /// # Errors
    /// [`SeveralDays`] for a time of day that lies in them more than once.
    pub fn settle(&self, series: &Series) -> Result<Stretch, SeveralDays> {
        let ends = series.samples.first().zip(series.samples.last());
        let reach = ends.map(|(first, last)| (begin(first), last.taken_at));
        let settle = |boundary: Boundary, is_end: bool| match boundary {
            Boundary::At(at) => Ok(Moment::At(at)),
            Boundary::After(seconds) => Ok(Moment::After(seconds)),
            Boundary::Daily(time) => on_its_day(time, reach, is_end).map(Moment::At),
        };
        Ok(Stretch {
            from: self.from.map(|boundary| settle(boundary, false)).transpose()?,
            to: self.to.map(|boundary| settle(boundary, true)).transpose()?,
        })
    }
}

/// The moment at which a day of the samples has this time. Where it lies before or after all of them, the day is that of
/// the beginning, or of the end.
fn on_its_day(time: Time, reach: Option<(Timestamp, Timestamp)>, is_end: bool) -> Result<Timestamp, SeveralDays> {
    let (first, last) = reach.unwrap_or_default();
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let on = |day: jiff::civil::Date| {
        let at = day.to_datetime(time).to_zoned(TimeZone::UTC);
        at.map_or(first, |at| at.timestamp())
    };
    let days = std::iter::successors(Some(day(first)), |day| day.tomorrow().ok()).take_while(|date| *date <= day(last));
    let moments: Vec<Timestamp> = days.map(on).filter(|at| (first..=last).contains(at)).collect();
    match moments.as_slice() {
        [one] => Ok(*one),
        [] => Ok(on(day(if is_end { last } else { first }))),
        _ => Err(SeveralDays { time, moments }),
    }
}

/// One end of a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Moment {
    /// By the host's wall clock.
    At(Timestamp),
    /// Seconds since the first sample began.
    After(f64),
}

/// A stretch of time; an end that is `None` is open.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stretch {
    /// Samples whose middle lies before this are left out.
    pub from: Option<Moment>,
    /// Samples whose middle lies at this or after it are left out.
    pub to: Option<Moment>,
}

impl Stretch {
    /// The sample's middle lies in it, its end excluded.
    ///
    /// A sample across an edge cannot be divided, and snapshots are some milliseconds off their time, so the side that
    /// holds the larger part of it takes it whole. Of two periods that meet exactly one takes it.
    pub fn contains(&self, sample: &Sample) -> bool {
        let half = SignedDuration::try_from_secs_f64(sample.seconds / 2.0).unwrap_or_default();
        let is_after = |moment: Moment| match moment {
            Moment::At(at) => sample.taken_at.duration_since(at) >= half,
            Moment::After(seconds) => sample.start_seconds + sample.seconds / 2.0 >= seconds,
        };
        self.from.is_none_or(is_after) && !self.to.is_some_and(is_after)
    }
}

/// Wall clock at a sample's beginning, by its end and its length.
pub fn begin(sample: &Sample) -> Timestamp {
    let length = SignedDuration::try_from_secs_f64(sample.seconds).unwrap_or_default();
    sample.taken_at.checked_sub(length).unwrap_or(sample.taken_at)
}

/// Why a name selects no disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnusableDisk {
    /// The job has no such disk.
    NoSuchDisk(String),
    /// The job has it, but no sample does.
    NoData(DiskKey),
}

/// The disks that `names` select: by node, by handle, or by the name the job was started with. No name selects all.
///
/// # Errors
/// [`UnusableDisk`] for a name that fits none, or one without data.
pub fn disks(series: &Series, job: &Job, names: &[String]) -> Result<Vec<usize>, UnusableDisk> {
    if names.is_empty() {
        return Ok((0..series.disks.len()).collect());
    }
    let mut selected = Vec::new();
    for name in names {
        let target = job.target.disks.iter().find(|disk| is_called(disk, name));
        let node = target.and_then(node);
        let index = series
            .disks
            .iter()
            .position(|key| key.0 == *name || Some(key) == node.as_ref());
        let has_data = |index: &usize| {
            let mut parts = series.samples.iter().flat_map(|sample| &sample.disks);
            parts.any(|part| part.disk == *index)
        };
        let known = index.and_then(|index| series.disks.get(index).cloned()).or(node);
        let index = index.filter(has_data).ok_or_else(|| match known {
            Some(disk) => UnusableDisk::NoData(disk),
            None => UnusableDisk::NoSuchDisk(name.clone()),
        })?;
        if !selected.contains(&index) {
            selected.push(index);
        }
    }
    selected.sort_unstable();
    Ok(selected)
}

/// A user may mean this disk by `name`.
fn is_called(disk: &TargetDisk, name: &str) -> bool {
    disk.node == *name || disk.lun == *name || disk.handle_id.to_string() == *name
}

/// What a disk of a job is called in its series; `None` where its host prints no node: a handle does not last.
pub(super) fn node(disk: &TargetDisk) -> Option<DiskKey> {
    (!disk.node.is_empty()).then(|| DiskKey(disk.node.clone()))
}

/// The part of a series that lies in `stretch`, with these disks only.
pub fn restrict(series: Series, selected: &[usize], stretch: &Stretch) -> Series {
    let all_disks = selected.len() == series.disks.len();
    let mut samples = series.samples;
    samples.retain(|sample| stretch.contains(sample));
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
        assert_eq!("19:33:30".parse(), Ok(Boundary::Daily(Time::constant(19, 33, 30, 0))));
        assert_eq!("08:30".parse(), Ok(Boundary::Daily(Time::constant(8, 30, 0, 0))));
        assert!("yesterday".parse::<Boundary>().is_err());
    }

    #[test]
    fn a_sample_belongs_to_the_period_that_holds_its_middle() {
        let period = Stretch {
            from: Some(Moment::After(60.0)),
            to: Some(Moment::After(180.0)),
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
        let phase = Stretch {
            from: Some(Moment::After(10.0)),
            to: Some(Moment::After(20.0)),
        };
        assert!(!phase.contains(&sample(8.999, 0.999)));
        assert!(phase.contains(&sample(9.998, 1.003)));
        assert!(phase.contains(&sample(19.002, 1.001)));
    }

    #[test]
    fn wall_clock_ends_are_compared_with_the_middle_of_a_sample() {
        let from = |text: &str| Stretch {
            from: Some(Moment::At(text.parse().unwrap())),
            to: None,
        };
        // It ends at 08:31:00, so its middle is 08:30:30.
        assert!(from("2025-11-06T08:30:30Z").contains(&sample(0.0, 60.0)));
        assert!(!from("2025-11-06T08:30:31Z").contains(&sample(0.0, 60.0)));
    }

    fn daily(text: &str) -> Period {
        Period {
            from: Some(text.parse().unwrap()),
            to: None,
        }
    }

    /// Samples of so many hours that end at 08:31:00 of 6 November.
    fn hours(count: u32) -> Series {
        let samples = (0..count).map(|index| {
            let mut hour = sample(f64::from(index) * 3600.0, 3600.0);
            let before = SignedDuration::from_hours(i64::from(count - 1 - index));
            hour.taken_at = hour.taken_at.checked_sub(before).unwrap();
            hour
        });
        Series {
            disks: Vec::new(),
            samples: samples.collect(),
        }
    }

    #[test]
    fn a_time_of_day_is_that_of_the_day_on_which_the_job_has_it() {
        let settled = |text: &str| daily(text).settle(&hours(12)).unwrap().from;
        let at = |text: &str| Some(Moment::At(text.parse().unwrap()));
        // The samples reach from 20:31 to 08:31 of the next day.
        assert_eq!(settled("23:00"), at("2025-11-05T23:00:00Z"));
        assert_eq!(settled("04:15:30"), at("2025-11-06T04:15:30Z"));
        assert_eq!(settled("12:00"), at("2025-11-05T12:00:00Z"));
    }

    #[test]
    fn a_time_of_day_that_a_job_has_twice_is_not_guessed() {
        let error = daily("08:00").settle(&hours(30)).unwrap_err();
        let days: Vec<String> = error.moments.iter().map(ToString::to_string).collect();
        assert_eq!(days, ["2025-11-05T08:00:00Z", "2025-11-06T08:00:00Z"]);
    }
}
