//! `--style jobs`: the search for the fio jobs whose commands come nearest to the histograms.
//!
//! fio's options do not follow from the histograms in closed form: how often a process continues its own stream is an
//! option, how often the disk sees a continuation depends on who else is issuing. So candidates are written, read back,
//! played on paper and compared, and the best is kept.

use vscsi_shared::histogram::{IntervalSet, Metric, Operation};

use super::demand::{Demand, demands};
use super::draft::{DirectionDraft, HotZone, Region, SectionContext, Streams, direction_sections};
use super::job_file::{UnreadableJobFile, sections};
use super::simulate::simulate;
use crate::fidelity::{Fidelity, Gates, Observation, compare};
use crate::replay::sequential_share;

/// Commands simulated for a candidate.
const SEARCH_COMMANDS: u64 = 6_000;
/// Corrections of the sequential share before a candidate is judged.
const CORRECTIONS: usize = 2;

/// What the search is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JobsRequest<'a> {
    pub target: Observation<'a>,
    pub name: &'a str,
    pub filename: &'a str,
    pub span: u64,
    pub measured_pace: bool,
    pub seed: u64,
}

/// Finds the jobs for one target and writes their sections.
///
/// A file that runs at full speed is searched for at the measured pace, which is where processes can be compared.
pub(crate) fn find_jobs(request: &JobsRequest) -> Result<String, UnreadableJobFile> {
    let demands = demands(request.target.histograms, request.target.seconds);
    let mut search = Search {
        request,
        demands: &demands,
        best: None,
    };
    search.run()?;
    let plan = search.best.map(|(plan, _)| plan).unwrap_or_default();
    Ok(render(request, &demands, &plan, request.measured_pace))
}

/// One candidate: how each direction is written, and the hot zone they share.
#[derive(Debug, Clone, PartialEq, Default)]
struct Plan {
    drafts: Vec<DirectionDraft>,
    hot_zone: Option<HotZone>,
}

struct Search<'a> {
    request: &'a JobsRequest<'a>,
    demands: &'a [Demand<'a>],
    best: Option<(Plan, Score)>,
}

/// Fewer missed gates first, then the higher F.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
struct Score {
    gates_kept: i32,
    composite: f64,
}

impl Search<'_> {
    fn run(&mut self) -> Result<(), UnreadableJobFile> {
        let undivided = |demand: &Demand| DirectionDraft {
            split_rare: true,
            streams: Streams::One,
            sequential: demand.sequential_share,
        };
        self.consider(Plan {
            drafts: self.demands.iter().map(undivided).collect(),
            hot_zone: None,
        })?;
        for index in 0..self.demands.len() {
            self.vary_direction(index)?;
        }
        for hot_zone in self.hot_zones() {
            let mut plan = self.current();
            plan.hot_zone = Some(hot_zone);
            self.consider(plan)?;
        }
        Ok(())
    }

    /// Tries other ways to write one direction.
    fn vary_direction(&mut self, index: usize) -> Result<(), UnreadableJobFile> {
        let Some(demand) = self.demands.get(index).copied() else {
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
            for streams in candidates {
                self.consider_draft(index, |draft| {
                    draft.streams = streams;
                    draft.sequential = by_stream;
                })?;
            }
        }
        self.consider_draft(index, |draft| draft.split_rare = false)
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

    fn current(&self) -> Plan {
        self.best.as_ref().map(|(plan, _)| plan.clone()).unwrap_or_default()
    }

    /// Zones from the edges of the seek histogram, where short seeks are too many for a uniform draw.
    fn hot_zones(&self) -> Vec<HotZone> {
        let sizes = [25_u64, 128, 512, 2048].map(|mebibytes| mebibytes << 20);
        let fitting = sizes.into_iter().filter(|bytes| *bytes < self.request.span / 2);
        fitting
            .flat_map(|bytes| [50, 70, 85, 95].map(|percent| HotZone { percent, bytes }))
            .collect()
    }

    /// Keeps the plan when it is better than the best so far.
    fn consider(&mut self, mut plan: Plan) -> Result<(), UnreadableJobFile> {
        for _ in 0..=CORRECTIONS {
            let text = render(self.request, self.demands, &plan, true);
            let observed = simulate(&sections(&text)?, self.request.seed, SEARCH_COMMANDS)?;
            let score = score(&compare(
                self.request.target,
                observed.as_observation(),
                &Gates::JOBS,
                &[],
            ));
            if self.best.as_ref().is_none_or(|(_, best)| score > *best) {
                self.best = Some((plan.clone(), score));
            }
            if !correct(&mut plan, self.demands, &observed.histograms) {
                break;
            }
        }
        Ok(())
    }
}

/// Moves the sequential shares by what the simulation missed; false when nothing is left to move.
fn correct(plan: &mut Plan, demands: &[Demand], simulated: &IntervalSet) -> bool {
    let mut moved = false;
    for (draft, demand) in plan.drafts.iter_mut().zip(demands) {
        let seeks = simulated.of(Metric::SeekDistance, demand.direction.operation());
        let missing = demand.sequential_share - seeks.map_or(0.0, sequential_share);
        let corrected = (draft.sequential + missing).clamp(0.0, 1.0);
        moved |= (corrected - draft.sequential).abs() > 0.005;
        draft.sequential = corrected;
    }
    moved
}

fn score(fidelity: &Fidelity) -> Score {
    let missed = i32::try_from(fidelity.missed().len()).unwrap_or(i32::MAX);
    Score {
        gates_kept: -missed,
        composite: fidelity.score.unwrap_or(0.0),
    }
}

fn render(request: &JobsRequest, demands: &[Demand], plan: &Plan, measured_pace: bool) -> String {
    let region = Region {
        filename: request.filename.to_owned(),
        span: request.span,
        hot_zone: plan.hot_zone,
    };
    let context = SectionContext {
        name: request.name,
        region: &region,
        measured_pace,
    };
    let drafted = demands.iter().zip(&plan.drafts);
    drafted
        .map(|(demand, draft)| direction_sections(demand, *draft, context))
        .collect()
}
