//! What the times between the I/Os of all disks tell of the time of a capture, and where they place samples that no clock
//! does.

use std::collections::BTreeMap;

use vscsi_shared::histogram::{Interval, Metric, Operation};

use super::disks::Part;
use crate::analysis::finding::{Code, Findings, Severity};
use crate::analysis::{Sample, estimate, telescope};

/// What the times between I/Os add up to.
pub(super) struct Told {
    /// By sample (its place among all) and disk, seconds. Those of a disk telescope.
    seconds: BTreeMap<(usize, usize), f64>,
    /// What all of them together may be longer or shorter, because means are printed as whole microseconds, seconds.
    pub(super) open_seconds: f64,
}

impl Told {
    pub(super) fn by(samples: &[Sample]) -> Self {
        let mut told = Self {
            seconds: BTreeMap::new(),
            open_seconds: 0.0,
        };
        let mut rows: BTreeMap<usize, Row<'_>> = BTreeMap::new();
        for (place, sample) in samples.iter().enumerate() {
            for disk in &sample.disks {
                let row = rows.entry(disk.disk).or_default();
                if disk.from_snapshot.is_none() || disk.from_snapshot != row.last_snapshot {
                    row.end(disk.disk, &mut told);
                }
                match disk.histograms.of(Metric::Interarrival, Operation::All) {
                    Some(gaps) => row.intervals.push((place, gaps)),
                    None => row.end(disk.disk, &mut told),
                }
                row.last_snapshot = Some(disk.to_snapshot);
            }
        }
        for (disk, mut row) in rows {
            row.end(disk, &mut told);
            told.open_seconds = told.open_seconds.max(row.open_seconds);
        }
        told
    }

    /// What those of a sample add up to on the disk that tells most; `None` when none tells anything.
    pub(super) fn longest(&self, place: usize) -> Option<f64> {
        let disks = self.seconds.range((place, 0)..=(place, usize::MAX));
        disks
            .map(|(_, seconds)| *seconds)
            .filter(|seconds| *seconds > 0.0)
            .max_by(f64::total_cmp)
    }
}

/// Successive intervals of one disk, each with the place of its sample.
#[derive(Default)]
struct Row<'samples> {
    intervals: Vec<(usize, &'samples Interval)>,
    last_snapshot: Option<u32>,
    open_seconds: f64,
}

impl Row<'_> {
    /// Estimates what the row holds, and begins another one.
    fn end(&mut self, disk: usize, told: &mut Told) {
        let row: Vec<&Interval> = self.intervals.iter().map(|(_, gaps)| *gaps).collect();
        let sums = telescope::sums(&row, Metric::Interarrival);
        for ((place, _), sum) in self.intervals.drain(..).zip(sums) {
            told.seconds.insert((place, disk), sum.est / 1e6);
        }
        let joined = row.split_first().map(|(first, others)| {
            others.iter().fold(Interval::clone(first), |mut joined, next| {
                // Bucket limits that changed end a row.
                let _ = joined.extend(next);
                joined
            })
        });
        let whole = joined.map(|joined| estimate::sum(&joined, Metric::Interarrival));
        let open = whole.and_then(|whole| Some(whole.hi? - whole.lo));
        self.open_seconds += open.unwrap_or(0.0) / 2.0 / 1e6;
    }
}

/// The samples whose prints no clock places, and what else tells where they lie.
#[derive(Debug, Default)]
pub(super) struct Unclocked {
    /// By snapshot and disk: the host's uptime at the first I/O of the collection, where it lies in that sample,
    /// microseconds.
    first_ios: BTreeMap<(u32, usize), i64>,
    any: bool,
}

impl Unclocked {
    /// Remembers the parts of a sample.
    pub(super) fn add(&mut self, sequence: u32, parts: &[Part]) {
        self.any = true;
        for part in parts {
            if let Some(uptime_us) = part.removed.uptime_us.filter(|_| part.removed.first_io) {
                self.first_ios.insert((sequence, part.disk), uptime_us);
            }
        }
    }

    /// Gives each sample its place: a print lies at the last I/O that any disk had counted by then.
    ///
    /// The first I/O of each disk was counted from the start of the host, so the disks of one collection have one clock.
    /// A disk of which that is not known begins at the print before its first I/O. A sample in which no time passed has
    /// no rate and is left out.
    pub(super) fn place(self, samples: &mut Vec<Sample>, findings: &mut Findings) {
        if !self.any {
            return;
        }
        let told = Told::by(samples);
        let mut axis = Axis::default();
        let mut place = 0;
        samples.retain_mut(|sample| {
            let begin = axis.now;
            axis.advance(sample, place, &told, &self.first_ios);
            place += 1;
            (sample.start_seconds, sample.seconds) = (begin, axis.now - begin);
            if sample.seconds <= 0.0 {
                let message =
                    "the capture has no time stamps and too few I/Os to tell how long it took; it is left out";
                let (severity, sequence) = (Severity::Error, Some(sample.sequence));
                findings.add(severity, Code::UnknownDuration, sequence, None, message);
            }
            sample.seconds > 0.0
        });
        let Some(first) = samples.first() else { return };
        let open_percent = told.open_seconds / axis.now * 100.0;
        let open = if open_percent >= 0.05 {
            format!(
                "; the mean of those times is printed in whole microseconds, so they may be {open_percent:.1} % more or less, \
                 and the rates with them"
            )
        } else {
            String::new()
        };
        let message = format!(
            "the capture has no time stamps: its {:.1} s are what the times between its I/Os add up to{open}",
            axis.now
        );
        let (severity, sequence) = (Severity::Info, Some(first.sequence));
        findings.add(severity, Code::TimeFromInterarrival, sequence, None, message);
    }
}

/// Seconds since the first I/O of the capture.
#[derive(Debug, Default)]
struct Axis {
    /// Where the last print lies.
    now: f64,
    /// Where the last I/O of each disk lies.
    reached: BTreeMap<usize, f64>,
    /// The host's uptime at the first I/O of the collection, microseconds, and where that lies.
    begin: Option<(i64, f64)>,
}

impl Axis {
    /// Moves on to the print at the end of a sample.
    fn advance(&mut self, sample: &Sample, place: usize, told: &Told, first_ios: &BTreeMap<(u32, usize), i64>) {
        if sample.disks.iter().all(|disk| disk.from_snapshot.is_none()) {
            self.begin = None;
            self.reached.clear();
        }
        let uptime_of = |disk: usize| first_ios.get(&(sample.sequence, disk)).copied();
        let earliest = sample.disks.iter().filter_map(|disk| uptime_of(disk.disk)).min();
        self.begin = self.begin.or(earliest.map(|uptime_us| (uptime_us, self.now)));
        let before = self.now;
        for disk in sample.disks.iter().map(|disk| disk.disk) {
            let seconds = told.seconds.get(&(place, disk)).copied().unwrap_or(0.0);
            let first_io = uptime_of(disk).zip(self.begin);
            let begin = match first_io {
                Some((uptime_us, (first_us, at))) => at + (uptime_us - first_us) as f64 / 1e6,
                None => self.reached.get(&disk).copied().unwrap_or(before),
            };
            let reached = begin + seconds;
            self.reached.insert(disk, reached);
            self.now = self.now.max(reached);
        }
        // All that had I/O lag behind the print before, by what their means leave open or because they began at an
        // unknown time, and yet their I/O came after it.
        if self.now <= before {
            let longest = told.longest(place).unwrap_or(0.0);
            self.now = before + longest;
            for disk in &sample.disks {
                if told.seconds.contains_key(&(place, disk.disk)) {
                    self.reached.insert(disk.disk, self.now);
                }
            }
        }
    }
}
