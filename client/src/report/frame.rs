//! What every page has, whatever it reports on: head, policy, style, and the parts under their names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::data::Data;
use super::{script, style};

/// A part of the page: the name that leads to it, its title, and what stands there.
pub(super) type Section = (&'static str, &'static str, Markup);

/// The parts of a page that there is something to show in.
pub(super) fn present(parts: impl IntoIterator<Item = (&'static str, &'static str, Option<Markup>)>) -> Vec<Section> {
    let present = |(name, title, part): (_, _, Option<Markup>)| Some((name, title, part?));
    parts.into_iter().filter_map(present).collect()
}

/// A page. The reader meets its fields in their order.
pub(super) struct Frame<'a> {
    /// What the browser calls the page.
    pub(super) title: String,
    /// What it is about, and the verdict.
    pub(super) header: Markup,
    /// What has to be known before the parts are read.
    pub(super) notice: Markup,
    pub(super) sections: Vec<Section>,
    /// What the script works with; a page without it has no script.
    pub(super) data: Option<Data<'a>>,
}

impl Frame<'_> {
    /// The whole page.
    pub(super) fn page(&self) -> String {
        let script = self.data.is_some().then(script::script);
        let body = html! {
            (self.content())
            footer { p { "Made by vscsi-helper " (env!("CARGO_PKG_VERSION")) ". This page asks for nothing from anywhere." } }
        };
        let title = format!("{}: storage workload report", self.title);
        document(&title, &body, script.as_deref(), Reach::Nothing)
    }

    /// What the page says, with the data of its script.
    pub(super) fn content(&self) -> Markup {
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
        }
    }
}

/// What a page may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nothing, from nobody.
    Nothing,
    /// What is new, from the program that served it.
    ItsOrigin,
}

/// The document around a body.
pub(super) fn document(title: &str, body: &Markup, script: Option<&str>, reach: Reach) -> String {
    let style = style::sheet();
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy(&style, script, reach));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(&style)) }
            }
            body {
                (body)
                @if let Some(script) = script { script { (PreEscaped(script)) } }
            }
        }
    };
    whole.into_string()
}

/// What the page may load and run: this style sheet and this script, what it may ask for, and nothing else.
fn policy(style: &str, script: Option<&str>, reach: Reach) -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    let scripts = script.map_or_else(String::new, |script| format!(" script-src 'sha256-{}';", hash(script)));
    let connections = match reach {
        Reach::Nothing => "",
        Reach::ItsOrigin => " connect-src 'self';",
    };
    format!(
        "default-src 'none';{scripts} style-src 'sha256-{}';{connections} base-uri 'none'; form-action 'none'",
        hash(style)
    )
}
