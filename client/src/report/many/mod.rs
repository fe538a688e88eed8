//! The report of three jobs and more: a table of VMs and hosts, what all of them are like together, and each in short.

mod each;
mod together;
mod verdict;

use maud::{Markup, PreEscaped, html};

use super::figure::{Figure, time};
use super::frame::Frame;
use super::parts;
use super::profile::{HEADINGS, in_short};
use super::verdict::subject;
use crate::analysis::profile::{Distribution, Profile};
use crate::analysis::together::{Common, merged};
use crate::analysis::{Analysis, Sample};
use crate::chart::{ChartInput, small_timeline};
use crate::number::{counted, rate};
use crate::store::UNKNOWN_HOST;

/// What jobs are sorted by, the most of it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum SortBy {
    /// I/Os per second
    #[default]
    Iops,
    /// Megabytes per second
    Mbps,
    /// 95th percentile of the latency of all commands
    P95,
}

impl SortBy {
    /// Its value in a profile; `None` where it is not known.
    fn of(self, profile: &Profile) -> Option<f64> {
        match self {
            Self::Iops => profile.iops.total,
            Self::Mbps => profile.throughput_mbps.total.map(|total| total.est),
            Self::P95 => latency(profile).map(|latency| latency.p95.est),
        }
    }

    /// What it is called inside a sentence.
    fn name(self) -> &'static str {
        match self {
            Self::Iops => "I/Os per second",
            Self::Mbps => "MB/s",
            Self::P95 => "p95 latency",
        }
    }

    /// The column of the table that it stands in.
    fn heading(self) -> &'static str {
        match self {
            Self::Iops => "IOPS",
            Self::Mbps => "MB/s",
            Self::P95 => "p95",
        }
    }
}

/// The latencies of all commands; where a capture lacks them, those of the direction with the larger p95.
fn latency(profile: &Profile) -> Option<&Distribution> {
    let latency = &profile.latency_ms;
    let larger = || {
        let both = [&latency.read, &latency.write].into_iter().flatten();
        both.max_by(|one, other| one.p95.est.total_cmp(&other.p95.est))
    };
    latency.all.as_ref().or_else(larger)
}

/// What a report of several jobs shows.
#[derive(Debug)]
pub struct Many<'analysis> {
    /// The jobs in the order of the table.
    jobs: Vec<&'analysis Analysis>,
    sort: SortBy,
    /// The profile of all of them, or why there is none.
    merged: Result<Profile, String>,
    common: Common,
}

impl<'analysis> Many<'analysis> {
    /// The report of several jobs. What cannot be made of them, such as a merged profile where bucket limits differ, is told
    /// in its place.
    pub fn of(jobs: &[&'analysis Analysis], sort: SortBy) -> Self {
        let mut jobs = jobs.to_vec();
        let value = |job: &Analysis| sort.of(&job.profile).unwrap_or(f64::NEG_INFINITY);
        // Those with the same value stay in the order in which they were named.
        jobs.sort_by(|one, other| value(other).total_cmp(&value(one)));
        let merged = match jobs.split_first() {
            Some((first, others)) => merged(first, others).map_err(|unlike| {
                let name = jobs.get(unlike.job).map(|job| job.job.job_id.to_string());
                format!(
                    "the bucket limits of job {} differ from those of the jobs before it in the table",
                    name.unwrap_or_default()
                )
            }),
            None => Err("there is no job".to_owned()),
        };
        Self {
            common: Common::of(&jobs),
            jobs,
            sort,
            merged,
        }
    }

    /// The page. The same analyses give the same bytes, whenever they were made.
    pub fn to_html(&self) -> String {
        let frame = Frame {
            title: self.subject(),
            header: self.header(),
            notice: html! {},
            sections: vec![
                ("jobs", "VMs and hosts", self.table()),
                ("together", "All jobs together", together::section(self)),
                ("each", "Each job", each::section(self)),
                ("method", "Method", method()),
            ],
            data: None,
        };
        frame.page()
    }

    /// `12 VMs on 3 hosts`, of which as much is told as is known.
    fn subject(&self) -> String {
        let vms = counted(distinct(self.jobs.iter().map(|job| subject(job))), "VM");
        let hosts = self.jobs.iter().map(|job| job.workload.provenance.host.clone());
        match distinct(hosts.filter(|host| host != UNKNOWN_HOST)) {
            0 => vms,
            hosts => format!("{vms} on {}", counted(hosts, "host")),
        }
    }

    fn header(&self) -> Markup {
        html! {
            p.kind { "Storage workload report of " (counted(self.jobs.len(), "job")) }
            h1 { (self.subject()) }
            p.verdict { (verdict::what(self)) }
            p.verdict.sure { (verdict::how_sure(self)) }
        }
    }

    fn table(&self) -> Markup {
        let headings = ["VM", "host", "IOPS over time", "busiest sample"];
        html! {
            p.note {
                "Sorted by " (self.sort.name()) ", the most first. Each job with the samples that its filter kept; ranges stand with "
                "each job below. Each small picture reaches from 0 to the highest step of its own, beside which the IOPS of the "
                "busiest sample stand; what the filter left out is grey, and hatched is the time without samples."
            }
            div.wide { table.figures.jobs {
                thead { tr {
                    @for heading in headings { th scope="col" { (heading) } }
                    @for heading in HEADINGS.into_iter().chain(["p95"]) {
                        @let is_sorted_by = (heading == self.sort.heading()).then_some("descending");
                        th scope="col" aria-sort=[is_sorted_by] { (heading) }
                    }
                } }
                tbody { @for (place, job) in self.jobs.iter().enumerate() { (row(place, job)) } }
            } }
        }
    }
}

/// The name that leads to the short section of the job at a place of the table.
fn anchor(place: usize) -> String {
    format!("job-{}", place + 1)
}

fn row(place: usize, job: &Analysis) -> Markup {
    let vm = subject(job);
    let drawn = small_timeline(&ChartInput::from(job), &format!("{vm}: IOPS over time"));
    let p95 = Figure::known(latency(&job.profile), |latency| {
        Figure::within(&latency.p95, latency.last_limit, time)
    });
    let busiest = job.series.samples.iter().map(Sample::iops).fold(0.0, f64::max);
    html! {
        tr {
            th scope="row" {
                a href={ "#" (anchor(place)) } { (vm) }
                " " span.range { (job.workload.provenance.job) }
            }
            td { (job.workload.provenance.host) }
            @match drawn {
                Ok(picture) => { td.small { (PreEscaped(picture)) } td { (rate(busiest)) } }
                Err(why) => { td.small { span.range { "no picture: " (why) } } td { "–" } }
            }
            @for figure in in_short(&job.profile).into_iter().chain([p95]) { td { b { (figure.estimate) } } }
        }
    }
}

fn distinct(names: impl Iterator<Item = String>) -> usize {
    names.collect::<std::collections::BTreeSet<_>>().len()
}

fn method() -> Markup {
    html! {
        (parts::how_it_is_measured())
        p {
            "The merged profile adds up the histograms of the kept samples of all jobs, so that each I/O counts once, whichever job "
            "issued it. Its rates are all I/Os and bytes over the observed time of all jobs: what a job does on average. What all jobs "
            "did at once is a sum of rates, and only told of the time that all of them have in common: there every sample counts, "
            "whatever the filter; a sample that reaches beyond that time counts by the share of it that lies inside, and the range "
            "tells the sum with all of its I/Os outside, or inside. The clocks are those of the hosts."
        }
    }
}

#[cfg(test)]
mod tests;
