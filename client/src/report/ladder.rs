//! What the page says of other samples than its own: the ladder of all choices that a filter can make.
//!
//! Every filter keeps the first few samples of one order, so a job has no more choices than samples. All of them were analysed
//! like the page's own one, or some two hundred of many; the page's script only finds out how many samples a threshold keeps.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Serialize;

use super::Replay;
use super::following::{Choice, Part};
use crate::analysis::explain::usual;
use crate::analysis::filter::{mean_and_deviation, order};
use crate::analysis::{Amounts, Analysis, AnalysisError, Described, Filter, Provenance, Sample};
use crate::fio::FioOptions;
use crate::number::{counted, percent, rate};

/// Up to so many samples every choice is there.
const EVERY: usize = 256;
/// Choices of more samples, evenly spaced; those of the thresholds that people use come on top.
const STEPS: u32 = 200;

/// All choices, the one with the fewest samples first.
#[derive(Debug, Serialize)]
pub(super) struct Ladder {
    /// The IOPS of the samples, the most first.
    iops: Vec<f64>,
    /// The place of each sample in that order, in order of time.
    places: Vec<usize>,
    /// Mean and standard deviation, from which `statistical` cuts.
    mean: f64,
    deviation: f64,
    /// Samples that `cluster` keeps.
    cluster: usize,
    /// Samples of each choice.
    rungs: Vec<usize>,
    /// The percentage that keeps exactly those, where there are samples without a choice of their own.
    percents: Option<Vec<f64>>,
    own: Own,
    /// Per method what its threshold may be, and the one to begin with.
    methods: BTreeMap<&'static str, Method>,
    /// What is told of each choice beside the control.
    said: Vec<String>,
    /// IOPS of the busiest sample in words.
    busiest: String,
    /// The parts of the page.
    parts: BTreeMap<String, Vec<Piece>>,
}

/// The filter of the page itself.
#[derive(Debug, Serialize)]
struct Own {
    method: &'static str,
    threshold: Option<f64>,
    kept: usize,
}

#[derive(Debug, Serialize)]
struct Method {
    allowed: &'static str,
    threshold: f64,
}

/// A piece of a part. The pieces of a part stand side by side, because what two neighbouring choices say of one thing is much
/// alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum Piece {
    /// The same in every choice.
    Same(String),
    /// One of each choice; `None` for that of the choice before.
    Each(Vec<Option<String>>),
}

/// What one choice says.
struct Rung {
    said: String,
    parts: Vec<String>,
}

impl Ladder {
    /// The ladder of the samples of an analysis, described as `provenance` describes its own choice, of which `own_replay`
    /// is the job.
    ///
    /// # Errors
    /// [`AnalysisError::LimitsChanged`] when samples that the filter left out cannot be merged with others.
    pub(super) fn of(
        analysis: &Analysis,
        provenance: &Provenance,
        options: &FioOptions,
        own_replay: &Replay,
    ) -> Result<Self, AnalysisError> {
        let iops: Vec<f64> = analysis.series.samples.iter().map(Sample::iops).collect();
        let order = order(&iops);
        let mut places = vec![0; order.len()];
        for (place, &sample) in order.iter().enumerate() {
            if let Some(slot) = places.get_mut(sample) {
                *slot = place;
            }
        }
        let filter = analysis.options.filter;
        let (rungs, replayed, own) = (rungs(&iops, filter), replayed(&iops, filter), kept(filter, &iops));
        let amounts = Amounts::of(&analysis.series);
        let said: Result<Vec<Rung>, AnalysisError> = rungs
            .par_iter()
            .map(|&number| {
                let kept: Vec<bool> = places.iter().map(|place| *place < number).collect();
                let shares = amounts.shares(&kept);
                let provenance = Provenance {
                    samples_kept: number,
                    io_share_kept: shares.ios,
                    ..provenance.clone()
                };
                let described = Described::of(&analysis.series, &kept, provenance, analysis.options.sequential_gap)?;
                let searched = if number != own && replayed.contains(&number) {
                    Replay::of(&described.workload, options)
                } else {
                    Replay::Elsewhere
                };
                let replay = if number == own { own_replay } else { &searched };
                let of = |place: usize| order.get(place).and_then(|sample| iops.get(*sample)).copied();
                let choice = Choice {
                    shares,
                    border: (of(number.saturating_sub(1)), of(number)),
                    ..Choice::own(analysis, replay).of(&described, replay)
                };
                Ok(Rung {
                    said: format!(
                        "{number} of {}, {} of the I/Os",
                        counted(iops.len(), "sample"),
                        percent(100.0 * shares.ios)
                    ),
                    parts: Part::ALL
                        .iter()
                        .map(|part| part.markup(&choice).into_string())
                        .collect(),
                })
            })
            .collect();
        let said = said?;
        let (mean, deviation) = mean_and_deviation(&iops);
        let parts = Part::ALL.iter().enumerate().map(|(index, part)| {
            let of_each = said.iter().filter_map(|rung| rung.parts.get(index));
            (part.name(), pieces(&of_each.map(String::as_str).collect::<Vec<_>>()))
        });
        Ok(Self {
            mean,
            deviation,
            cluster: kept(Filter::Cluster, &iops),
            own: Own {
                method: filter.method(),
                threshold: filter.threshold(),
                kept: own,
            },
            methods: usual(&iops)
                .into_iter()
                .rev()
                .filter_map(|filter| {
                    let method = Method {
                        allowed: filter.allowed(),
                        threshold: filter.threshold()?,
                    };
                    Some((filter.method(), method))
                })
                .collect(),
            percents: (iops.len() > EVERY).then(|| {
                let share = |number: &usize| 100.0 * *number as f64 / iops.len() as f64;
                rungs.iter().map(share).collect()
            }),
            busiest: rate(iops.iter().copied().fold(0.0, f64::max)),
            parts: parts.collect(),
            said: said.into_iter().map(|rung| rung.said).collect(),
            iops: order.iter().filter_map(|sample| iops.get(*sample).copied()).collect(),
            places,
            rungs,
        })
    }
}

#[cfg(test)]
impl Ladder {
    /// What a part of the page says of the choice of so many samples.
    pub(super) fn says(&self, part: Part, number: usize) -> String {
        let rung = self.rungs.iter().position(|rung| *rung == number).unwrap();
        let text = |piece: &'_ Piece| match piece {
            Piece::Same(text) => text.clone(),
            Piece::Each(changes) => changes[..=rung].iter().flatten().next_back().unwrap().clone(),
        };
        self.parts[&part.name()].iter().map(text).collect()
    }
}

fn kept(filter: Filter, iops: &[f64]) -> usize {
    filter.select(iops).kept.into_iter().filter(|kept| *kept).count()
}

/// The numbers of samples that are analysed, in ascending order.
fn rungs(iops: &[f64], own: Filter) -> Vec<usize> {
    if iops.len() <= EVERY {
        return (1..=iops.len()).collect();
    }
    let steps = (1..=STEPS).map(|step| Filter::Percentile(100.0 * f64::from(step) / f64::from(STEPS)));
    let numbers: BTreeSet<usize> = steps.map(|filter| kept(filter, iops)).collect();
    numbers.union(&replayed(iops, own)).copied().collect()
}

/// The numbers of samples that have a fio job: those of the thresholds that people use, and the page's own.
fn replayed(iops: &[f64], own: Filter) -> BTreeSet<usize> {
    let numbers = usual(iops).into_iter().chain([own]).map(|filter| kept(filter, iops));
    numbers.filter(|number| *number > 0).collect()
}

/// What the choices say in one part of the page, in pieces.
fn pieces(of_each: &[&str]) -> Vec<Piece> {
    let cut: Vec<Vec<&str>> = of_each.iter().map(|text| cells(text)).collect();
    let number = cut.first().map_or(0, Vec::len);
    if cut.iter().any(|cells| cells.len() != number) {
        return vec![piece(of_each)];
    }
    let mut pieces: Vec<Piece> = Vec::new();
    for index in 0..number {
        let texts: Vec<&str> = cut.iter().filter_map(|cells| cells.get(index).copied()).collect();
        match (pieces.last_mut(), piece(&texts)) {
            (Some(Piece::Same(before)), Piece::Same(text)) => before.push_str(&text),
            (_, piece) => pieces.push(piece),
        }
    }
    pieces
}

fn piece(texts: &[&str]) -> Piece {
    let mut before = None;
    let changes: Vec<Option<String>> = texts
        .iter()
        .map(|&text| (before.replace(text) != Some(text)).then(|| text.to_owned()))
        .collect();
    match changes.as_slice() {
        [Some(only), others @ ..] if others.iter().all(Option::is_none) => Piece::Same(only.clone()),
        _ => Piece::Each(changes),
    }
}

/// Markup cut before each element of a table or list, and after each line.
fn cells(markup: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let mut from = 0;
    for (at, character) in markup.char_indices() {
        let rest = markup.get(at..).unwrap_or_default();
        let begins = ["<t", "<d", "<p"].iter().any(|tag| rest.starts_with(tag));
        let cut = match character {
            '<' if begins => at,
            '\n' => at + 1,
            _ => continue,
        };
        cells.extend(markup.get(from..cut).filter(|cell| !cell.is_empty()));
        from = cut;
    }
    cells.extend(markup.get(from..).filter(|cell| !cell.is_empty()));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_to_256_samples_every_choice_is_there() {
        let iops: Vec<f64> = (0..256).map(f64::from).collect();
        assert_eq!(rungs(&iops, Filter::None), (1..=256).collect::<Vec<_>>());
    }

    #[test]
    fn of_many_samples_about_200_choices_are_there_and_those_of_every_usual_threshold_and_of_the_page_itself() {
        // Bursts, so that no usual threshold falls on an even step.
        let iops: Vec<f64> = (0..10_000).map(|index| f64::from(index % 97).powi(3)).collect();
        let own = Filter::Absolute(123_456.0);
        let rungs = rungs(&iops, own);
        assert!((200..=210).contains(&rungs.len()), "{}", rungs.len());
        for filter in usual(&iops).into_iter().chain([own]) {
            assert!(rungs.contains(&kept(filter, &iops)), "{filter:?}");
        }
    }

    #[test]
    fn the_percentage_told_of_a_choice_keeps_just_its_samples() {
        for samples in [257_u32, 1000, 1023, 9_999] {
            let iops: Vec<f64> = (0..samples).map(f64::from).collect();
            for number in 1..=iops.len() {
                let filter = Filter::Percentile(100.0 * number as f64 / iops.len() as f64);
                if number % 13 == 0 {
                    assert_eq!(kept(filter, &iops), number, "{filter:?} of {samples}");
                }
            }
        }
    }

    #[test]
    fn what_every_choice_says_alike_is_said_once_and_what_changes_only_where_it_does() {
        let texts = [
            "<tr><td>a</td><td>1</td></tr>",
            "<tr><td>a</td><td>1</td></tr>",
            "<tr><td>a</td><td>2</td></tr>",
        ];
        let each = [Some("<td>1</td></tr>"), None, Some("<td>2</td></tr>")];
        assert_eq!(
            pieces(&texts),
            [
                Piece::Same("<tr><td>a</td>".to_owned()),
                Piece::Each(each.map(|text| text.map(str::to_owned)).to_vec())
            ]
        );
    }

    #[test]
    fn parts_that_differ_in_their_elements_are_told_whole() {
        let texts = ["<dt>a</dt>", "<dt>a</dt><dd>b</dd>"];
        assert_eq!(
            pieces(&texts),
            [Piece::Each(texts.map(|text| Some(text.to_owned())).to_vec())]
        );
    }
}
