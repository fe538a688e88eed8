//! `--style jobs`: the search for the fio jobs whose commands come nearest to the histograms.
//!
//! fio's options do not follow from the histograms in closed form: how often a process continues its own stream is an
//! option, how often the disk sees a continuation depends on who else is issuing. So candidates are written, read back,
//! played on paper and compared. A short play ranks them; the best of each family are then judged, and corrected, by
//! the very play that states the fidelity of the finished file, and the best of those is kept.

use std::cmp::Ordering;

use vscsi_shared::histogram::{IntervalSet, Metric, Operation};

use super::clusters::Clusters;
use super::demand::{Demand, demands, depth};
use super::draft::{Arrivals, DirectionDraft, HotZone, Region, SectionContext, Streams, direction_sections};
use super::job_file::{Section, UnreadableJobFile, sections};
use super::order::{Order, Step};
use super::simulate::{SIMULATED_COMMANDS, simulate};
use super::walk::{Bursts, WalkDraft, walk_sections};
use crate::fidelity::{Fidelity, Gates, LeftOut, Verdict, coefficient_of_variation, compare};
use crate::stream::{Observation, sequential_share};

/// Commands simulated to rank a candidate.
const SEARCH_COMMANDS: u64 = 6_000;
/// Candidates that are judged by the play of the finished file.
const FINALISTS: usize = 6;
/// A missed gate counts as missed by no more than this many gates.
const LARGEST_EXCESS: f64 = 1e6;
/// Random arrivals scatter their count by its root; with this many, three standard deviations stay inside the rate gate
/// of 2 %. Sizes that scatter raise it for the bytes.
const LEAST_RANDOM_COMMANDS: f64 = 22_500.0;
/// A direction with fewer commands in the run than this cannot be divided: each process would issue next to nothing.
const LEAST_DIVIDED_COMMANDS: f64 = 100.0;
/// A plan whose F is further than this behind the best is not corrected.
const FAR_BEHIND: f64 = 8.0;
/// What one of two even rates that keep step is multiplied by: they then meet at every distance in turn, and stay well
/// inside the gate of rates.
const DETUNING: f64 = 1.004;
/// Rates that are as whole numbers up to this keep step.
const SMALL_NUMBER: u32 = 8;
/// What F of a walk in bursts counts more: a burst holds commands of both directions, which clusters of two processes do
/// not, and F does not see.
const BURSTS_TOGETHER: f64 = 5.0;
/// Corrections of the sequential share before a candidate is judged.
const CORRECTIONS: usize = 2;

/// What the search is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JobsRequest<'a> {
    pub target: Observation<'a>,
    /// The disks that share the target.
    pub disks: &'a [&'a IntervalSet],
    /// Parts that the finished file is not compared by.
    pub left_out: &'a [LeftOut],
    pub name: &'a str,
    pub filename: &'a str,
    pub span: u64,
    pub measured_pace: bool,
    /// Length of the replay.
    pub seconds: f64,
    pub seed: u64,
}

/// Finds the jobs for one target and writes their sections.
///
/// At full speed the shares of a direction's processes follow from their queue depths, which are whole numbers of at
/// least one. A process for rare commands would then issue far too many of them, so rare sizes stay in one process with
/// the others, and a direction is divided into equal parts or not at all.
pub(crate) fn find_jobs(request: &JobsRequest) -> Result<String, UnreadableJobFile> {
    let demands = demands(request.target, request.disks);
    let mut search = Search {
        request,
        demands: &demands,
        commands: SEARCH_COMMANDS,
        judged: Vec::new(),
    };
    search.run()?;
    let plan = search.finish()?;
    Ok(render(request, &demands, &plan))
}

/// One candidate: how each direction is written, and the hot zone or the walk they share.
#[derive(Debug, Clone, PartialEq, Default)]
struct Plan {
    drafts: Vec<DirectionDraft>,
    hot_zone: Option<HotZone>,
    walk: Option<WalkDraft>,
}

impl Plan {
    /// Its processes issue without pauses, and go on behind their last command or anywhere.
    fn is_plain(&self) -> bool {
        let is_plain = |draft: &DirectionDraft| draft.clusters.is_none() && draft.order == Order::Plain;
        self.drafts.iter().all(is_plain)
    }
}

struct Search<'a> {
    request: &'a JobsRequest<'a>,
    demands: &'a [Demand<'a>],
    /// Commands of a play.
    commands: u64,
    judged: Vec<(Plan, Score)>,
}

/// Fewer missed gates first, then gates missed by less, then the higher F. Greater is better.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
struct Score {
    /// Gates missed, negative.
    missed: i32,
    /// How far beyond the missed gates the differences are, in gates, summed and negative.
    excess: f64,
    composite: f64,
}

impl Score {
    fn of(fidelity: &Fidelity) -> Self {
        let rates = fidelity.rates.iter();
        let histograms = fidelity.histograms.iter();
        let missed: Vec<f64> = rates
            .map(|row| (row.verdict, row.difference.abs(), row.gate))
            .chain(histograms.map(|row| (row.verdict, row.distance.ks, row.gate)))
            .filter(|(verdict, ..)| *verdict == Verdict::Missed)
            // A difference that is no number counts as a large one.
            .map(|(_, difference, gate)| (difference / gate.unwrap_or(1.0) - 1.0).min(LARGEST_EXCESS))
            .collect();
        Self {
            missed: i32::try_from(missed.len()).map_or(i32::MIN, |missed| -missed),
            excess: -missed.iter().sum::<f64>(),
            composite: fidelity.score.unwrap_or(0.0),
        }
    }
}

impl Search<'_> {
    fn run(&mut self) -> Result<(), UnreadableJobFile> {
        let undivided = |demand: &Demand, arrivals| DirectionDraft {
            split_rare: self.request.measured_pace && self.is_divisible(demand),
            streams: Streams::One,
            arrivals,
            order: Order::Plain,
            clusters: None,
            sequential: demand.sequential_share,
        };
        let evenly = self.demands.iter().map(|demand| undivided(demand, Arrivals::Even));
        let drafts: Vec<DirectionDraft> = evenly.collect();
        let randomly = self
            .demands
            .iter()
            .map(|demand| undivided(demand, self.arrivals(demand)));
        let random_drafts: Vec<DirectionDraft> = randomly.collect();
        if random_drafts != drafts {
            self.consider(Plan {
                drafts: random_drafts.clone(),
                ..Plan::default()
            })?;
        }
        self.consider(Plan {
            drafts,
            ..Plan::default()
        })?;
        for index in 0..self.demands.len() {
            self.vary_direction(index)?;
        }
        self.vary_hot_zone()?;
        for index in 0..self.demands.len() {
            self.vary_clusters(index)?;
            self.vary_order(index, false)?;
        }
        for index in 0..self.demands.len() {
            self.vary_order(index, true)?;
        }
        if !self.current().is_plain() {
            self.vary_hot_zone()?;
        }
        self.vary_walk(&random_drafts)
    }

    /// Tries the best plan with parts of the region that random commands prefer.
    fn vary_hot_zone(&mut self) -> Result<(), UnreadableJobFile> {
        for hot_zone in self.hot_zones() {
            let mut plan = self.current();
            plan.hot_zone = Some(hot_zone);
            self.consider(plan)?;
        }
        Ok(())
    }

    /// Tries walks, and the best of them in bursts. At full speed nothing bounds the way a walk takes.
    fn vary_walk(&mut self, undivided: &[DirectionDraft]) -> Result<(), UnreadableJobFile> {
        if !self.request.measured_pace {
            return Ok(());
        }
        let JobsRequest {
            target, span, seconds, ..
        } = *self.request;
        for walk in WalkDraft::suggested(target, self.demands, span, seconds) {
            let mut drafts = undivided.to_vec();
            for (draft, demand) in drafts.iter_mut().zip(self.demands) {
                draft.sequential = walk.sequential(demand, self.demands);
            }
            self.consider(Plan {
                drafts,
                walk: Some(walk),
                ..Plan::default()
            })?;
        }
        let best = self.best(|plan| plan.walk.is_some());
        if let (Some(mut plan), Some(bursts)) = (best, Bursts::measured(target, seconds)) {
            plan.walk = plan.walk.map(|walk| WalkDraft {
                bursts: Some(bursts),
                ..walk
            });
            plan.drafts.iter_mut().for_each(|draft| draft.arrivals = Arrivals::Even);
            self.consider(plan)?;
        }
        Ok(())
    }

    /// A short play of random arrivals scatters its rates by as much as their gates; only the long one judges them.
    fn gates(&self, plan: &Plan) -> Gates {
        let is_random = plan.drafts.iter().any(|draft| draft.arrivals == Arrivals::Random);
        if !self.request.measured_pace || (is_random && self.commands < SIMULATED_COMMANDS) {
            Gates::JOBS.at_full_speed()
        } else {
            Gates::JOBS
        }
    }

    /// Whether its commands are enough for several processes.
    fn is_divisible(&self, demand: &Demand) -> bool {
        demand.iops * self.request.seconds >= LEAST_DIVIDED_COMMANDS
    }

    /// Random arrivals where the replay has a pace and is long enough to keep its rates with them.
    fn arrivals(&self, demand: &Demand) -> Arrivals {
        let scatter = 1.0 + coefficient_of_variation(demand.sizes).powi(2);
        if self.request.measured_pace && demand.iops * self.request.seconds >= LEAST_RANDOM_COMMANDS * scatter {
            Arrivals::Random
        } else {
            Arrivals::Even
        }
    }

    /// Tries other ways to write one direction.
    fn vary_direction(&mut self, index: usize) -> Result<(), UnreadableJobFile> {
        let Some(demand) = self
            .demands
            .get(index)
            .copied()
            .filter(|demand| self.is_divisible(demand))
        else {
            return Ok(());
        };
        let by_stream = self
            .request
            .target
            .histograms
            .of(Metric::SeekDistanceClosest16, Operation::All)
            .map_or(0.0, sequential_share);
        // More commands continue one of the last sixteen than continue the last of their direction: several streams.
        if by_stream > demand.sequential_share + 0.03 {
            let ratio = demand.sequential_share / by_stream;
            let candidates = [
                Streams::Two(f64::midpoint(1.0, ratio)),
                Streams::Equal(2),
                Streams::Equal(4),
                Streams::Equal(8),
            ];
            let arrivals = self.arrivals(&demand);
            let fits = |streams: &Streams| self.request.measured_pace || streams.fit_into(demand.depth);
            for streams in candidates.into_iter().filter(fits) {
                self.consider_draft(index, |draft| {
                    draft.streams = streams;
                    draft.arrivals = arrivals;
                    draft.sequential = by_stream;
                })?;
            }
        }
        if self.request.measured_pace {
            self.consider_draft(index, |draft| draft.split_rare = false)?;
        }
        Ok(())
    }

    /// Tries places that come again, and steps, where the distances of a direction show some, or those of all commands.
    fn vary_order(&mut self, index: usize, is_among_others: bool) -> Result<(), UnreadableJobFile> {
        let target = self.request.target;
        let demand = self.demands.get(index).copied();
        let Some(demand) = demand.filter(|demand| self.is_divisible(demand)) else {
            return Ok(());
        };
        let orders = if is_among_others {
            let closest = target.histograms.of(Metric::SeekDistanceClosest16, Operation::All);
            closest.map(|closest| Order::among_others(&demand, closest))
        } else {
            let own = target.histograms.of(Metric::SeekDistance, demand.direction.operation());
            own.map(|own| Order::suggested(&demand, own))
        };
        for order in orders.unwrap_or_default() {
            for clusters in [None, self.clusters(&demand)] {
                self.consider_draft(index, |draft| {
                    draft.order = order;
                    draft.streams = Streams::One;
                    draft.clusters = clusters;
                    draft.sequential = (demand.sequential_share * order.dilution(clusters.is_some())).min(1.0);
                })?;
                if clusters.is_none() && self.clusters(&demand).is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Tries clusters where the gaps of a direction show some.
    fn vary_clusters(&mut self, index: usize) -> Result<(), UnreadableJobFile> {
        let Some(clusters) = self.demands.get(index).and_then(|demand| self.clusters(demand)) else {
            return Ok(());
        };
        for streams in [Streams::One, Streams::Equal(2)] {
            for split_rare in [true, false] {
                self.consider_draft(index, |draft| {
                    draft.clusters = Some(clusters);
                    draft.streams = streams;
                    draft.split_rare = split_rare;
                })?;
            }
        }
        Ok(())
    }

    /// The clusters that a direction's gaps show, where one process can make them.
    fn clusters(&self, demand: &Demand) -> Option<Clusters> {
        let JobsRequest { target, seconds, .. } = *self.request;
        let gaps = target.histograms.of(Metric::Interarrival, demand.direction.operation());
        let is_possible = |clusters: &Clusters| clusters.pause_us(demand.iops, seconds).is_some();
        let clusters = gaps.filter(|_| self.request.measured_pace).and_then(Clusters::measured);
        clusters.filter(is_possible)
    }

    fn consider_draft(
        &mut self,
        index: usize,
        change: impl FnOnce(&mut DirectionDraft),
    ) -> Result<(), UnreadableJobFile> {
        let mut plan = self.current();
        if let Some(draft) = plan.drafts.get_mut(index) {
            change(draft);
        }
        self.consider(plan)
    }

    /// Judges the best candidates so far by the play of the finished file and gives the best of them.
    ///
    /// Among them are the best of those with one position per direction, whose share of sequential commands depends
    /// least on how the processes' clocks meet, the best without clusters and steps, of which a short play sees few, and the
    /// best of all with even arrivals, whose rates do not scatter.
    fn finish(&mut self) -> Result<Plan, UnreadableJobFile> {
        let mut ranked = std::mem::take(&mut self.judged);
        ranked.sort_by(|(_, one), (_, other)| other.partial_cmp(one).unwrap_or(Ordering::Equal));
        let is_undivided = |plan: &Plan| plan.drafts.iter().all(|draft| draft.streams == Streams::One);
        let undivided = ranked.iter().position(|(plan, _)| is_undivided(plan));
        let plain = ranked.iter().position(|(plan, _)| plan.is_plain());
        let mut finalists: Vec<Plan> = Vec::new();
        for (index, (plan, _)) in ranked.into_iter().enumerate() {
            let is_chosen = finalists.len() < FINALISTS || [undivided, plain].contains(&Some(index));
            if is_chosen && !finalists.contains(&plan) {
                finalists.push(plan);
            }
        }
        if let Some(mut even) = finalists.first().cloned() {
            even.drafts.iter_mut().for_each(|draft| draft.arrivals = Arrivals::Even);
            if !finalists.contains(&even) {
                finalists.push(even);
            }
        }
        self.commands = SIMULATED_COMMANDS;
        for plan in finalists {
            self.consider(plan)?;
        }
        Ok(self.current())
    }

    /// The best plan so far.
    fn current(&self) -> Plan {
        self.best(|_| true).unwrap_or_default()
    }

    /// The best plan so far of those that are wanted.
    fn best(&self, is_wanted: fn(&Plan) -> bool) -> Option<Plan> {
        let wanted = self.judged.iter().filter(|(plan, _)| is_wanted(plan));
        let best = wanted.max_by(|one, other| one.1.partial_cmp(&other.1).unwrap_or(Ordering::Equal));
        best.map(|(plan, _)| plan.clone())
    }

    /// Zones from the edges of the seek histogram, where short seeks are too many for a uniform draw.
    fn hot_zones(&self) -> Vec<HotZone> {
        let sizes = [25_u64, 128, 512, 2048].map(|mebibytes| mebibytes << 20);
        let fitting = sizes.into_iter().filter(|bytes| *bytes < self.request.span / 2);
        fitting
            .flat_map(|bytes| [50, 70, 85, 95].map(|percent| HotZone { percent, bytes }))
            .collect()
    }

    /// Judges the plan, and again after each correction of its sequential shares.
    fn consider(&mut self, mut plan: Plan) -> Result<(), UnreadableJobFile> {
        let best = self.judged.iter().map(|(_, score)| score.composite).fold(0.0, f64::max);
        for _ in 0..=CORRECTIONS {
            let text = render(self.request, self.demands, &plan);
            let sections = sections(&text)?;
            if self.leave_region(&sections)? {
                break;
            }
            let observed = simulate(&sections, self.request.seed, self.commands)?;
            let fidelity = compare(
                self.request.target,
                observed.as_observation(),
                &self.gates(&plan),
                self.request.left_out,
            );
            let mut score = Score::of(&fidelity);
            // How often the disk sees one of several even processes twice in a row depends on how their clocks meet,
            // which no reading of a file can know: real runs were up to 8 points off. That gate counts as missed.
            let mut drafted = plan.drafts.iter().zip(self.demands);
            if drafted.any(|(draft, demand)| draft.depends_on_clocks(demand)) {
                score.missed -= 1;
            }
            if plan.walk.is_some_and(|walk| walk.bursts.is_some()) {
                score.composite += BURSTS_TOGETHER;
            }
            self.judged.push((plan.clone(), score));
            let is_near = score.composite >= best - FAR_BEHIND;
            if !is_near || !correct(&mut plan, self.demands, &observed.histograms) {
                break;
            }
        }
        Ok(())
    }

    /// Whether steps lead beyond the region before the run is over; at full speed nothing bounds them.
    fn leave_region(&self, sections: &[Section]) -> Result<bool, UnreadableJobFile> {
        for section in sections {
            if let Some(step) = Step::of(section)?
                && step.seconds_in(self.request.span) < self.request.seconds
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Moves the sequential shares by what the simulation missed; false when nothing is left to move.
fn correct(plan: &mut Plan, demands: &[Demand], simulated: &IntervalSet) -> bool {
    let mut moved = false;
    for (draft, demand) in plan.drafts.iter_mut().zip(demands) {
        let seeks = simulated.of(Metric::SeekDistance, demand.direction.operation());
        let missing = demand.sequential_share - seeks.map_or(0.0, sequential_share);
        let corrected = (draft.sequential + missing * draft.order.dilution(draft.clusters.is_some())).clamp(0.0, 1.0);
        moved |= (corrected - draft.sequential).abs() > 0.005;
        draft.sequential = corrected;
    }
    moved
}

fn render(request: &JobsRequest, demands: &[Demand], plan: &Plan) -> String {
    let region = Region {
        filename: request.filename.to_owned(),
        span: request.span,
        hot_zone: plan.hot_zone,
    };
    let context = SectionContext {
        name: request.name,
        region: &region,
        measured_pace: request.measured_pace,
        seconds: request.seconds,
        detuning: 1.0,
    };
    if let Some(walk) = plan.walk {
        let depth = depth(request.disks, Operation::All);
        return walk_sections(demands, &plan.drafts, walk, depth, context);
    }
    let drafted = demands.iter().zip(&plan.drafts).enumerate();
    drafted
        .map(|(index, (demand, draft))| {
            let detuning = if index > 0 && keep_step(demands, &plan.drafts) {
                DETUNING
            } else {
                1.0
            };
            direction_sections(demand, *draft, SectionContext { detuning, ..context })
        })
        .collect()
}

/// Whether both directions issue at even times whose rates are as small whole numbers, so that they would meet at the
/// same few distances for ever. Which these are depends on when the processes start, and no reading of a file can know.
fn keep_step(demands: &[Demand], drafts: &[DirectionDraft]) -> bool {
    let ([one, other], true) = (
        demands,
        drafts
            .iter()
            .all(|draft| draft.arrivals == Arrivals::Even && draft.clusters.is_none()),
    ) else {
        return false;
    };
    let ratio = one.iops / other.iops;
    (1..=SMALL_NUMBER).any(|part| {
        let scaled = ratio * f64::from(part);
        let whole = scaled.round();
        (1.0..=f64::from(SMALL_NUMBER)).contains(&whole) && (scaled / whole - 1.0).abs() < (DETUNING - 1.0) / 2.0
    })
}

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::{HistogramKind, Interval, Limits};

    use super::*;

    #[test]
    fn a_direction_with_a_handful_of_commands_is_not_divided() {
        let mut histograms = IntervalSet::default();
        let mut insert = |metric, operation, bucket: usize, count| {
            let mut interval = Interval::empty(Limits::known(metric));
            interval.counts[bucket] = count;
            interval.count = count;
            histograms.insert(HistogramKind::new(metric, operation).unwrap(), interval);
        };
        let next_block = Limits::known(Metric::SeekDistanceClosest16)
            .as_slice()
            .partition_point(|limit| *limit < 1);
        insert(Metric::IoLength, Operation::Read, 4, 4);
        insert(Metric::SeekDistanceClosest16, Operation::All, next_block, 4);
        let request = JobsRequest {
            target: Observation {
                histograms: &histograms,
                seconds: 981.0,
            },
            disks: &[],
            left_out: &[],
            name: "rare",
            filename: "${FILENAME}",
            span: 1 << 30,
            measured_pace: true,
            seconds: 300.0,
            seed: 1,
        };
        let demands = demands(request.target, request.disks);
        let mut search = Search {
            request: &request,
            demands: &demands,
            commands: SEARCH_COMMANDS,
            judged: Vec::new(),
        };
        search.run().unwrap();
        let drafts = search.judged.iter().flat_map(|(plan, _)| &plan.drafts);
        assert!(drafts.clone().count() > 0);
        for draft in drafts {
            assert!(draft.streams == Streams::One && !draft.split_rare, "{draft:?}");
        }
    }
}
