//! The page of the live view, and what stands in it beside the report of a job.

use maud::{Markup, html};

use super::super::told::{self, Standing};
use super::super::{View, Watched};
use crate::report::live_page;

/// The page before it knows anything.
pub(super) fn shell() -> String {
    live_page(&html! {
        noscript { p.missing { "The live view needs scripts. `vscsi-helper report JOB` makes a page that does not." } }
        p.missing #lost role="status" {}
        div #standing { p { "connecting" } }
        div #job {}
    })
}

/// Hosts and jobs as they stand.
pub(super) fn standing(view: &View) -> String {
    let hosts = view.hosts.iter().map(|(name, state)| told::host(name, state, view.now));
    let class = |standing| match standing {
        Standing::Well => "well",
        Standing::Silent => "silent",
        Standing::Lost => "lost",
    };
    let whole: Markup = html! {
        ul.hosts { @for (text, standing) in hosts { li class=(class(standing)) { (text) } } }
        @if view.is_over() { p { "Every job has ended." } }
        @if view.jobs.is_empty() { p { "Waiting for the first answer." } }
        @else {
            div.wide { table.figures {
                thead { tr { @for heading in ["job", "host", "status", "samples", "next", "findings"] { th scope="col" { (heading) } } } }
                tbody { @for ((host, _), job) in &view.jobs { (row(view, host, job)) } }
            } }
        }
    };
    whole.into_string()
}

fn row(view: &View, host: &str, job: &Watched) -> Markup {
    html! {
        tr data-job=(job.name) {
            th scope="row" { (job.name) }
            td { (host) } td { (job.job.status) } td { (told::progress(job)) }
            td { (told::next(job, view.now)) } td { (told::findings(job)) }
        }
    }
}

/// A job of which nothing can be said yet.
pub(super) fn without_samples(job: &Watched) -> String {
    html! { p { "No sample of " (job.name) " has come yet." } }.into_string()
}
