//! A job's time in parts, each with a profile of its own.

use std::str::FromStr;

use super::filter::Filter;
use super::options::Options;
use super::profile::Profile;
use super::select::{Boundary, InvalidBoundary, Period};
use super::selected::settle;
use super::{AnalysisError, Provenance, Sample, Series, Workload};

/// A busy or quiet stretch of fewer samples belongs to the stretch around it, unless it is so many times as busy or as
/// quiet.
const SHORTEST_PHASE_SAMPLES: usize = 3;
const FAR_APART: f64 = 10.0;

/// A part of a job's time that the user named: `NAME=FROM-TO`.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedPeriod {
    /// Its name.
    pub name: String,
    /// Its time.
    pub period: Period,
}

/// Why a text is no named period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPhase {
    /// It does not have the form `NAME=FROM-TO`.
    #[error("`{0}` is no phase: write NAME=FROM-TO, such as night=8h-16h")]
    Form(String),
    /// One of its ends is no time.
    #[error(transparent)]
    Boundary(#[from] InvalidBoundary),
}

impl FromStr for NamedPeriod {
    type Err = InvalidPhase;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || InvalidPhase::Form(text.to_owned());
        let (name, period) = text.split_once('=').ok_or_else(form)?;
        let well_named = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if name.is_empty() || !well_named {
            return Err(form());
        }
        // A date holds dashes too, so the dash that separates is the one with a time on both sides.
        let ends = period.match_indices('-').find_map(|(dash, _)| {
            let (from, to) = (period.get(..dash)?, period.get(dash + 1..)?);
            Some((from.parse::<Boundary>().ok()?, to.parse::<Boundary>().ok()?))
        });
        let (from, to) = ends.ok_or_else(form)?;
        Ok(Self {
            name: name.to_owned(),
            period: Period {
                from: Some(from),
                to: Some(to),
            },
        })
    }
}

/// A part of a job's time.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// `busy-1`, `quiet-1` and so on, or the user's name.
    pub name: String,
    /// Where its first sample begins, seconds since the first sample of the job.
    pub start_seconds: f64,
    /// Where its last sample ends.
    pub end_seconds: f64,
    /// Its samples, merged.
    pub workload: Workload,
    /// What they do.
    pub profile: Profile,
}

/// The periods that the user named; every sample in one counts, whatever its activity.
///
/// # Errors
/// [`AnalysisError::EmptyPhase`] for a period without a sample, [`AnalysisError::Undated`] for dates in an import,
/// [`AnalysisError::SeveralDays`] for a time of day that the job has more than once.
pub fn named(
    series: &Series,
    periods: &[NamedPeriod],
    provenance: &Provenance,
    options: &Options,
) -> Result<Vec<Phase>, AnalysisError> {
    let phase = |named: &NamedPeriod| {
        let stretch = settle(&provenance.job, series, &named.period)?;
        let kept: Vec<bool> = series.samples.iter().map(|sample| stretch.contains(sample)).collect();
        phase(series, named.name.clone(), &kept, provenance, options)
    };
    periods.iter().map(phase).collect()
}

/// The busy and quiet stretches of a job, in order of time; one phase when its activity has one level only.
///
/// # Errors
/// [`AnalysisError::LimitsChanged`] when samples cannot be merged.
pub fn automatic(series: &Series, provenance: &Provenance, options: &Options) -> Result<Vec<Phase>, AnalysisError> {
    let iops: Vec<f64> = series.samples.iter().map(Sample::iops).collect();
    let selection = Filter::Cluster.select(&iops);
    let levels = smooth(&selection.kept, &iops);
    let stretches = stretches(&levels);
    let one_level = stretches.len() == 1;
    let (mut busy, mut quiet) = (0, 0);
    let mut phases = Vec::new();
    for (range, is_busy) in stretches {
        let name = if one_level {
            "steady".to_owned()
        } else if is_busy {
            busy += 1;
            format!("busy-{busy}")
        } else {
            quiet += 1;
            format!("quiet-{quiet}")
        };
        let kept: Vec<bool> = (0..series.samples.len()).map(|index| range.contains(&index)).collect();
        phases.push(phase(series, name, &kept, provenance, options)?);
    }
    Ok(phases)
}

fn phase(
    series: &Series,
    name: String,
    kept: &[bool],
    provenance: &Provenance,
    options: &Options,
) -> Result<Phase, AnalysisError> {
    let mut inside = series
        .samples
        .iter()
        .zip(kept)
        .filter(|(_, kept)| **kept)
        .map(|(sample, _)| sample);
    let Some(first) = inside.next() else {
        return Err(AnalysisError::EmptyPhase { name });
    };
    let last = inside.next_back().unwrap_or(first);
    let provenance = Provenance {
        filter: format!("phase {name}"),
        samples_kept: kept.iter().filter(|kept| **kept).count(),
        io_share_kept: super::Shares::of(series, kept).ios,
        ..provenance.clone()
    };
    let workload = Workload::of(series, kept, provenance)?;
    Ok(Phase {
        name,
        start_seconds: first.start_seconds,
        end_seconds: last.start_seconds + last.seconds,
        profile: Profile::of(&workload, options.sequential_gap),
        workload,
    })
}

/// Stretches of equal level, in order.
fn stretches(levels: &[bool]) -> Vec<(std::ops::Range<usize>, bool)> {
    let mut start = 0;
    levels
        .chunk_by(|one, two| one == two)
        .map(|chunk| {
            let range = start..start + chunk.len();
            start = range.end;
            (range, chunk.first().copied().unwrap_or(false))
        })
        .collect()
}

/// Gives stretches that are too short the level of what surrounds them, the shortest first. One that is far apart from
/// what surrounds it stays: merged, it would make a phase of a rate that was never there.
fn smooth(levels: &[bool], iops: &[f64]) -> Vec<bool> {
    let mean = |range: std::ops::Range<usize>| {
        let inside = iops.get(range).unwrap_or_default();
        inside.iter().sum::<f64>() / inside.len().max(1) as f64
    };
    let mut levels = levels.to_vec();
    loop {
        let all = stretches(&levels);
        let is_far_apart = |index: usize, range: &std::ops::Range<usize>| {
            let own = mean(range.clone());
            let before = index.checked_sub(1).and_then(|index| all.get(index));
            let around = before.into_iter().chain(all.get(index + 1));
            around.map(|(range, _)| mean(range.clone())).all(|other| {
                let (least, most) = (own.min(other), own.max(other));
                most > FAR_APART * least
            })
        };
        let shortest = all
            .iter()
            .enumerate()
            .filter(|(index, (range, _))| range.len() < SHORTEST_PHASE_SAMPLES && !is_far_apart(*index, range))
            .map(|(_, stretch)| stretch)
            .min_by_key(|(range, _)| range.len());
        let Some((range, level)) = shortest.filter(|_| all.len() > 1) else {
            return levels;
        };
        for slot in levels.iter_mut().take(range.end).skip(range.start) {
            *slot = !level;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(text: &str) -> Vec<bool> {
        text.chars().map(|level| level == 'B').collect()
    }

    /// A busy sample has 100 IOPS, and a quiet one so many.
    fn iops(text: &str, quiet: f64) -> Vec<f64> {
        text.chars()
            .map(|level| if level == 'B' { 100.0 } else { quiet })
            .collect()
    }

    #[test]
    fn a_short_pause_in_a_busy_stretch_belongs_to_it() {
        assert_eq!(
            smooth(&levels("BBBBqBBBBqqqqq"), &iops("BBBBqBBBBqqqqq", 50.0)),
            levels("BBBBBBBBBqqqqq")
        );
    }

    #[test]
    fn a_single_sample_far_busier_than_those_around_it_stands() {
        let job = "qqqqBqqqqq";
        assert_eq!(smooth(&levels(job), &iops(job, 9.0)), levels(job));
        assert_eq!(smooth(&levels(job), &iops(job, 11.0)), levels("qqqqqqqqqq"));
    }

    #[test]
    fn stretches_of_three_samples_stand() {
        assert_eq!(
            smooth(&levels("BBBqqqBBB"), &iops("BBBqqqBBB", 50.0)),
            levels("BBBqqqBBB")
        );
    }

    #[test]
    fn a_phase_is_a_name_and_two_times() {
        let phase: NamedPeriod = "night=8h-16h".parse().unwrap();
        assert_eq!(phase.period.from, Some(Boundary::After(28_800.0)));
        assert_eq!(phase.period.to, Some(Boundary::After(57_600.0)));
    }

    #[test]
    fn the_times_of_a_phase_may_be_dates() {
        let phase: NamedPeriod = "peak=2025-11-06T08:30:00Z-2025-11-06T09:30:00Z".parse().unwrap();
        assert_eq!(
            phase.period.to,
            Some(Boundary::At("2025-11-06T09:30:00Z".parse().unwrap()))
        );
    }

    #[test]
    fn a_phase_without_a_name_or_an_end_is_refused() {
        for text in ["8h-16h", "=8h-16h", "night=8h", "a/b=1h-2h", "night=x-y"] {
            assert!(text.parse::<NamedPeriod>().is_err(), "{text} was accepted");
        }
    }
}
