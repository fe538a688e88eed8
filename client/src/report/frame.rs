//! What every page has, whatever it reports on: head, policy, style, and the parts under their names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::data::Data;
use super::{script, style};

/// A part of the page: the name that leads to it, its title, and what stands there.
pub(super) type Section = (&'static str, &'static str, Markup);

/// A page. The reader meets its fields in their order.
pub(super) struct Frame {
    /// What the browser calls the page.
    pub(super) title: String,
    /// What it is about, and the verdict.
    pub(super) header: Markup,
    /// What has to be known before the parts are read.
    pub(super) notice: Markup,
    pub(super) sections: Vec<Section>,
    /// What the script works with; a page without it has no script.
    pub(super) data: Option<Data>,
}

impl Frame {
    /// The whole page.
    pub(super) fn page(&self) -> String {
        let style = style::sheet();
        let script = self.data.is_some().then(script::script);
        let whole = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy(&style, script.as_deref()));
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    title { (self.title) ": storage workload report" }
                    style { (PreEscaped(&style)) }
                }
                body {
                    (self.body())
                    @if let Some(script) = &script { script { (PreEscaped(script)) } }
                }
            }
        };
        whole.into_string()
    }

    fn body(&self) -> Markup {
        html! {
            header { (self.header) }
            nav aria-label="Parts" { @for (id, title, _) in &self.sections { a href={ "#" (id) } { (title) } " " } }
            main {
                (self.notice)
                @for (id, title, part) in &self.sections { section id=(id) { h2 { (title) } (part) } }
            }
            @if let Some(data) = &self.data {
                script type="application/json" id="data" { (PreEscaped(data.packed())) }
            }
            footer { p { "Made by vscsi-helper " (env!("CARGO_PKG_VERSION")) ". This page asks for nothing from anywhere." } }
        }
    }
}

/// What the page may load and run: this style sheet and this script, and nothing else.
fn policy(style: &str, script: Option<&str>) -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    let scripts = script.map_or_else(String::new, |script| format!(" script-src 'sha256-{}';", hash(script)));
    format!(
        "default-src 'none';{scripts} style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(style)
    )
}
