//! What all jobs are like together, and how much they did at once.

use maud::{Markup, html};

use super::Many;
use crate::analysis::together::{Common, Load};
use crate::number::rate;
use crate::report::figure::Figure;
use crate::report::parts::moment;
use crate::report::profile;

/// The sum of what was done at once, as far as there is one, and the merged profile.
pub(super) fn section(many: &Many<'_>) -> Markup {
    html! {
        p { (at_once(many)) }
        @if let Common::Time(load) = &many.common { (sums(load)) }
        h3 { "The merged profile" }
        @match &many.merged {
            Ok(merged) => {
                p.note {
                    "All I/Os of the kept samples of all jobs. The rates are those of a job on average while it was observed, and no sum."
                }
                (profile::table(merged))
            }
            Err(why) => p.missing { "There is no merged profile: " (why) "." },
        }
    }
}

/// Whether the jobs ran at the same time, and what that means for their sum.
fn at_once(many: &Many<'_>) -> String {
    match &many.common {
        Common::Time(load) => format!(
            "All jobs were observed at the same time from {} to {}. This is what they did together in that time, by every sample, \
             whatever the filter.",
            moment(load.from),
            moment(load.to)
        ),
        Common::None { some_overlap: true } => {
            "There is no moment at which all of the jobs were observed, although some were at the same time: their rates have no \
             sum."
                .to_owned()
        }
        Common::None { some_overlap: false } => {
            "No two of the jobs were observed at the same time: their rates have no sum.".to_owned()
        }
        Common::Undated { job } => {
            let name = many.jobs.get(*job).map(|job| job.job.job_id.to_string());
            format!(
                "When job {} ran is not known, because it was imported from a capture: whether the jobs ran at the same time cannot be \
                 told, and their rates have no sum.",
                name.unwrap_or_default()
            )
        }
    }
}

fn sums(load: &Load) -> Markup {
    let sums = [
        ("I/Os per second of all jobs", load.iops),
        ("MB/s of all jobs", load.mbps),
    ];
    html! {
        dl.tiles {
            @for (name, sum) in sums {
                @let figure = Figure::known(sum, |sum| Figure::of(&sum, rate));
                div {
                    dt { (name) }
                    dd { (figure.estimate) }
                    @if let Some(range) = &figure.range { dd.was { (range) } }
                }
            }
        }
    }
}
