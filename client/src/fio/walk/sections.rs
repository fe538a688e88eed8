//! The text of a walk.

use std::fmt::Write as _;

use super::{Walk, WalkDraft, ZONE_BYTES};
use crate::fio::demand::{Demand, Depth};
use crate::fio::draft::{
    Arrivals, BLOCK_ALIGN, DirectionDraft, SectionContext, arrivals_per_second, percent, random_iops, size_comment,
    whole,
};
use crate::fio::sizes::SizeMix;
use crate::number::{self, rate};
use crate::stream::Direction;

/// The sections of a walk: the walk itself, and the process of the commands apart where there are any.
pub(crate) fn walk_sections(
    demands: &[Demand],
    drafts: &[DirectionDraft],
    draft: WalkDraft,
    depth: Depth,
    context: SectionContext,
) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = Writer {
        demands,
        drafts,
        draft,
        depth,
        context,
    }
    .write(&mut text);
    text
}

struct Writer<'a> {
    demands: &'a [Demand<'a>],
    drafts: &'a [DirectionDraft],
    draft: WalkDraft,
    depth: Depth,
    context: SectionContext<'a>,
}

impl Writer<'_> {
    fn write(&self, out: &mut String) -> std::fmt::Result {
        let Walk { stride, range } = self.draft.walk;
        let random_rates = self.random_rates();
        let sequential = |draft: &DirectionDraft| percent(1.0 - draft.sequential).to_string();
        self.write_head(out, "walk", 1.0 - self.draft.apart)?;
        writeln!(
            out,
            "# Both directions share one position, which moves on by {step} with every command: fio begins the next zone\n\
             # after zonesize bytes, and no command is smaller. A random command lies anywhere in the first {range} of its\n\
             # zone, one that is not random at its beginning. A run longer than this file's would leave the region.\n\
             percentage_random={random}\n\
             zonemode=strided\nzonesize={ZONE_BYTES}\nzonerange={range}\nzoneskip={skip}",
            step = number::size(stride),
            range = number::size(range),
            skip = number::size(stride - range),
            random = self.drafts.iter().map(sequential).collect::<Vec<_>>().join(","),
        )?;
        self.write_rates(out, 1.0 - self.draft.apart, random_rates.as_ref().map(|(walk, _)| walk))?;
        if let Some(bursts) = self.draft.bursts {
            writeln!(
                out,
                "# Bursts: {} commands as fast as they can be issued, then a pause; the rates above hold on average.\n\
                 thinktime={}\nthinktime_blocks={}",
                bursts.commands, bursts.pause_us, bursts.commands
            )?;
        }
        if self.draft.apart > 0.0 {
            self.write_head(out, "apart", self.draft.apart)?;
            writeln!(
                out,
                "# These go anywhere in the region, away from the walk and back to it."
            )?;
            self.write_rates(out, self.draft.apart, random_rates.as_ref().map(|(_, apart)| apart))?;
        }
        Ok(())
    }

    /// `rate_iops` of the walk and of the commands apart, when all of them can issue at random times.
    fn random_rates(&self) -> Option<(Vec<u64>, Vec<u64>)> {
        if self.draft.bursts.is_some() || self.drafts.iter().any(|draft| draft.arrivals == Arrivals::Even) {
            return None;
        }
        let mut rates = (Vec::new(), Vec::new());
        for demand in self.demands {
            // The few commands apart take a whole number a second, and the walk makes up for the rest.
            let apart = whole(demand.iops * self.draft.apart);
            let apart_iops = if apart > 0 { arrivals_per_second(apart) } else { 0.0 };
            rates.0.push(random_iops(demand.iops - apart_iops)?);
            rates.1.push(apart);
        }
        Some(rates)
    }

    fn write_head(&self, out: &mut String, name: &str, share: f64) -> std::fmt::Result {
        writeln!(out, "\n[{}-{name}]", self.context.name)?;
        let mut sizes: Vec<SizeMix> = Vec::new();
        for demand in self.demands {
            let (word, mix) = (demand.direction.word(), self.draft.walk.mix(demand));
            let (of, all, mean) = (rate(demand.iops * share), rate(demand.iops), mix.mean_bytes());
            writeln!(
                out,
                "# {of} {word}s/s of the {all} {word}s/s measured, mean size {mean:.0} bytes"
            )?;
            sizes.push(mix);
        }
        let total: f64 = self.demands.iter().map(|demand| demand.iops).sum();
        let reads = self.demands.iter().filter(|demand| demand.direction == Direction::Read);
        let read_share = reads.map(|demand| demand.iops).sum::<f64>() / total;
        writeln!(
            out,
            "rw=randrw\n\
             # The rates below hold the shares; fio looks at both of them only where neither share is 0.\n\
             rwmixread={}\n# Block size distribution, reads and writes",
            percent(read_share).clamp(1, 99)
        )?;
        for mix in &sizes {
            writeln!(out, "# {}", size_comment(mix))?;
        }
        let smallest = |mix: &SizeMix| mix.smallest().unwrap_or(4096);
        let joined = |part: &dyn Fn(&SizeMix) -> String| sizes.iter().map(part).collect::<Vec<_>>().join(",");
        writeln!(out, "bs={}", joined(&|mix| number::size(smallest(mix))))?;
        writeln!(out, "bssplit={}", joined(&SizeMix::bssplit))?;
        let is_multiple = |mix: &SizeMix| mix.sizes.iter().all(|size| size.bytes % smallest(mix) == 0);
        if !sizes.iter().all(is_multiple) {
            writeln!(
                out,
                "# The sizes are no multiples of the smallest one; fio would round them down.\nbs_unaligned=1"
            )?;
        }
        let region = self.context.region;
        writeln!(
            out,
            "blockalign={}\nfilename={}\nsize={}",
            number::size(BLOCK_ALIGN),
            region.filename,
            number::size(region.span)
        )
    }

    fn write_rates(&self, out: &mut String, share: f64, random: Option<&Vec<u64>>) -> std::fmt::Result {
        if let Some(rates) = random {
            let rates: Vec<String> = rates.iter().map(u64::to_string).collect();
            writeln!(
                out,
                "# Arrivals at random, as many clients together make them.\nrate_iops={}\nrate_process=poisson",
                rates.join(",")
            )?;
        } else {
            let bytes = |demand: &Demand| {
                whole(demand.iops * share * self.draft.walk.mix(demand).mean_bytes())
                    .max(1)
                    .to_string()
            };
            let rates: Vec<String> = self.demands.iter().map(bytes).collect();
            writeln!(
                out,
                "# Bytes per second: fio before 3.42 takes rate_iops for the smallest size of a bssplit.\nrate={}",
                rates.join(",")
            )?;
        }
        let reason = match self.depth.disks {
            0 => "not measured, assumed",
            _ if self.depth.limited => "no more is allowed",
            1 => "95% of the commands found at most this many in flight",
            _ => "the sum of what 95% of each disk's commands found at most in flight",
        };
        writeln!(out, "# Queue depth: {reason}\niodepth={}", self.depth.p95)
    }
}
