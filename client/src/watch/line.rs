//! A sample on one line, where there is no terminal to draw on.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::Watched;
use crate::analysis::Sample;
use crate::analysis::estimate::Range;
use crate::analysis::profile::Distribution;
use crate::number::{duration_ms, rate};

/// What one sample says over all its disks; as `--json` prints it, in the units of the names.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Line {
    job: String,
    sample: u32,
    samples_expected: u32,
    taken_at: Timestamp,
    seconds: f64,
    iops: Option<f64>,
    read_iops: Option<f64>,
    write_iops: Option<f64>,
    mb_per_s: Option<Range>,
    read: Option<Latency>,
    write: Option<Latency>,
}

/// The latency of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Latency {
    p50_ms: Range,
    p95_ms: Range,
    /// The last finite bucket limit, milliseconds.
    #[serde(skip)]
    last_limit: f64,
}

impl Line {
    /// The line of one sample.
    pub(crate) fn of(watched: &Watched, sample: &Sample) -> Self {
        let moment = watched.moment(sample, None);
        let profile = moment.as_ref().map(|moment| &moment.profile);
        Self {
            job: watched.name.clone(),
            sample: sample.sequence,
            samples_expected: watched.job.collection.samples_expected,
            taken_at: sample.taken_at,
            seconds: sample.seconds,
            iops: profile.and_then(|profile| profile.iops.total),
            read_iops: profile.and_then(|profile| profile.iops.read),
            write_iops: profile.and_then(|profile| profile.iops.write),
            mb_per_s: profile.and_then(|profile| profile.throughput_mbps.total),
            read: profile.and_then(|profile| profile.latency_ms.read).map(Latency::from),
            write: profile.and_then(|profile| profile.latency_ms.write).map(Latency::from),
        }
    }
}

/// `p50 0.6ms (0.5ms-1ms) p95 …`
pub(super) fn latency(distribution: Distribution) -> String {
    Latency::from(distribution).to_string()
}

impl From<Distribution> for Latency {
    fn from(distribution: Distribution) -> Self {
        Self {
            p50_ms: distribution.p50,
            p95_ms: distribution.p95,
            last_limit: distribution.last_limit,
        }
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |range: Range| range.shown(self.last_limit, duration_ms);
        write!(formatter, "p50 {} p95 {}", shown(self.p50_ms), shown(self.p95_ms))
    }
}

/// `2025-11-06 08:30:22 sql-peak 12/30  412 IOPS (280 read, 132 write)  10.1 MB/s  read p50 … p95 …  write …`
impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), rate);
        write!(
            formatter,
            "{} {} {}/{}  {} IOPS ({} read, {} write)",
            self.taken_at.strftime("%Y-%m-%d %H:%M:%S"),
            self.job,
            self.sample,
            self.samples_expected,
            known(self.iops),
            known(self.read_iops),
            known(self.write_iops),
        )?;
        if let Some(range) = self.mb_per_s {
            write!(formatter, "  {} MB/s", range.shown(f64::INFINITY, rate))?;
        }
        for (word, latency) in [("read", self.read), ("write", self.write)] {
            if let Some(latency) = latency {
                write!(formatter, "  {word} {latency}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::watch::tests::watched;

    #[test]
    fn the_methods_name_every_key_of_a_line() {
        let methods = include_str!("../../METHODS.md");
        let (_, section) = methods.split_once("### The lines of `watch --json`").unwrap();
        let (section, _) = section.split_once("\n### ").unwrap();
        let job = watched("sql-peak", 30, 2);
        let line = serde_json::to_value(Line::of(&job, job.samples().last().unwrap())).unwrap();
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        for key in [keys(&line), keys(&line["read"]), keys(&line["mb_per_s"])].concat() {
            assert!(section.contains(&format!("`{key}`")), "{key}");
        }
    }

    #[test]
    fn a_line_counts_all_disks_and_tells_percentiles_with_their_ranges() {
        let job = watched("sql-peak", 30, 2);
        let sample = job.samples().last().unwrap();
        let text = Line::of(&job, sample).to_string();
        let iops = format!(" sql-peak 30/30  {} IOPS (", rate(sample.iops()));
        assert!(
            text.starts_with("2025-11-06 09:00:30 ") && text.contains(&iops),
            "{text}"
        );
        // The reads of a backup: 20 % up to 1 ms, 60 % up to 5 ms, 20 % up to 15 ms.
        assert!(
            text.contains("read p50 2.") && text.contains(" (1ms-5ms) p95 ") && text.contains(" (5ms-15ms)"),
            "{text}"
        );
    }
}
