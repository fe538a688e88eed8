//! What is done to the storage before a run: its region is filled, and it is written to until it is steady.

use std::fmt;
use std::fmt::Write as _;
use std::fs;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use vscsi_shared::histogram::{IntervalSet, Metric, Operation};

use super::error::VerifyError;
use super::run::run;
use super::scratch::Site;
use super::steady::{Steadiness, WINDOW};
use super::{Place, Request};
use crate::analysis::profile::{SequentialGap, Sequentiality};
use crate::fio::bssplit;
use crate::interrupt::Deferred;
use crate::number::{bytes, counted, percent, rate};

/// What a run finds in the region it works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preparation {
    /// What is there: of a scratch file, holes.
    #[default]
    AsItIs,
    /// Data: all of it is written once.
    Fill,
    /// Data, on storage that was then written to until it was steady, or for so many seconds.
    Precondition {
        /// The longest time for all rounds together.
        most_seconds: u32,
    },
}

/// Rounds are not more than this, as in the specification of SNIA.
const MOST_ROUNDS: u32 = 25;
/// Seconds of a round, as there; shorter where the longest time gives less to each of all rounds.
const ROUND_SECONDS: u32 = 60;
/// Commands in flight to each target.
const DEPTH: u32 = 32;
/// Bytes that are written at once when the region is filled.
const FILL_BYTES: u64 = 1 << 20;
/// Bytes per second that even slow storage is filled with; a fill that takes twice as long is given up.
const SLOW_FILL: f64 = 20e6;

/// What was done before a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Prepared {
    /// Bytes that were written to fill the region; 0 where it was left as it is.
    pub filled_bytes: u64,
    /// The rounds of writes; `None` where none were asked for.
    pub rounds: Option<Rounds>,
}

/// Rounds of writes at full speed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rounds {
    /// Seconds of each.
    pub seconds: u32,
    /// Longest time of all together, seconds.
    pub most_seconds: u32,
    /// Writes per second in each.
    pub iops: Vec<f64>,
    /// Mean latency of the writes in each, microseconds.
    pub latency_us: Vec<f64>,
    /// How much the writes per second of the last five move.
    pub iops_steadiness: Option<Steadiness>,
    /// How much their latency moves.
    pub latency_steadiness: Option<Steadiness>,
    /// Both are steady.
    pub steady: bool,
}

impl Rounds {
    fn new(seconds: u32, most_seconds: u32) -> Self {
        Self {
            seconds,
            most_seconds,
            iops: Vec::new(),
            latency_us: Vec::new(),
            iops_steadiness: None,
            latency_steadiness: None,
            steady: false,
        }
    }

    fn push(&mut self, iops: f64, latency_us: f64) {
        self.iops.push(iops);
        self.latency_us.push(latency_us);
        self.iops_steadiness = Steadiness::of(&self.iops);
        self.latency_steadiness = Steadiness::of(&self.latency_us);
        let both = [self.iops_steadiness, self.latency_steadiness];
        self.steady = both.iter().all(|one| one.is_some_and(Steadiness::is_steady));
    }
}

impl fmt::Display for Prepared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "The region of {} was filled before the run",
            bytes(self.filled_bytes)
        )?;
        let Some(rounds) = &self.rounds else {
            return write!(out, ".");
        };
        let state = if rounds.steady { "steady" } else { "not steady" };
        write!(
            out,
            ", and written to at full speed: {state} after {} of {} s (at most {MOST_ROUNDS} and {} s), {} writes a second in the last",
            counted(rounds.iops.len(), "round"),
            rounds.seconds,
            rounds.most_seconds,
            rate(rounds.iops.last().copied().unwrap_or_default()),
        )?;
        for (what, steadiness) in [("IOPS", rounds.iops_steadiness), ("latency", rounds.latency_steadiness)] {
            if let Some(Steadiness { excursion, slope }) = steadiness {
                let [excursion, slope] = [excursion, slope].map(|share| percent(100.0 * share));
                write!(
                    out,
                    "; {what} within {excursion} (20%), slope {slope} (10%) over {WINDOW} rounds"
                )?;
            }
        }
        if !rounds.steady {
            write!(out, ". What the run says is of storage that still changes")?;
        }
        write!(out, ".")
    }
}

/// Prepares the storage as the request says.
pub(super) fn prepare(
    request: &Request,
    site: &Site,
    deferred: &Deferred,
    progress: &mut dyn FnMut(f64, f64),
) -> Result<Prepared, VerifyError> {
    let rounds = match request.preparation {
        Preparation::AsItIs => return Ok(Prepared::default()),
        Preparation::Fill => None,
        // What cannot be preconditioned is told before the region is filled.
        Preparation::Precondition { most_seconds } => {
            let seconds = (most_seconds / MOST_ROUNDS).clamp(1, ROUND_SECONDS);
            Some((round_job(request, site, seconds)?, Rounds::new(seconds, most_seconds)))
        }
    };
    let filled_bytes = fill(request, site, deferred, progress)?;
    let rounds = match rounds {
        Some((job, rounds)) => Some(write_until_steady(rounds, &job, request, site, deferred, progress)?),
        None => None,
    };
    Ok(Prepared { filled_bytes, rounds })
}

/// Writes the whole region once.
fn fill(
    request: &Request,
    site: &Site,
    deferred: &Deferred,
    progress: &mut dyn FnMut(f64, f64),
) -> Result<u64, VerifyError> {
    let whole = |span: u64| match request.place {
        Place::Directory(_) => span.next_multiple_of(FILL_BYTES),
        Place::Device(_) => span / FILL_BYTES * FILL_BYTES,
    };
    let mut job = format!(
        "[global]\nioengine=libaio\ndirect=1\nrw=write\nbs={FILL_BYTES}\niodepth=8\nrefill_buffers=1\nend_fsync=1\n"
    );
    let mut total = 0;
    for (index, (target, span)) in site.targets().enumerate() {
        total += whole(span);
        // Writing to a string cannot fail.
        let _ = write!(
            job,
            "[fill-{index}]\nfilename={}\nsize={}\n",
            target.display(),
            whole(span)
        );
    }
    site.write("fill.fio", &job)?;
    let expected_seconds = total as f64 / SLOW_FILL;
    run(request, site, &["fill.fio"], expected_seconds, deferred, progress)?;
    Ok(total)
}

/// The job of a round: the workload's writes, their sizes and their share in sequence, as fast as the storage takes them.
fn round_job(request: &Request, site: &Site, seconds: u32) -> Result<String, VerifyError> {
    let mut measured = IntervalSet::default();
    for phase in &request.target.phases {
        let phase = phase.observed().ok_or(VerifyError::UnusableTarget)?;
        measured
            .merge(&phase.histograms)
            .map_err(|_| VerifyError::UnusableTarget)?;
    }
    let sizes = measured.of(Metric::IoLength, Operation::Write).and_then(bssplit);
    let sizes = sizes.ok_or(VerifyError::NothingWritten)?;
    let sequential = Sequentiality::of(&measured, SequentialGap::default()).write;
    let random = 100.0 - sequential.map_or(0.0, |share| share.est);
    let mut job = format!(
        "[global]\nioengine=libaio\ndirect=1\nrw=randwrite\npercentage_random={random:.0}\nbssplit={sizes}\nbs_unaligned=1\n\
         blockalign=4k\nnorandommap=1\nrandrepeat=0\niodepth={DEPTH}\ntime_based=1\nruntime={seconds}\n"
    );
    for (index, (target, span)) in site.targets().enumerate() {
        let _ = write!(job, "[round-{index}]\nfilename={}\nsize={span}\n", target.display());
    }
    Ok(job)
}

fn write_until_steady(
    mut rounds: Rounds,
    job: &str,
    request: &Request,
    site: &Site,
    deferred: &Deferred,
    progress: &mut dyn FnMut(f64, f64),
) -> Result<Rounds, VerifyError> {
    site.write("round.fio", job)?;
    let begin = Instant::now();
    for round in 0..MOST_ROUNDS {
        let passed = f64::from(round * rounds.seconds);
        let whole = f64::from(rounds.most_seconds);
        let arguments = ["--output-format=json", "--output=round.json", "round.fio"];
        run(
            request,
            site,
            &arguments,
            f64::from(rounds.seconds),
            deferred,
            &mut |elapsed, _| {
                progress(passed + elapsed, whole);
            },
        )?;
        let path = site.path().join("round.json");
        let text = fs::read_to_string(&path).map_err(VerifyError::file("read", &path))?;
        let (iops, latency_us) = Said::read(&text)?.writes();
        rounds.push(iops, latency_us);
        if rounds.steady || begin.elapsed().as_secs_f64() + f64::from(rounds.seconds) > whole {
            break;
        }
    }
    Ok(rounds)
}

/// What fio says of a round.
#[derive(Debug, Deserialize)]
struct Said {
    jobs: Vec<SaidJob>,
}

#[derive(Debug, Deserialize)]
struct SaidJob {
    write: SaidWrites,
}

#[derive(Debug, Deserialize)]
struct SaidWrites {
    iops: f64,
    clat_ns: SaidLatency,
}

#[derive(Debug, Deserialize)]
struct SaidLatency {
    mean: f64,
}

impl Said {
    /// Warnings stand before the JSON.
    fn read(text: &str) -> Result<Self, VerifyError> {
        let json = text.find('{').and_then(|begin| text.get(begin..)).unwrap_or_default();
        serde_json::from_str(json).map_err(VerifyError::Round)
    }

    /// Writes per second of all targets, and their mean latency in microseconds.
    fn writes(&self) -> (f64, f64) {
        let iops: f64 = self.jobs.iter().map(|job| job.write.iops).sum();
        let weighted = self
            .jobs
            .iter()
            .map(|job| job.write.iops * job.write.clat_ns.mean / 1000.0);
        (iops, if iops > 0.0 { weighted.sum::<f64>() / iops } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_the_writes_of_all_targets_with_the_mean_of_their_latencies() {
        let text = r#"fio: a warning
            {"fio version": "fio-3.33", "jobs": [
              {"jobname": "round-0", "write": {"iops": 300.0, "clat_ns": {"min": 1, "mean": 2000.0}}},
              {"jobname": "round-1", "write": {"iops": 100.0, "clat_ns": {"min": 1, "mean": 6000.0}}}]}"#;
        // (300 * 2 + 100 * 6) / 400 us.
        assert_eq!(Said::read(text).unwrap().writes(), (400.0, 3.0));
        assert!(Said::read("fio: no such file").is_err());
    }

    #[test]
    fn rounds_are_steady_when_their_rate_and_their_latency_both_are() {
        let mut rounds = Rounds::new(1, 25);
        for _ in 0..5 {
            assert!(!rounds.steady);
            rounds.push(1000.0, 500.0);
        }
        assert!(rounds.steady);
        rounds.push(1000.0, 800.0);
        assert!(rounds.iops_steadiness.unwrap().is_steady() && !rounds.steady);
    }

    #[test]
    fn both_bounds_and_both_measures_are_stated() {
        let mut rounds = Rounds::new(60, 1500);
        for iops in [1000.0, 900.0, 800.0, 700.0, 600.0] {
            rounds.push(iops, 100.0);
        }
        let prepared = Prepared {
            filled_bytes: 3 << 30,
            rounds: Some(rounds),
        };
        let told = prepared.to_string();
        // From 1000 to 600 of 800 on average.
        for part in [
            "The region of 3 GiB was filled",
            "not steady after 5 rounds of 60 s (at most 25 and 1500 s)",
            "IOPS within 50% (20%), slope 50% (10%)",
            "latency within 0% (20%)",
            "storage that still changes",
        ] {
            assert!(told.contains(part), "no `{part}` in {told}");
        }
    }
}
