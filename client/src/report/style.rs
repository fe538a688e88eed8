//! How the page looks: on paper, on a light or dark screen, and on a narrow one.

use crate::chart::stylesheet;

/// The rules of the page itself; colours are those of the charts.
const PAGE: &str = include_str!("page.css");

/// The whole sheet.
pub(super) fn sheet() -> String {
    let own: String = PAGE
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("/*"))
        .collect();
    format!("{}{own}", stylesheet())
}
