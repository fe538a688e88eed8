//! The same profile as a vdbench parameter file.

use std::fmt::Write as _;

use super::demand::Demand;
use super::error::FioError;
use super::header::header;
use super::job::Phase;
use super::options::{FioOptions, Pace};
use super::sizes::size_mixes;
use super::target::{Target, span};
use crate::analysis::Workload;
use crate::number::size;
use crate::stream::Direction;

/// A vdbench parameter file for the workload.
///
/// vdbench takes one rate for a run and a `skew` for each workload of it, sizes in whole percent, and one share of
/// random commands (`seekpct`) per workload.
///
/// # Errors
/// [`FioError::NoCommands`] when there is nothing to replay, [`FioError::SpanTooSmall`].
pub fn vdbench_parameters(workload: &Workload, options: &FioOptions) -> Result<String, FioError> {
    let demands = Target::of_all_disks(workload).demands();
    if demands.is_empty() {
        return Err(FioError::NoCommands);
    }
    let span = span(&workload.histograms, options, 1)?;
    let mut out = header(&workload.provenance, &[Phase::whole(workload)], "vdbench 5.04 or newer");
    // Writing to a String cannot fail.
    let _ = try_parameters(&mut out, &demands, span, options);
    Ok(out)
}

const LIMITS: &str = "\
# Limits of this form: seek distances other than `next block` are lost, because vdbench has one share of random
# commands per workload; bursts are lost, because it spreads commands by its own clock; sizes below one percent are
# rounded up to one, and so is a direction below one percent of the commands, which then issues more than was measured.
# The rate is a whole number of commands per second, so a slower workload is replayed at one. Its fidelity is not
# stated. The fio files of vscsi-helper keep more.
#
# The target is not named here. Run it with
#   vdbench -f THIS-FILE lun=PATH
# Writes DESTROY what the target holds.
";

fn try_parameters(out: &mut String, demands: &[Demand], span: u64, options: &FioOptions) -> std::fmt::Result {
    let iops: f64 = demands.iter().map(|demand| demand.iops).sum();
    out.push_str(LIMITS);
    writeln!(out, "\nsd=sd1,lun=$lun,openflags=o_direct,size={}", size(span))?;
    let skews = whole_skews(demands, iops);
    for (demand, skew) in demands.iter().zip(&skews) {
        let word = demand.direction.word();
        let read_percent = if demand.direction == Direction::Read { 100 } else { 0 };
        let sizes: Vec<String> = size_mixes(demand.sizes, false)
            .iter()
            .flat_map(|mix| &mix.sizes)
            .map(|entry| format!("{},{}", size(entry.bytes), entry.percent))
            .collect();
        writeln!(
            out,
            "wd=wd_{word},sd=sd1,rdpct={read_percent},seekpct={:.0},skew={skew},xfersize=({})",
            (1.0 - demand.sequential_share) * 100.0,
            sizes.join(",")
        )?;
    }
    let threads: f64 = demands.iter().map(|demand| demand.depth.mean).sum();
    let rate = match options.pace {
        Pace::Measured => format!("{:.0}", iops.max(1.0)),
        Pace::Max => "max".to_owned(),
    };
    writeln!(
        out,
        "rd=rd1,wd=wd*,iorate={rate},elapsed={},interval=1,threads={:.0}",
        options.seconds(),
        threads.ceil()
    )
}

/// Skews in whole percent that add up to 100, none below 1.
fn whole_skews(demands: &[Demand], iops: f64) -> Vec<u32> {
    match demands {
        [reads, _] => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a percentage")]
            let reads = ((reads.iops / iops * 100.0).round() as u32).clamp(1, 99);
            vec![reads, 100 - reads]
        }
        _ => vec![100; demands.len()],
    }
}
